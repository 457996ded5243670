#include "synth/program_builder.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr size_t kUsualValues = 24;  // of five operators
constexpr size_t kUsualNodes = 8;

// Of a program in a low precision: few fills, for it may as well be float32.
constexpr ConditionLimits kLowLimits = {.fills = 4, .largest = 300, .least_spread = 0.05, .coarse = true};

void Place(AttrList& args, const TensorSlot& slot, Attr value) {
  Attr& argument = args[static_cast<size_t>(slot.argument)];
  if (slot.item < 0) {
    argument = std::move(value);
    return;
  }
  AttrList items = argument.Is<AttrList>() ? argument.AsList() : AttrList();
  if (items.size() <= static_cast<size_t>(slot.item)) items.resize(static_cast<size_t>(slot.item) + 1);
  items[static_cast<size_t>(slot.item)] = std::move(value);
  argument = Attr(std::move(items));
}

DType PlainDType(Family family) {
  return family == Family::kFloat ? DType::kFloat32 : family == Family::kInt ? DType::kInt64 : DType::kBool;
}

// "aten.max.dim" -> "max"
std::string_view ShortOperatorName(std::string_view op) {
  op.remove_prefix(op.find('.') + 1);
  return op.substr(0, op.find('.'));
}

AttrList DefaultArguments(const OperatorInfo& info) {
  AttrList args(info.schema.arguments.size());
  for (size_t i = 0; i < args.size(); ++i) {
    if (info.schema.arguments[i].default_value) args[i] = *info.schema.arguments[i].default_value;
  }
  return args;
}

// Uniform within 1 / sqrt(fan in), as PyTorch's layers begin; scales are 1, shifts 0, statistics those of a unit normal.
void DescribeParameter(const ParameterTensor& parameter, const OperatorForm& form, const Shape& shape, LeafFacts& facts) {
  const std::string& name = form.info->schema.arguments[static_cast<size_t>(parameter.slot.argument)].name;
  if (name == "running_mean" || name == "running_var" || form.info->kind == OpKind::kNormalisation) {
    facts.deviation = -1;
    facts.mean = name == "running_var" || name == "weight" ? 1 : 0;
    return;
  }
  if (form.info->kind == OpKind::kOther) {  // prelu
    facts.deviation = -1;
    facts.mean = 0.25;
    return;
  }
  if (form.rule->gather[0] == Gather::kTable) return;
  double fan_in = 1;
  for (size_t d = 1; d < shape.size(); ++d) fan_in *= static_cast<double>(shape[d]);
  if (shape.size() < 2) fan_in = 16;
  facts.deviation = 1 / std::sqrt(3 * fan_in);
}

int UsesOf(const Solution& solution, int8_t fresh) {
  int uses = 0;
  for (const SolvedNode& node : solution.nodes) uses += static_cast<int>(std::count(node.shared.begin(), node.shared.end(), fresh));
  return uses;
}

}  // namespace

ProgramBuilder::ProgramBuilder(const BuilderOptions& options, Random& random) : options_(options), random_(random) {
  program_.arguments.kind = Tree::Kind::kTuple;
  program_.values.reserve(kUsualValues);
  program_.nodes.reserve(kUsualNodes);
  program_.inputs.reserve(kUsualNodes);
  program_.arguments.children.reserve(kUsualNodes);
  types_.reserve(kUsualValues);
  bounds_.reserve(kUsualValues);
  read_.reserve(kUsualValues);
  leaves_.reserve(kUsualValues);
  nodes_.reserve(kUsualNodes);
  operators_.reserve(kUsualNodes);
}

ValueId ProgramBuilder::AddValue(Value value, ElementType type, int64_t bound) {
  const ValueId id = static_cast<ValueId>(program_.values.size());
  program_.values.push_back(std::move(value));
  types_.push_back(type);
  bounds_.push_back(bound);
  read_.push_back(0);
  return id;
}

ValueId ProgramBuilder::AddLeaf(ValueKind kind, DType dtype, Shape shape, ElementType type, int64_t limit) {
  const std::string number = std::to_string(leaves_.size());
  Value value;
  value.name = (kind == ValueKind::kInput ? "x" : "p") + number;
  value.dtype = dtype;
  value.strides = ContiguousStrides(shape);
  value.shape = std::move(shape);
  value.kind = kind;
  if (kind != ValueKind::kInput) value.target = (kind == ValueKind::kBuffer ? "buffer" : "weight") + number;
  const ValueId id = AddValue(std::move(value), type, limit);
  leaves_.push_back({.value = id, .type = type, .limit = limit});
  if (kind == ValueKind::kInput) {
    program_.inputs.push_back(id);
    Tree leaf;
    leaf.value = id;
    program_.arguments.children.push_back(std::move(leaf));
  }
  return id;
}

void ProgramBuilder::MarkRead(const Attr& argument) {
  if (argument.IsValue()) read_[static_cast<size_t>(argument.AsValue())] = 1;
  if (!argument.Is<AttrList>()) return;
  for (const Attr& item : argument.AsList()) MarkRead(item);
}

const std::vector<ValueId>& ProgramBuilder::AddNode(const OperatorInfo& info, AttrList args, const NumericRule* rule,
                                                    std::span<const ElementType> types, std::span<const int64_t> bounds) {
  Node node;
  node.op = info.name;
  node.args = std::move(args);
  node.schema = info.schema_text;
  std::vector<InferredValue> inferred = InferOutputs(program_, node);
  const int32_t index = static_cast<int32_t>(program_.nodes.size());
  for (const Attr& argument : node.args) MarkRead(argument);
  std::string name(ShortOperatorName(info.name));
  if (name[0] == '_') name.insert(0, "op");
  name += '_';
  name += std::to_string(index);
  node.outputs.reserve(inferred.size());
  for (size_t k = 0; k < inferred.size(); ++k) {
    Value value;
    value.name = inferred.size() == 1 ? name : name + "_" + std::to_string(k);
    value.dtype = inferred[k].dtype;
    value.strides = inferred[k].strides ? std::move(*inferred[k].strides) : ContiguousStrides(inferred[k].shape);
    value.shape = std::move(inferred[k].shape);
    value.node = index;
    value.output_index = static_cast<int32_t>(k);
    const size_t at = std::min(k, types.size() - 1);
    node.outputs.push_back(AddValue(std::move(value), types[at], bounds[std::min(k, bounds.size() - 1)]));
  }
  nodes_.push_back({index, rule});
  return program_.nodes.emplace_back(std::move(node)).outputs;
}

// ---- Glue: moves no element to another place in memory order, and does not count.

// An input that comes with two neighbouring dimensions merged, or with one more of size 1.
ValueId ProgramBuilder::GlueInput(Shape shape, DType dtype, ElementType type, int64_t limit) {
  const std::array<int64_t, 1> bound = {limit};
  const std::array<ElementType, 1> types = {type};
  if (shape.size() >= 2 && random_.Chance(0.7)) {
    static const OperatorInfo* const view = FindOperator("aten.view.default");
    const size_t at = random_.Below(static_cast<uint32_t>(shape.size() - 1));
    Shape merged = shape;
    merged[at] *= merged[at + 1];
    merged.erase(merged.begin() + static_cast<int64_t>(at) + 1);
    const ValueId leaf = AddLeaf(ValueKind::kInput, dtype, std::move(merged), type, limit);
    return AddNode(*view, {ValueRef{leaf}, Attr::Ints(shape)}, nullptr, types, bound)[0];
  }
  static const OperatorInfo* const unsqueeze = FindOperator("aten.unsqueeze.default");
  static const OperatorInfo* const squeeze = FindOperator("aten.squeeze.dim");
  const auto one = std::find(shape.begin(), shape.end(), 1);
  if (one != shape.end()) {
    const int64_t dim = one - shape.begin();
    shape.erase(one);
    const ValueId leaf = AddLeaf(ValueKind::kInput, dtype, std::move(shape), type, limit);
    return AddNode(*unsqueeze, {ValueRef{leaf}, dim}, nullptr, types, bound)[0];
  }
  const int64_t dim = random_.Below(static_cast<uint32_t>(shape.size() + 1));
  shape.insert(shape.begin() + dim, 1);
  const ValueId leaf = AddLeaf(ValueKind::kInput, dtype, std::move(shape), type, limit);
  return AddNode(*squeeze, {ValueRef{leaf}, dim}, nullptr, types, bound)[0];
}

// What is not contiguous is made so, what is an output is flattened or gains a dimension.
ValueId ProgramBuilder::GlueResult(ValueId id) {
  const Value& value = program_.value(id);
  const std::array<int64_t, 1> bound = {BoundOf(id)};
  const std::array<ElementType, 1> types = {TypeOf(id)};
  static const OperatorInfo* const contiguous = FindOperator("aten.contiguous.default");
  static const OperatorInfo* const flatten = FindOperator("aten.flatten.using_ints");
  static const OperatorInfo* const unsqueeze = FindOperator("aten.unsqueeze.default");
  if (!IsContiguous(value.shape, value.strides)) {
    AttrList args = DefaultArguments(*contiguous);
    args[0] = ValueRef{id};
    return AddNode(*contiguous, std::move(args), nullptr, types, bound)[0];
  }
  if (value.shape.size() >= 3)
    return AddNode(*flatten, {ValueRef{id}, 1, -1}, nullptr, types, bound)[0];
  return AddNode(*unsqueeze, {ValueRef{id}, 0}, nullptr, types, bound)[0];
}

// ---- Nodes of the wiring

ValueId ProgramBuilder::AddFresh(const Wiring& wiring, const Solution& solution, size_t i, size_t s) {
  const SolvedNode& solved = solution.nodes[i];
  const ElementType type = solved.slot_types[s];
  const DType dtype = PlainDType(FamilyOf(type));
  const int64_t limit = solved.index_limits[s];
  // Some other operand is an input or comes from one, so the node is no constant.
  bool beside_another = false;
  for (size_t t = 0; t < wiring.forms[i]->slots.size(); ++t)
    beside_another = beside_another || (t != s && (wiring.sources[i][t].node != -1 || t < s));
  int64_t elements = 1;
  for (int64_t size : solved.slot_shapes[s]) elements *= size;
  // What several nodes read is an input, so that each of them depends on one.
  const bool parameter = FamilyOf(type) == Family::kFloat && beside_another && elements <= (1 << 22) &&
                         UsesOf(solution, solved.shared[s]) == 1 &&
                         random_.Chance(options_.parameter);
  if (parameter) return AddLeaf(ValueKind::kParameter, dtype, solved.slot_shapes[s], type, limit);
  if (random_.Chance(options_.glue)) return GlueInput(solved.slot_shapes[s], dtype, type, limit);
  return AddLeaf(ValueKind::kInput, dtype, solved.slot_shapes[s], type, limit);
}

ValueId ProgramBuilder::AddParameterTensor(const ParameterTensor& parameter, const OperatorForm& form,
                                           const SolvedNode& solved) {
  Shape shape;
  for (const SizeTerm& term : parameter.shape) shape.push_back(term.At(solved.letters));
  const ValueKind kind = parameter.statistic ? ValueKind::kBuffer : ValueKind::kParameter;
  const ValueId id = AddLeaf(kind, DType::kFloat32, shape, ElementType::kReal, 0);
  DescribeParameter(parameter, form, shape, leaves_.back());
  return id;
}

void ProgramBuilder::Add(const Wiring& wiring, const Solution& solution, std::span<const ValueId> given) {
  std::vector<ValueId> fresh(static_cast<size_t>(solution.fresh), -1);
  made_.clear();
  for (size_t i = 0; i < static_cast<size_t>(wiring.nodes); ++i) {
    const OperatorForm& form = *wiring.forms[i];
    const SolvedNode& solved = solution.nodes[i];
    const ShapeCase& shape_case = form.cases[static_cast<size_t>(solved.shape_case)];
    const ScalarChoice& scalars = form.scalars[static_cast<size_t>(solved.scalars)];
    AttrList args = DefaultArguments(*form.info);
    for (const auto& [position, value] : shape_case.arguments) args[static_cast<size_t>(position)] = value;
    for (const auto& [position, value] : scalars.values) args[static_cast<size_t>(position)] = value;
    for (const auto& [slot, term] : shape_case.sizes) Place(args, slot, Attr(term.At(solved.letters)));
    if (scalars.cast) args[static_cast<size_t>(form.info->schema.Find("dtype"))] = Attr(PlainDType(*scalars.cast));
    for (size_t s = 0; s < form.slots.size(); ++s) {
      const Source& source = wiring.sources[i][s];
      ValueId id = -1;
      if (source.node == kGivenNode) {
        id = given[static_cast<uint8_t>(source.result)];
      } else if (source.node >= 0) {
        id = ResultsOf(source.node)[static_cast<size_t>(source.result)];
      } else {
        ValueId& made = fresh[static_cast<size_t>(solved.shared[s])];
        if (made < 0) made = AddFresh(wiring, solution, i, s);
        id = made;
      }
      Place(args, form.slots[s], Attr(ValueRef{id}));
    }
    for (const ParameterTensor& parameter : shape_case.parameters)
      Place(args, parameter.slot, Attr(ValueRef{AddParameterTensor(parameter, form, solved)}));
    const std::span types(solved.result_types.data(), static_cast<size_t>(form.results));
    CheckShapes(solved, AddNode(*form.info, std::move(args), form.rule, types, solved.bounds));
    made_.push_back(static_cast<int32_t>(program_.nodes.size()) - 1);
    operators_.push_back(form.info->name);
  }
}

void ProgramBuilder::CheckShapes(const SolvedNode& solved, const std::vector<ValueId>& results) const {
  for (size_t k = 0; k < results.size(); ++k) {
    const Value& value = program_.value(results[k]);
    if (value.shape != solved.result_shapes[k])
      throw InternalError("the sampler foresaw another shape than the registry's for " + value.name);
    if (PlainDType(FamilyOf(solved.result_types[k])) != value.dtype)
      throw InternalError("the sampler foresaw another dtype than the registry's for " + value.name);
  }
}

// ---- The end

void ProgramBuilder::AddOutputs() {
  std::vector<ValueId> outputs;
  const size_t nodes = program_.nodes.size();
  for (size_t n = 0; n < nodes; ++n) {
    const std::vector<ValueId> ids = program_.nodes[n].outputs;
    const bool is_read = std::any_of(ids.begin(), ids.end(), [&](ValueId id) { return read_[static_cast<size_t>(id)] != 0; });
    if (is_read) continue;
    for (ValueId id : ids) outputs.push_back(random_.Chance(options_.glue) && ids.size() == 1 ? GlueResult(id) : id);
  }
  if (outputs.size() == 1) {
    program_.result.value = outputs[0];
    return;
  }
  program_.result.kind = Tree::Kind::kTuple;
  for (ValueId id : outputs) {
    Tree leaf;
    leaf.value = id;
    program_.result.children.push_back(std::move(leaf));
  }
}

// Results that nobody reads, of nodes that are read for another one, are no values of the program.
void ProgramBuilder::DropUnread() {
  std::vector<uint8_t> kept = read_;
  for (ValueId id : program_.result.Values()) kept[static_cast<size_t>(id)] = 1;
  for (ValueId id : program_.inputs) kept[static_cast<size_t>(id)] = 1;
  if (std::find(kept.begin(), kept.end(), 0) == kept.end()) return;
  std::vector<ValueId> now(kept.size(), -1);
  std::vector<Value> values;
  std::vector<ElementType> types;
  for (size_t v = 0; v < kept.size(); ++v) {
    if (!kept[v]) continue;
    now[v] = static_cast<ValueId>(values.size());
    values.push_back(std::move(program_.values[v]));
    types.push_back(types_[v]);
  }
  const auto moved = [&now](ValueId id) { return id < 0 ? id : now[static_cast<size_t>(id)]; };
  const auto move_attr = [&](Attr& attr) {
    if (attr.IsValue()) {
      attr = Attr(ValueRef{moved(attr.AsValue())});
    } else if (attr.Is<AttrList>()) {
      AttrList items = attr.AsList();
      for (Attr& item : items) {
        if (item.IsValue()) item = Attr(ValueRef{moved(item.AsValue())});
      }
      attr = Attr(std::move(items));
    }
  };
  program_.values = std::move(values);
  types_ = std::move(types);
  for (Node& node : program_.nodes) {
    for (ValueId& id : node.outputs) id = moved(id);
    for (Attr& attr : node.args) move_attr(attr);
  }
  for (ValueId& id : program_.inputs) id = moved(id);
  for (Tree& leaf : program_.arguments.children) leaf.value = moved(leaf.value);
  if (program_.result.kind == Tree::Kind::kValue) program_.result.value = moved(program_.result.value);
  for (Tree& leaf : program_.result.children) leaf.value = moved(leaf.value);
  for (LeafFacts& leaf : leaves_) leaf.value = moved(leaf.value);
}

// Floats of one dtype become those of another; statistics stay.
void ProgramBuilder::ChangeFloats(DType from, DType to) {
  for (Value& value : program_.values) {
    if (value.dtype == from && value.kind != ValueKind::kBuffer) value.dtype = to;
  }
  for (Node& node : program_.nodes) {
    for (Attr& attr : node.args) {
      if (attr.Is<DType>() && attr.AsDType() == from) attr = Attr(to);
    }
  }
}

// Whether the rules accept every node, no float32 comes from integers, and PyTorch has the kernels.
bool ProgramBuilder::StaysLow(const Node& node) const {
  const std::string_view name = ShortOperatorName(node.op);
  if (name.starts_with("special_") || name == "polygamma" || name == "batch_norm" || name == "avg_pool3d") return false;
  try {
    const std::vector<InferredValue> inferred = InferOutputs(program_, node);
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (node.outputs[k] >= 0 && program_.value(node.outputs[k]).dtype != inferred[k].dtype) return false;
    }
    return true;
  } catch (const UserError&) {
    return false;
  }
}

ProgramBuilder::Finished ProgramBuilder::Finish(DType floats, int fills) {
  AddOutputs();
  DropUnread();
  Conditioned conditioned;
  // Lowered first, for what cannot be lowered needs no estimate.
  if (floats != DType::kFloat32) {
    ChangeFloats(DType::kFloat32, floats);
    const bool stays = std::all_of(program_.nodes.begin(), program_.nodes.end(), [this](const Node& node) { return StaysLow(node); });
    if (stays) conditioned = Condition(program_, leaves_, nodes_, kLowLimits, random_);
    if (!conditioned.fine) ChangeFloats(floats, DType::kFloat32);
  }
  if (!conditioned.fine) conditioned = Condition(program_, leaves_, nodes_, {.fills = fills}, random_);
  Finished finished;
  finished.fine = conditioned.fine;
  // Leaves are listed by value, facts in the order in which they were made: the same order.
  finished.leaves = std::move(conditioned.fills);
  finished.operators = std::move(operators_);
  finished.program = std::move(program_);
  return finished;
}

}  // namespace drtriton
