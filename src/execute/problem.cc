#include "execute/problem.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"
#include "execute/input_sets.h"
#include "execute/operator_name.h"
#include "execute/torch_values.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

constexpr int kRoundedDraws = 2, kMostRoundedDraws = 16;
constexpr int64_t kFewSamples = 34;   // with as many, the largest of honest errors is known well enough (g of numerics.h: 1.4)
constexpr int kJumpedDraws = 4;
constexpr double kFloat32Epsilon = 1.1920928955078125e-7;

// Moves every element by at most half of `epsilon`, relatively.
at::Tensor Moved(const at::Tensor& tensor, double epsilon) {
  return tensor * at::rand_like(tensor).sub_(0.5).mul_(epsilon).add_(1);
}

// A seed for one purpose, so that a set that is made again is the same.
uint64_t Mixed(uint64_t seed, const std::string& purpose) {
  return (seed ^ std::hash<std::string>()(purpose)) * 0x9e3779b97f4a7c15ull >> 1;
}

double RmsDifference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0;
  const at::Tensor squares = (a.to(at::kDouble) - b).square().nan_to_num_(0, 0, 0);
  return std::sqrt(squares.mean().item<double>());
}

// Operators whose index result picks from their first argument, along the dimension `dim` if they have such an argument.
struct IndexOperator {
  const char* base;
  int32_t output;         // the index
  bool distinct = false;  // it keeps several positions of each row, none twice
};
constexpr IndexOperator kIndexOperators[] = {{"argmax", 0}, {"argmin", 0}, {"max", 1}, {"min", 1}, {"topk", 1, true}, {"sort", 1, true}, {"argsort", 0, true}, {"mode", 1}, {"median", 1}, {"nanmedian", 1}, {"kthvalue", 1}};

// An argument by its name; nullptr: the operator has none of that name.
const Attr* ArgumentOf(const Node& node, const char* name) {
  const int at = SchemaOf(node).Find(name);
  return at < 0 || static_cast<size_t>(at) >= node.args.size() ? nullptr : &node.args[static_cast<size_t>(at)];
}

// The dimension along which a node chooses, from 0; nullopt: among all elements.
std::optional<int64_t> ChosenDim(const Node& node, int64_t rank) {
  const Attr* dim = ArgumentOf(node, "dim");
  if (rank == 0 || dim == nullptr || !dim->Is<int64_t>()) return std::nullopt;
  return dim->AsInt() < 0 ? dim->AsInt() + rank : dim->AsInt();
}

const IndexOperator* IndexOperatorOf(const Program& program, ValueId result) {
  const Value& value = program.value(result);
  if (value.node < 0 || value.dtype != DType::kInt64) return nullptr;
  const std::string base = BaseName(program.nodes[static_cast<size_t>(value.node)].op);
  const auto* op = std::find_if(std::begin(kIndexOperators), std::end(kIndexOperators), [&](const IndexOperator& known) { return base == known.base; });
  return op != std::end(kIndexOperators) && value.output_index == op->output ? op : nullptr;
}

// Whether an integer value says where to look: it reaches an argument of that name, itself or by way of other integers.
bool IsIndex(const Program& program, const std::vector<std::vector<int32_t>>& users, ValueId id) {
  static const std::set<std::string> kIndices = {"index", "indices", "target", "targets", "repeats", "input_lengths", "target_lengths", "shift", "exponent", "n", "k"};
  for (const int32_t user : users[static_cast<size_t>(id)]) {
    const Node& node = program.nodes[static_cast<size_t>(user)];
    const Schema& schema = SchemaOf(node);
    for (size_t i = 0; i < node.args.size() && i < schema.arguments.size(); ++i) {
      const Attr& arg = node.args[i];
      const bool here = (arg.IsValue() && arg.AsValue() == id) || (arg.Is<AttrList>() && std::any_of(arg.AsList().begin(), arg.AsList().end(), [&](const Attr& item) { return item.IsValue() && item.AsValue() == id; }));
      if (here && kIndices.contains(schema.arguments[i].name)) return true;
    }
    for (const ValueId output : node.outputs) {
      if (output >= 0 && !IsFloating(program.value(output).dtype) && IsIndex(program, users, output)) return true;
    }
  }
  return false;
}

}  // namespace

int64_t InputSet::bytes() const {
  int64_t sum = 0;
  for (const at::Tensor& input : inputs) sum += static_cast<int64_t>(input.nbytes());
  for (const Expected& result : results) sum += result.bytes();
  return sum;
}

Problem::Problem(const Evaluator& evaluator, Fragment fragment, TensorMap own, uint64_t seed, MemoryBudget* budget)
    : evaluator_(evaluator), fragment_(std::move(fragment)), own_(std::move(own)), program_sets_(fragment_.program), seed_(seed), budget_(budget), names_(StandardSets()), random_(RandomValues(fragment_.program)) {
  const Program& program = fragment_.program;
  at::manual_seed(Mixed(seed_, "own"));
  for (size_t i = 0; i < fragment_.Inputs().size(); ++i) {
    const ValueId id = fragment_.Inputs()[i];
    if (own_.contains(id)) continue;
    const LeafFill fill = fragment_.fills.empty() ? LeafFill() : fragment_.fills.at(i);
    own_[id] = DrawOwn(program.value(id), fill, evaluator_.device());
  }
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    const Node& node = program.nodes[i];
    if (!Jumps(program, node)) continue;
    jumping_.push_back(static_cast<int32_t>(i));
    for (const ValueId id : node.Inputs()) if (IsFloating(program.value(id).dtype)) jump_inputs_.insert(id);
    // Of max.dim, sort and the like only the index is a decision; their values move smoothly.
    const bool has_index = std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return id >= 0 && !IsFloating(program.value(id).dtype); });
    for (const ValueId id : node.outputs) {
      if (id >= 0 && (!has_index || !IsFloating(program.value(id).dtype))) decisions_.insert(id);
    }
  }
}

Problem::~Problem() { budget_->used_bytes -= kept_bytes_; }

const InputSet& Problem::Set(size_t index) {
  const auto found = kept_.find(index);
  if (found != kept_.end()) return found->second;
  const std::string& name = names_.at(index);
  if (last_.name == name) return last_;
  last_ = InputSet();
  InputSet set;
  try {
    set = MakeSet(name);
  } catch (const EvaluationError& error) {
    if (error.out_of_memory() || name == "own" || !in_range_.insert(name).second) throw;
    set = MakeSet(name);
  }
  const int64_t bytes = set.bytes();
  if (budget_->used_bytes + bytes > budget_->limit_bytes) {
    last_ = std::move(set);
    return last_;
  }
  kept_bytes_ += bytes;
  budget_->used_bytes += bytes;
  return kept_[index] = std::move(set);
}

TensorMap Problem::InputsOf(const std::string& name) const {
  const c10::InferenceMode inference;
  TensorMap leaves;
  for (size_t i = 0; i < fragment_.Inputs().size(); ++i) leaves[fragment_.Inputs()[i]] = MakeInput(name, fragment_.Inputs()[i], i);
  return leaves;
}

const Moments& Problem::MomentsOfOwn(ValueId id, const at::Tensor& own) const {
  auto found = moments_.find(id);
  if (found == moments_.end()) found = moments_.emplace(id, own.is_floating_point() ? MomentsOf(own) : Moments()).first;
  return found->second;
}

// Whether the Program can be evaluated on a set, its inputs moved where they must be.
bool Problem::IsDefined(const std::string& name) {
  const c10::InferenceMode inference;
  try {
    evaluator_.Evaluate(fragment_.program, InputsOf(name), {});
    return true;
  } catch (const EvaluationError& error) {
    if (error.out_of_memory()) throw;
    return in_range_.insert(name).second && IsDefined(name);
  }
}

void Problem::DropFailingSets(bool thrifty) {
  thrifty = thrifty || !kept_.contains(0);   // sets that are not kept are made again anyway
  for (size_t i = 1; i < names_.size();) {
    bool fine = true;
    try {
      if (thrifty) fine = IsDefined(names_[i]);
      else Set(i);
    } catch (const EvaluationError& error) {
      if (error.out_of_memory()) throw;
      fine = false;
    }
    if (fine) ++i;
    else names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(i));   // none behind it was made yet
  }
}

std::vector<std::string> Problem::FurtherNames() const {
  std::vector<std::string> names = FurtherSets();
  for (std::string& name : program_sets_.Names()) names.push_back(std::move(name));
  names.insert(names.end(), MixedSets().begin(), MixedSets().end());
  return names;
}

void Problem::AddSet(const std::string& name) {
  if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
}

void Problem::DropLastSet() {
  const auto found = kept_.find(names_.size() - 1);
  if (found != kept_.end()) {
    kept_bytes_ -= found->second.bytes();
    budget_->used_bytes -= found->second.bytes();
    kept_.erase(found);
  }
  if (last_.name == names_.back()) last_ = InputSet();
  names_.pop_back();
}

at::Tensor Problem::MakeInput(const std::string& set, ValueId id, size_t position) const {
  const Value& value = fragment_.program.value(id);
  at::manual_seed(Mixed(seed_, set + "/" + std::to_string(position)));
  const at::Tensor own = own_.at(id).to(evaluator_.device());
  if (value.kind == ValueKind::kInput) {
    if (const auto drawn = program_sets_.Draw(set, id, own)) return WithStrides(*drawn, value.strides);
  }
  const bool index = !own.is_floating_point() && IsIndex(fragment_.program, fragment_.program.Users(), id);
  at::Tensor drawn = DrawInput(set, value, own, MomentsOfOwn(id, own), index);
  if (value.kind == ValueKind::kInput && in_range_.contains(set)) drawn = InRangeOf(own, drawn);
  return WithStrides(drawn, value.strides);
}

// How many honest roundings to evaluate: more where a result of half precision has few elements, since all of them tell the size
// of an error there.
int Problem::RoundedDraws() const {
  int64_t draws = kRoundedDraws;
  for (const ValueId id : fragment_.Results()) {
    const Value& value = fragment_.program.value(id);
    if (value.dtype != DType::kFloat16 && value.dtype != DType::kBFloat16) continue;
    draws = std::max(draws, kFewSamples / std::max<int64_t>(1, value.Elements()));
  }
  return static_cast<int>(std::min<int64_t>(draws, kMostRoundedDraws));
}

// A float64 evaluation with honest rounding everywhere, decisions and random numbers kept as they are.
// `in_range`: no value leaves the range of its tensor, for operators that are undefined outside of one.
TensorMap Problem::EvaluateRounded(const TensorMap& leaves, const TensorMap& frozen, bool in_range) const {
  EvaluateOptions options;
  options.precision = Precision::kFloat64;
  options.replace = &frozen;
  options.transform = [&](ValueId id, const Node* node, at::Tensor tensor) {
    if (node != nullptr && IsExact(*node)) return tensor;
    const DType dtype = fragment_.program.value(id).dtype;
    const at::Tensor moved = Moved(tensor, node == nullptr && dtype != DType::kFloat64 ? kFloat32Epsilon : MachineEpsilon(dtype));
    return in_range ? InRangeOf(tensor, moved) : moved;
  };
  return evaluator_.Evaluate(fragment_.program, leaves, options);
}

// A float64 evaluation in which decisions see inputs displaced by `steps`: all up, all down, then at random.
TensorMap Problem::EvaluateJumped(const TensorMap& leaves, const TensorMap& random, const std::unordered_map<ValueId, double>& steps, int draw) const {
  EvaluateOptions options;
  options.precision = Precision::kFloat64;
  options.replace = &random;
  options.transform_argument = [&](const Node& node, ValueId id, at::Tensor tensor) {
    if (!Jumps(fragment_.program, node) || !steps.contains(id)) return tensor;
    const double step = steps.at(id);
    if (draw < 2) return tensor + (draw == 0 ? step : -step);
    return tensor + at::rand_like(tensor).sub_(0.5).mul_(2 * step);
  };
  return evaluator_.Evaluate(fragment_.program, leaves, options);
}

void Problem::AddToSelection(ValueId result, std::unordered_set<ValueId>* keep) const {
  const Program& program = fragment_.program;
  if (IndexOperatorOf(program, result) == nullptr) return;
  keep->insert(program.nodes[static_cast<size_t>(program.value(result).node)].args.at(0).AsValue());
}

std::optional<Selection> Problem::SelectionOf(ValueId result, const TensorMap& exact, const TensorMap& eager) const {
  const IndexOperator* op = IndexOperatorOf(fragment_.program, result);
  if (op == nullptr) return std::nullopt;
  const Node& node = fragment_.program.nodes[static_cast<size_t>(fragment_.program.value(result).node)];
  const ValueId source = node.args.at(0).AsValue();
  Selection selection{exact.at(source).to(at::kDouble), eager.at(source), eager.at(result), std::nullopt, true, op->distinct};
  selection.dim = ChosenDim(node, selection.values.dim());
  const Attr* keeps = ArgumentOf(node, "keepdim");
  if (selection.dim) selection.keeps_dim = keeps == nullptr || (keeps->Is<bool>() && keeps->AsBool());
  return selection;
}

// Whether what an index result chose from depends on other decisions.
bool Problem::DecidesEarlier(ValueId result) const {
  const Program& program = fragment_.program;
  std::vector<ValueId> open = program.nodes[static_cast<size_t>(program.value(result).node)].Inputs();
  std::unordered_set<ValueId> seen;
  while (!open.empty()) {
    const ValueId id = open.back();
    open.pop_back();
    if (!seen.insert(id).second || program.value(id).node < 0) continue;
    if (decisions_.contains(id)) return true;
    const auto inputs = program.nodes[static_cast<size_t>(program.value(id).node)].Inputs();
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return false;
}

InputSet Problem::MakeSet(const std::string& name) {
  const c10::InferenceMode inference;
  const Program& program = fragment_.program;
  InputSet set{name, {}, {}, {}};
  TensorMap leaves;
  for (size_t i = 0; i < fragment_.Inputs().size(); ++i) {
    set.inputs.push_back(MakeInput(name, fragment_.Inputs()[i], i));
    leaves[fragment_.Inputs()[i]] = set.inputs.back();
  }
  const std::vector<ValueId> results = fragment_.Results();
  EvaluateOptions options;
  options.keep = {results.begin(), results.end()};
  for (const ValueId id : results) AddToSelection(id, &options.keep);
  options.keep.insert(random_.begin(), random_.end());
  options.keep.insert(jump_inputs_.begin(), jump_inputs_.end());
  at::manual_seed(seed_);   // random operators draw as they do in a run that was seeded so
  const TensorMap eager = evaluator_.Evaluate(program, leaves, options);

  TensorMap frozen;
  for (const ValueId id : random_) frozen[id] = eager.at(id);
  set.random = frozen;
  options.precision = Precision::kFloat64;
  const TensorMap random = frozen;
  options.replace = &random;
  options.keep.insert(decisions_.begin(), decisions_.end());
  const TensorMap exact = evaluator_.Evaluate(program, leaves, options);
  for (const ValueId id : decisions_) frozen[id] = exact.at(id);

  std::vector<TensorMap> rounded, jumped;
  at::manual_seed(Mixed(seed_, name + "/rounding"));
  const int draws = RoundedDraws();
  for (int draw = 0; draw < draws; ++draw) {
    try {
      rounded.push_back(EvaluateRounded(leaves, frozen, false));
    } catch (const EvaluationError& error) {   // a probability of one that became larger, say
      if (error.out_of_memory()) throw;
      rounded.push_back(EvaluateRounded(leaves, frozen, true));
    }
  }
  if (!jumping_.empty()) {
    std::unordered_map<ValueId, double> steps;
    for (const ValueId id : jump_inputs_) steps[id] = 2 * RmsDifference(eager.at(id), exact.at(id));
    for (int draw = 0; draw < kJumpedDraws; ++draw) jumped.push_back(EvaluateJumped(leaves, random, steps, draw));
  }
  for (const ValueId id : results) {
    Evidence evidence{exact.at(id), eager.at(id), {}, {}, SelectionOf(id, exact, eager)};
    if (evidence.selection && !DecidesEarlier(id)) {   // what it selects says all: no other index is as good because eager's is another one
      evidence.eager = evidence.exact;
      set.results.push_back(MakeExpected(program.value(id).dtype, evidence));
      continue;
    }
    for (TensorMap& draw : rounded) evidence.rounded.push_back(draw.at(id));
    for (TensorMap& draw : jumped) evidence.jumped.push_back(draw.at(id));
    set.results.push_back(MakeExpected(program.value(id).dtype, evidence));
  }
  return set;
}

bool Problem::AcceptsEverywhere(size_t result, const std::optional<size_t>& copied_input) {
  for (size_t i = 0; i < names_.size(); ++i) {
    const InputSet& set = Set(i);
    const Expected& expected = set.results[result];
    const at::Tensor trivial = copied_input ? set.inputs[*copied_input] : at::zeros(expected.shape(), expected.reference.options().dtype(ToTorch(expected.dtype)));
    if (!Compare(expected, trivial).right) return false;
  }
  return true;
}

std::vector<std::string> Problem::FindWeakResults() {
  const c10::InferenceMode inference;
  std::vector<std::string> weak;
  const Program& program = fragment_.program;
  const std::vector<ValueId> results = fragment_.Results();
  const auto weak_result = [&](size_t result) -> std::optional<std::string> {
    const Value& value = program.value(results[result]);
    if (value.Elements() == 0 || value.node < 0) return std::nullopt;
    if (AcceptsEverywhere(result, std::nullopt)) return "zeros would pass for result " + std::to_string(result) + " (" + value.name + ")";
    for (size_t input = 0; input < fragment_.Inputs().size(); ++input) {
      const Value& source = program.value(fragment_.Inputs()[input]);
      if (source.dtype != value.dtype || source.shape != value.shape) continue;
      if (AcceptsEverywhere(result, input)) return "a copy of input " + std::to_string(input) + " (" + source.name + ") would pass for result " + std::to_string(result) + " (" + value.name + ")";
    }
    return std::nullopt;
  };
  for (size_t result = 0; result < results.size(); ++result) {
    std::optional<std::string> problem = weak_result(result);
    if (!problem) continue;
    for (const std::string& name : FurtherSets()) {
      AddSet(name);
      try {
        problem = weak_result(result);
      } catch (const EvaluationError&) {   // a division by an integer zero and the like: no inputs for this program
        DropLastSet();
      }
      if (!problem) break;
    }
    if (problem) weak.push_back(*problem);
  }
  return weak;
}

}  // namespace drtriton
