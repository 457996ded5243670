#include "synth/operator_space.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "base/error.h"
#include "synth/domain_cases.h"
#include "synth/type_relation.h"

namespace drtriton {
namespace {

DType Representative(const SlotDType& dtype) {
  if (dtype.families & 1U) return DType::kFloat32;
  return dtype.families & 2U ? DType::kInt64 : DType::kBool;
}

std::vector<DType> Representatives(const DomainForm& form) {
  std::vector<DType> dtypes;
  for (const SlotDType& dtype : form.dtypes) dtypes.push_back(Representative(dtype));
  return dtypes;
}

const Attr* Find(const ShapeCase& shape_case, const OperatorInfo& info, std::string_view argument) {
  const int position = info.schema.Find(argument);
  for (const auto& [at, value] : shape_case.arguments) {
    if (at == position) return &value;
  }
  if (position < 0) return nullptr;
  const std::optional<Attr>& otherwise = info.schema.arguments[static_cast<size_t>(position)].default_value;
  return otherwise ? &*otherwise : nullptr;
}

// ---- What a case asks of sizes beyond the rule: that each node matters

// The dimensions of the first slot that the operator works along; all when it names none.
std::vector<size_t> WorkedDims(const OperatorInfo& info, const ShapeCase& shape_case) {
  const int64_t rank = static_cast<int64_t>(shape_case.slots[0].size());
  const Attr* dim = Find(shape_case, info, info.schema.Find("dim") >= 0 ? "dim" : "dims");
  std::vector<int64_t> dims;
  if (dim != nullptr && !dim->IsNone()) dims = dim->AsInts();
  std::vector<size_t> flat;
  for (int64_t d : dims) flat.push_back(static_cast<size_t>(d < 0 ? d + rank : d));
  if (dims.empty()) {
    for (size_t d = 0; d < static_cast<size_t>(rank); ++d) flat.push_back(d);
  }
  return flat;
}

void AtLeast(ShapeCase& shape_case, const SizeTerm& term, int32_t least) {
  for (int i = 0; i < term.count; ++i) {
    int32_t& size = shape_case.least[static_cast<size_t>(term.letters[static_cast<size_t>(i)])];
    if (term.coefficient < least) size = std::max(size, least);
  }
}

void AtMost(ShapeCase& shape_case, const SizeTerm& term, int32_t most) {
  for (int i = 0; i < term.count; ++i) {
    int32_t& size = shape_case.most[static_cast<size_t>(term.letters[static_cast<size_t>(i)])];
    size = size == 0 ? most : std::min(size, most);
  }
}

// Reductions, scans and softmax work along more than one element; a normalised group has several.  False: the case is
// of no use at any size.
bool DemandSubstance(const OperatorInfo& info, const NumericRule& rule, ShapeCase& shape_case) {
  const bool moves = info.schema.Find("dim") >= 0 || info.schema.Find("dims") >= 0;
  const bool along = info.kind == OpKind::kReduction || info.kind == OpKind::kScan || info.kind == OpKind::kSoftmax ||
                     ((info.kind == OpKind::kOther || info.name.starts_with("aten.flip") ||
                       info.name.starts_with("aten.roll")) && moves);
  if (along) {
    if (shape_case.slots[0].empty()) return false;
    const std::vector<size_t> dims = WorkedDims(info, shape_case);
    const bool all = Find(shape_case, info, "dim") == nullptr;
    for (size_t i = all ? dims.size() - 1 : 0; i < dims.size(); ++i) AtLeast(shape_case, shape_case.slots[0].at(dims[i]), 2);
    // A product of many vanishes or overflows.
    if (rule.gather[0] == Gather::kProduct) {
      for (size_t dim : dims) AtMost(shape_case, shape_case.slots[0][dim], dims.size() > 2 ? 4 : 16);
    }
  }
  if (info.kind == OpKind::kNormalisation) {
    const std::vector<SizeTerm>& input = shape_case.slots[0];
    const bool batch = info.name.starts_with("aten.batch_norm");
    if (!batch) AtLeast(shape_case, input.back(), 4);
  }
  // Windows reach beyond the edge only in part.
  const bool windows = info.kind == OpKind::kConvolution || info.kind == OpKind::kPooling;
  const size_t rank = shape_case.slots[0].size();
  const size_t spatial = info.name.find("1d") != info.name.npos   ? 1U
                         : info.name.find("3d") != info.name.npos ? 3U
                                                                  : 2U;
  for (size_t d = rank - std::min(rank, spatial); windows && d < rank; ++d) AtLeast(shape_case, shape_case.slots[0][d], 5);
  // Something of the tensor is left beside what is overwritten.
  if (info.name.starts_with("aten.index_fill")) {
    for (const SizeTerm& term : shape_case.slots[0]) AtLeast(shape_case, term, 12);
    for (const SizeTerm& term : shape_case.slots[1]) AtMost(shape_case, term, 4);
  }
  if (info.kind == OpKind::kLoss || info.name.starts_with("aten.tril") || info.name.starts_with("aten.triu")) {
    for (const SizeTerm& term : shape_case.slots[0]) AtLeast(shape_case, term, 2);
  }
  return true;
}

// A view of the whole in the same shape and order is no operation.
bool IsIdentity(const OperatorInfo& info, const std::vector<TensorSlot>& slots, const std::vector<DType>& dtypes,
                const ShapeCase& shape_case) {
  if (info.view == nullptr || info.schema.Find("dtype") >= 0) return false;
  std::vector<int64_t> sizes;
  for (int i = 0; i < shape_case.letters; ++i) {
    const size_t at = static_cast<size_t>(i);
    sizes.push_back(shape_case.most[at] > 0 ? shape_case.most[at] : 24 + 12 * i);
  }
  const Trial trial = MakeTrial(info, slots, shape_case, sizes, dtypes);
  const std::optional<StridedView> view = ViewOf(trial.program, trial.node);
  const Value& input = trial.program.values[0];
  return view && view->offset == 0 && view->shape == input.shape && view->strides == input.strides;
}

// ---- Positions

SizeTerm ProductOf(const std::vector<SizeTerm>& terms, size_t begin) {
  SizeTerm product;
  for (size_t i = begin; i < terms.size(); ++i) {
    product.coefficient *= terms[i].coefficient;
    for (int l = 0; l < terms[i].count && product.count < 5; ++l)
      product.letters[static_cast<size_t>(product.count++)] = terms[i].letters[static_cast<size_t>(l)];
  }
  return product;
}

// What the positions in slot s index: they lie below this size.
SizeTerm LimitOf(const OperatorInfo& info, const std::vector<TensorSlot>& slots, const ShapeCase& shape_case, size_t s) {
  if (info.name.starts_with("aten.embedding")) return shape_case.parameters.at(0).shape.at(0);
  if (const Attr* classes = Find(shape_case, info, "num_classes"))
    return SizeTerm{.coefficient = static_cast<int32_t>(classes->AsInt()), .count = 0, .letters = {}};
  const std::vector<SizeTerm>& self = shape_case.slots[0];
  if (info.kind == OpKind::kLoss) return self.at(self.size() > 1 ? 1 : 0);
  if (slots[s].item >= 0) return self.at(static_cast<size_t>(slots[s].item));
  return self.at(WorkedDims(info, shape_case).at(0));
}

void DescribePositions(const OperatorInfo& info, const NumericRule& rule, const std::vector<TensorSlot>& slots,
                       const std::vector<SlotDType>& dtypes, ShapeCase& shape_case) {
  shape_case.index_limits.resize(slots.size());
  for (size_t s = 0; s < slots.size(); ++s) {
    if (IsIndexSlot(rule, slots[s], dtypes[s])) shape_case.index_limits[s] = LimitOf(info, slots, shape_case, s);
    if (shape_case.index_limits[s]) AtLeast(shape_case, *shape_case.index_limits[s], 2);  // one position is no choice
  }
  shape_case.bounds.resize(shape_case.results.size());
  for (size_t k = 0; k < shape_case.results.size(); ++k) {
    if (rule.gather[std::min(k, rule.gather.size() - 1)] != Gather::kIndex) continue;
    const std::vector<SizeTerm>& self = shape_case.slots[0];
    const size_t spatial = shape_case.results[0].size() - (info.name.find("3d") != info.name.npos ? 3U
                                                           : info.name.find("2d") != info.name.npos ? 2U : 1U);
    if (info.kind == OpKind::kPooling) {
      shape_case.bounds[k] = ProductOf(self, spatial);
    } else {
      const std::vector<size_t> dims = WorkedDims(info, shape_case);
      shape_case.bounds[k] = dims.size() == 1 ? self.at(dims[0]) : ProductOf(self, 0);
    }
  }
}

// ---- Forms

// Parts of a tensor are as many as its size says: sizes of 2 to 4 are tried beside open ones.
std::vector<ShapeCase> WithPinnedSizes(const OperatorInfo& info, const ShapeCase& shape_case) {
  std::vector<ShapeCase> cases = {shape_case};
  if (info.schema.results.empty() || !info.schema.results[0].is_list) return cases;
  for (int letter = 0; letter < shape_case.letters; ++letter) {
    for (int32_t size = 2; size <= kMaxResults; ++size) {
      ShapeCase pinned = shape_case;
      pinned.least[static_cast<size_t>(letter)] = pinned.most[static_cast<size_t>(letter)] = size;
      cases.push_back(std::move(pinned));
    }
  }
  return cases;
}

// A text that is equal where two cases pose the same conditions on shapes.
std::string ShapeSignature(const ShapeCase& c) {
  std::string text;
  const auto number = [&text](int64_t n) { text += std::to_string(n) + ","; };
  const auto term = [&](const SizeTerm& t) {
    number(t.coefficient);
    for (int i = 0; i < t.count; ++i) number(100 + t.letters[static_cast<size_t>(i)]);
    text += ";";
  };
  for (const auto& slot : c.slots) {
    for (const SizeTerm& t : slot) term(t);
    text += "|";
  }
  for (const auto& result : c.results) {
    for (const ResultDim& d : result) {
      number(static_cast<int>(d.kind));
      term(d.term);
      term(d.other);
      for (int32_t n : {int32_t{d.letter}, d.a, d.b, d.c}) number(n);
    }
    text += "|";
  }
  for (const ParameterTensor& parameter : c.parameters) {
    for (const SizeTerm& t : parameter.shape) term(t);
    text += "|";
  }
  for (int i = 0; i < c.letters; ++i) {
    number(c.least[static_cast<size_t>(i)]);
    number(c.most[static_cast<size_t>(i)]);
  }
  for (const auto* list : {&c.index_limits, &c.bounds}) {
    for (const auto& limit : *list) {
      if (limit) term(*limit);
      text += "|";
    }
  }
  return text;
}

bool RanksFit(const ShapeCase& shape_case) {
  const auto fits = [](const auto& dims) { return dims.size() <= static_cast<size_t>(kMaxRank); };
  return std::all_of(shape_case.slots.begin(), shape_case.slots.end(), fits) &&
         std::all_of(shape_case.results.begin(), shape_case.results.end(), fits);
}

void SortIntoRows(OperatorForm& form) {
  std::map<std::string, int> classes;
  for (size_t c = 0; c < form.cases.size(); ++c) {
    ShapeCase& shape_case = form.cases[c];
    shape_case.shape_class = classes.emplace(ShapeSignature(shape_case), static_cast<int>(classes.size())).first->second;
    std::vector<RankRow> rows(1);
    for (int s = 0; s < form.slot_count(); ++s) {
      const bool open = (form.broadcast >> s) & 1U;
      const int fixed = static_cast<int>(shape_case.slots[static_cast<size_t>(s)].size());
      std::vector<RankRow> longer;
      for (const RankRow& row : rows) {
        for (int rank = open ? 0 : fixed; rank <= (open ? 4 : fixed); ++rank) {
          longer.push_back(row);
          longer.back().slots[static_cast<size_t>(s)] = static_cast<int8_t>(rank);
        }
      }
      rows = std::move(longer);
    }
    for (RankRow& row : rows) {
      int8_t joint = 0;
      for (int s = 0; s < form.slot_count(); ++s) {
        if ((form.broadcast >> s) & 1U) joint = std::max(joint, row.slots[static_cast<size_t>(s)]);
      }
      for (int k = 0; k < form.results; ++k)
        row.results[static_cast<size_t>(k)] =
            form.broadcast ? joint : static_cast<int8_t>(shape_case.results[static_cast<size_t>(k)].size());
      const auto same = [&row](const RankRow& other) { return other.slots == row.slots && other.results == row.results; };
      auto found = std::find_if(form.rows.begin(), form.rows.end(), same);
      if (found == form.rows.end()) {
        form.rows.push_back(row);
        found = form.rows.end() - 1;
      }
      found->cases.push_back(static_cast<int>(c));
    }
  }
}

void SummariseRanks(OperatorForm& form) {
  for (const RankRow& row : form.rows) {
    for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
      const RankMask result = static_cast<RankMask>(1U << row.results[k]);
      form.gives_rank[k] |= result;
      for (size_t s = 0; s < form.slots.size(); ++s)
        form.gives_rank_when[k][s][static_cast<size_t>(row.slots[s])] |= result;
    }
    for (size_t s = 0; s < form.slots.size(); ++s)
      form.accepts_rank[s] |= static_cast<RankMask>(1U << row.slots[s]);
  }
}

// The results of broadcasting slots have the joint shape, as the rule itself says.
bool BroadcastsJointly(const OperatorInfo& info, const DomainForm& form, const ShapeCase& shape_case) {
  std::vector<Shape> shapes;
  for (size_t s = 0; s < form.slots.size(); ++s) shapes.push_back(s == 0 ? Shape{5, 1, 3} : s == 1 ? Shape{7, 3} : Shape{5, 7, 1});
  Shape expected;
  for (size_t s = 0; s < form.slots.size(); ++s) {
    if (!((form.broadcast >> s) & 1U)) continue;
    expected.insert(expected.begin(), shapes[s].size() > expected.size() ? shapes[s].size() - expected.size() : 0, 1);
    for (size_t d = 0; d < shapes[s].size(); ++d) {
      int64_t& size = expected[expected.size() - shapes[s].size() + d];
      size = std::max(size, shapes[s][d]);
    }
  }
  const Trial trial = MakeTrial(info, form.slots, shape_case, {}, Representatives(form), shapes);
  try {
    const std::vector<InferredValue> results = InferOutputs(trial.program, trial.node);
    return results.size() == 1 && results[0].shape == expected;
  } catch (const UserError&) {
    return false;
  }
}

class SpaceBuilder {
 public:
  // Operators are independent of each other, so several threads work on them.
  std::unique_ptr<OperatorSpace> Run() {
    const std::vector<OperatorInfo>& infos = AllOperators();
    std::vector<std::vector<OperatorForm>> forms(infos.size());
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t i = next++; i < infos.size(); i = next++) {
        if (const NumericRule* rule = RuleOf(infos[i], nullptr)) forms[i] = FormsOf(infos[i], *rule);
      }
    };
    std::vector<std::future<void>> others;
    for (unsigned n = 1; n < std::min(std::thread::hardware_concurrency(), kMostThreads); ++n)
      others.push_back(std::async(std::launch::async, work));
    work();
    for (std::future<void>& other : others) other.get();
    for (size_t i = 0; i < infos.size(); ++i) Add(infos[i], std::move(forms[i]));
    return std::move(space_);
  }

 private:
  static constexpr unsigned kMostThreads = 8;

  static std::vector<OperatorForm> FormsOf(const OperatorInfo& info, const NumericRule& rule) {
    std::vector<OperatorForm> forms;
    for (const DomainForm& domain : CallingForms(info)) {
      for (OperatorForm& form : MakeForms(info, rule, domain)) forms.push_back(std::move(form));
    }
    return forms;
  }

  void Add(const OperatorInfo& info, std::vector<OperatorForm> forms) {
    std::string_view reason;
    if (RuleOf(info, &reason) == nullptr) {
      space_->left_out.push_back({info.name, std::string(reason)});
      return;
    }
    SpaceOperator made{.info = &info, .forms = {}};
    for (OperatorForm& form : forms) {
      form.op = static_cast<int>(space_->operators.size());
      made.forms.push_back(static_cast<int>(space_->forms.size()));
      space_->forms.push_back(std::move(form));
    }
    if (made.forms.empty()) {
      space_->left_out.push_back({info.name, "is always constant, or has no case with results of known shapes"});
    } else {
      space_->operators.push_back(std::move(made));
    }
  }

  // Words among the arguments may change dtypes: division rounds or does not.  What the results are for integers.
  static std::string IntegerSignature(const OperatorInfo& info, const DomainForm& domain, const ShapeCase& shape_case) {
    const auto& arguments = info.schema.arguments;
    const auto is_word = [](const SchemaArgument& argument) { return argument.type == ArgType::kString; };
    if (info.kind != OpKind::kPointwise || std::none_of(arguments.begin(), arguments.end(), is_word)) return "";
    const std::vector<DType> dtypes(domain.slots.size(), DType::kInt64);
    const Trial trial = MakeTrial(info, domain.slots, shape_case, std::vector<int64_t>(kMaxLetters, 6), dtypes, std::vector<Shape>(domain.slots.size(), Shape{6, 4}));
    try {
      return std::string(Name(InferOutputs(trial.program, trial.node).at(0).dtype));
    } catch (const UserError&) {
      return "refused";
    }
  }

  // One form for each number of results.
  static std::vector<OperatorForm> MakeForms(const OperatorInfo& info, const NumericRule& rule, const DomainForm& domain) {
    std::map<std::pair<size_t, std::string>, std::vector<ShapeCase>> by_results;
    for (const ShapeCase& raw : domain.cases) {
      for (ShapeCase& shape_case : WithPinnedSizes(info, raw)) {
        // Without a word for rounding it is another operator.
        const Attr* const rounding = Find(shape_case, info, "rounding_mode");
        if (rounding != nullptr && rounding->IsNone()) continue;
        if (!Complete(info, rule, domain, shape_case)) continue;
        const size_t results = domain.broadcast ? 1 : shape_case.results.size();
        by_results[{results, IntegerSignature(info, domain, shape_case)}].push_back(std::move(shape_case));
      }
    }
    std::vector<OperatorForm> forms;
    for (auto& [key, cases] : by_results) {
      const size_t results = key.first;
      if (results == 0 || results > static_cast<size_t>(kMaxResults)) continue;
      OperatorForm form;
      form.info = &info;
      form.rule = &rule;
      form.slots = domain.slots;
      form.results = static_cast<int>(results);
      form.broadcast = domain.broadcast;
      form.cases = std::move(cases);
      SortIntoRows(form);
      SummariseRanks(form);
      if (RelateTypes(domain, form)) forms.push_back(std::move(form));
    }
    return forms;
  }

  static bool Complete(const OperatorInfo& info, const NumericRule& rule, const DomainForm& domain,
                       ShapeCase& shape_case) {
    if (domain.broadcast) {
      shape_case.index_limits.resize(domain.slots.size());
      shape_case.bounds.resize(1);
      return BroadcastsJointly(info, domain, shape_case);
    }
    const std::vector<DType> dtypes = Representatives(domain);
    if (!FitResults(info, domain.slots, dtypes, shape_case) || !RanksFit(shape_case)) return false;
    const bool list = info.schema.results.size() == 1 && info.schema.results[0].is_list;
    if (list && shape_case.results.size() < 2) return false;
    if (IsIdentity(info, domain.slots, dtypes, shape_case)) return false;
    if (!DemandSubstance(info, rule, shape_case)) return false;
    DescribePositions(info, rule, domain.slots, domain.dtypes, shape_case);
    return true;
  }

  std::unique_ptr<OperatorSpace> space_ = std::make_unique<OperatorSpace>();
};

}  // namespace

const OperatorSpace& TheOperatorSpace() {
  static const OperatorSpace* const space = SpaceBuilder().Run().release();
  return *space;
}

}  // namespace drtriton
