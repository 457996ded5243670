// Tested by mutants_test.cc.
#include "execute/moved_elements.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <set>
#include <string>

#include "graph/base_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

using BaseNames = std::set<std::string>;

constexpr int64_t kMostElements = int64_t{1} << 20;
// Names are whole numbers that float64 holds; zeros and other constants, which padding brings in, are smaller than the first one.
constexpr double kFirstName = 1e6;
constexpr double kNamesOfAValue = 1 << 21;

// A large whole number, another one for each `what`.
double Tag(uint64_t what) {
  what = (what + 1) * 0x9e3779b97f4a7c15ull;
  what = (what ^ (what >> 31)) * 0xbf58476d1ce4e5b9ull;
  return static_cast<double>((what ^ (what >> 29)) >> 19) + kFirstName;   // below 2^45: sums of many are exact
}

// Several operands, all of them data.
const BaseNames kPuttingTogether = {"cat", "concat", "stack", "hstack", "vstack", "slice_scatter", "select_scatter", "diagonal_scatter"};

bool OneOperand(const Node& node) {
  const auto inputs = node.Inputs();
  return !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) { return id == inputs.front(); });
}

// What moves elements of its only operand, or puts operands together, whatever they are.
bool Moves(const Program& program, const Node& node, OpKind kind) {
  static const BaseNames kResampling = {"upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d"};
  const std::string base = BaseName(node.op);
  if (kResampling.contains(base)) return true;
  if (kind != OpKind::kView && kind != OpKind::kMovement) return false;
  if (!OneOperand(node) && !kPuttingTogether.contains(base)) return false;
  const DType dtype = program.value(node.Inputs().front()).dtype;
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return id < 0 || program.value(id).dtype == dtype; });
}

// A function of each element alone, or a cast.
bool IsUnary(const Program& program, const Node& node, OpKind kind) {
  if ((kind != OpKind::kPointwise && kind != OpKind::kMovement) || !OneOperand(node) || node.Inputs().size() != 1 || node.outputs.size() != 1) return false;
  return program.value(node.outputs[0]).shape == program.value(node.Inputs()[0]).shape && (kind == OpKind::kPointwise || BaseName(node.op) == "to" || BaseName(node.op) == "_to_copy");
}

bool IsExtreme(const std::string& base) {
  static const BaseNames kExtremes = {"maximum", "minimum", "fmax", "fmin"};
  return kExtremes.contains(base);
}

// Puts elements together in whatever order.  Outputs that tell where an element was are not to be read.
bool IgnoresOrder(const Node& node) {
  static const BaseNames kValues = {"sum", "mean", "prod", "amax", "amin", "any", "all", "std", "var", "std_mean", "var_mean", "norm", "linalg_vector_norm", "nansum", "nanmean", "logsumexp", "aminmax", "count_nonzero"};
  static const BaseNames kWithPlaces = {"max", "min", "median", "nanmedian", "sort", "topk", "kthvalue"};
  const std::string base = BaseName(node.op);
  if (kValues.contains(base)) return true;
  return kWithPlaces.contains(base) && (node.outputs.size() < 2 || node.outputs[1] < 0) && OneOperand(node);
}

// The dimensions along which a node takes elements together; all of them where it names none.
std::vector<int64_t> DimsOf(const Node& node, int64_t rank) {
  const int at = SchemaOf(node).Find("dim");
  std::vector<int64_t> dims;
  if (at >= 0 && static_cast<size_t>(at) < node.args.size() && (node.args[static_cast<size_t>(at)].Is<int64_t>() || node.args[static_cast<size_t>(at)].Is<AttrList>())) dims = node.args[static_cast<size_t>(at)].AsInts();
  if (dims.empty()) for (int64_t dim = 0; dim < rank; ++dim) dims.push_back(dim);
  for (int64_t& dim : dims) dim = dim < 0 ? dim + rank : dim;
  return dims;
}

// Each group of elements that is taken together, in order of their names.
at::Tensor Grouped(const at::Tensor& names, const Node& node) {
  if (names.dim() == 0) return names;
  const std::vector<int64_t> dims = DimsOf(node, names.dim());
  std::vector<int64_t> order;
  for (int64_t dim = 0; dim < names.dim(); ++dim) if (std::find(dims.begin(), dims.end(), dim) == dims.end()) order.push_back(dim);
  std::vector<int64_t> shape;
  for (const int64_t dim : order) shape.push_back(names.size(dim));
  shape.push_back(-1);
  order.insert(order.end(), dims.begin(), dims.end());
  return std::get<0>(names.permute(order).reshape(shape).sort(-1));
}

}  // namespace

MovedElements::MovedElements(const Evaluator& evaluator, const Program& program) : evaluator_(evaluator), program_(program) {
  for (const Value& value : program.values) small_ = small_ && value.Elements() > 0 && value.Elements() <= kMostElements;
}

at::Tensor MovedElements::NamesOf(ValueId id, TensorMap* names) const {
  at::Tensor& found = (*names)[id];
  if (!found.defined()) {
    const Value& value = program_.value(id);
    found = at::arange(value.Elements(), at::TensorOptions().dtype(at::kDouble).device(evaluator_.device())).view(value.shape).add_(kFirstName + static_cast<double>(id) * kNamesOfAValue);
  }
  return found;
}

// `function` stands for what the node computes of each element, `own` for where the names come from that it makes itself.
void MovedElements::Visit(const Node& node, uint64_t function, uint64_t own, TensorMap* names) const {
  const OperatorInfo* info = FindOperator(node.op);
  const OpKind kind = info == nullptr ? OpKind::kOther : info->kind;
  const std::string base = BaseName(node.op);
  const auto inputs = node.Inputs();
  const auto lookup = [&](ValueId id) { return NamesOf(id, names); };
  if (!inputs.empty() && (Moves(program_, node, kind) || base == "alias" || base == "expand")) {
    const std::vector<at::Tensor> outputs = evaluator_.Call(node.op, node.args, lookup, Precision::kFloat64);
    for (size_t i = 0; i < node.outputs.size() && i < outputs.size(); ++i) if (node.outputs[i] >= 0) (*names)[node.outputs[i]] = outputs[i].contiguous();
    return;
  }
  if (IsUnary(program_, node, kind)) {
    (*names)[node.outputs[0]] = lookup(inputs[0]) + Tag(function);
    return;
  }
  if (IsExtreme(base) && inputs.size() == 2) {
    const auto operands = at::broadcast_tensors({lookup(inputs[0]), lookup(inputs[1])});
    if (at::equal(operands[0], operands[1])) {
      (*names)[node.outputs[0]] = operands[0].contiguous();
      return;
    }
  }
  for (const ValueId id : node.outputs) {
    if (id < 0) continue;
    at::Tensor made = NamesOf(id, names);
    if (own != static_cast<uint64_t>(program_.value(id).node)) made = made + Tag(own);
    (*names)[id] = made;
  }
  if (kind == OpKind::kScan && OneOperand(node) && !node.outputs.empty() && node.outputs[0] >= 0 && program_.value(inputs[0]).shape == program_.value(node.outputs[0]).shape) {
    const at::Tensor operand = lookup(inputs[0]);
    const int64_t dim = operand.dim() == 0 ? 0 : DimsOf(node, operand.dim()).front();
    at::Tensor scanned = (*names)[node.outputs[0]].clone();
    if (operand.dim() == 0) scanned.copy_(operand);
    else scanned.select(dim, 0).copy_(operand.select(dim, 0));
    (*names)[node.outputs[0]] = scanned;
  }
}

// Whether the operands of a node that is not followed have the same names.
bool MovedElements::ReadsTheSame(const Node& node, const TensorMap& one, const TensorMap& other) const {
  const auto inputs = node.Inputs();
  return std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
    const at::Tensor &a = one.at(id), &b = other.at(id);
    if (at::equal(a, b)) return true;
    return IgnoresOrder(node) && at::equal(Grouped(a, node), Grouped(b, node));
  });
}

bool MovedElements::EndTheSame(const Mutant& mutant) const {
  if (!small_) return false;
  TensorMap one, other;
  try {
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      const Node& node = program_.nodes[i];
      const bool changed = static_cast<int32_t>(i) == mutant.node;
      const Node& theirs = changed ? mutant.replacement : node;
      for (const ValueId id : node.Inputs()) NamesOf(id, &one), NamesOf(id, &other);
      Visit(node, i, i, &one);
      // A node that reads what it read before gives what it gave; else its own names must not look like those.
      const bool same = !changed && ReadsTheSame(node, one, other);
      const size_t another = i + program_.nodes.size();
      Visit(theirs, changed ? another : i, another, &other);
      if (same) for (const ValueId id : node.outputs) if (id >= 0) other[id] = one[id];
    }
    for (const ValueId id : program_.Results()) {
      if (!at::equal(NamesOf(id, &one), NamesOf(id, &other))) return false;
    }
    return true;
  } catch (const EvaluationError&) {   // an operator that takes no such numbers
    return false;
  } catch (const c10::Error&) {
    return false;
  }
}

}  // namespace drtriton
