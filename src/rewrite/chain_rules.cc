// Chains: scalars joined before they meet the tensor, reductions of reductions, products in the cheaper order.
#include <algorithm>
#include <cmath>

#include "graph/registry.h"
#include "rewrite/rules.h"

namespace drtriton {
namespace {

using Values = std::optional<std::vector<ValueId>>;

// A node x op number on floats: x * a, x / a, or x + a.
struct ScalarStep {
  enum class Kind : uint8_t { kFactor, kDivisor, kTerm };
  Kind kind = Kind::kFactor;
  ValueId operand = -1;
  double number = 0;
};

std::optional<ScalarStep> AsScalarStep(const Editor& editor, const Node& node) {
  const bool factor = node.op == "aten.mul.Tensor" || node.op == "aten.mul.Scalar";
  const bool divisor = node.op == "aten.div.Tensor" || node.op == "aten.div.Scalar";
  const bool plus = node.op == "aten.add.Tensor" || node.op == "aten.add.Scalar";
  const bool minus = node.op == "aten.sub.Tensor" || node.op == "aten.sub.Scalar";
  if (!factor && !divisor && !plus && !minus) return std::nullopt;
  if (!node.args.at(0).IsValue() || !node.args.at(1).IsNumber() || !IsFloat(editor, node.args[0].AsValue())) return std::nullopt;
  ScalarStep step{ScalarStep::Kind::kFactor, node.args[0].AsValue(), node.args[1].AsDouble()};
  if (divisor) step.kind = ScalarStep::Kind::kDivisor;
  if (plus || minus) {
    step.kind = ScalarStep::Kind::kTerm;
    step.number *= Argument(node, "alpha").AsDouble() * (minus ? -1 : 1);
  }
  return step;
}

ValueId AddStep(Editor& editor, ScalarStep::Kind kind, ValueId operand, double number) {
  const char* op = kind == ScalarStep::Kind::kFactor ? "aten.mul.Tensor" : kind == ScalarStep::Kind::kDivisor ? "aten.div.Tensor" : "aten.add.Tensor";
  return editor.Add(op, {ValueRef{operand}, number});
}

// (x * a) * b, (x / a) / b, (x * a) / b, (x + a) - b: one step with one number.
Values JoinScalars(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  std::optional<ScalarStep> outer = AsScalarStep(editor, node);
  if (!outer || editor.Readers(outer->operand) != 1 || editor.Producer(outer->operand) == nullptr) return std::nullopt;
  std::optional<ScalarStep> inner = AsScalarStep(editor, *editor.Producer(outer->operand));
  using Kind = ScalarStep::Kind;
  if (!inner || (inner->kind == Kind::kTerm) != (outer->kind == Kind::kTerm)) return std::nullopt;
  Kind kind = inner->kind;
  double number = inner->number + outer->number;
  if (kind != Kind::kTerm) {
    number = kind == outer->kind ? inner->number * outer->number : inner->number / outer->number;
    // What overflowed or vanished on the way must do so still.
    if (!std::isnormal(number) || std::abs(std::log2(std::abs(number))) > 20) return std::nullopt;
  }
  return std::vector<ValueId>{AddStep(editor, kind, editor.New(inner->operand), number)};
}

// sum(x * a) -> sum(x) * a, mean(x + a) -> mean(x) + a.
Values ScalarBehindReduction(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  std::optional<LinearReduction> reduction = AsLinearReduction(editor, node);
  if (!reduction || editor.Readers(reduction->operand) != 1 || editor.Producer(reduction->operand) == nullptr) return std::nullopt;
  std::optional<ScalarStep> step = AsScalarStep(editor, *editor.Producer(reduction->operand));
  if (!step || (step->kind == ScalarStep::Kind::kTerm && !reduction->mean)) return std::nullopt;
  if (editor.source().value(step->operand).dtype != editor.source().value(reduction->operand).dtype) return std::nullopt;
  ValueId sum = AddReduction(editor, *reduction, editor.New(step->operand), reduction->dims);
  return std::vector<ValueId>{InShapeOf(editor, AddStep(editor, step->kind, sum, step->number), node.outputs[0])};
}

bool IsJoinable(const Node& node) {
  return node.op == "aten.amax.default" || node.op == "aten.amin.default" || node.op == "aten.sum.dim_IntList" ||
         node.op == "aten.mean.dim" || node.op == "aten.logsumexp.default";
}

// amax(amax(x, 1), 0): one reduction over both.
Values JoinReductions(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (!IsJoinable(node)) return std::nullopt;
  const Node* inner = OnlyFrom(editor, node.args.at(0), node.op);
  if (inner == nullptr) return std::nullopt;
  const Value& operand = editor.source().value(inner->args.at(0).AsValue());
  const Value& between = editor.source().value(node.args[0].AsValue());
  if (operand.dtype != between.dtype || !IsFloating(operand.dtype)) return std::nullopt;
  const int64_t rank = static_cast<int64_t>(operand.shape.size());
  const std::vector<int64_t> first = ReducedDims(*inner, rank);
  const bool kept = Argument(*inner, "keepdim").AsBool();
  std::vector<int64_t> left;   // dimensions of the operand that `between` has, in its order
  for (int64_t dim = 0; dim < rank; ++dim) {
    if (kept || !std::binary_search(first.begin(), first.end(), dim)) left.push_back(dim);
  }
  std::vector<int64_t> dims = first;
  for (int64_t dim : ReducedDims(node, static_cast<int64_t>(between.shape.size()))) {
    if (left.empty()) break;   // a reduction of a tensor of rank 0
    dims.push_back(left.at(static_cast<size_t>(dim)));
  }
  std::sort(dims.begin(), dims.end());
  dims.erase(std::unique(dims.begin(), dims.end()), dims.end());
  ValueId joined = editor.Add(node.op, {editor.New(inner->args[0]), Attr::Ints(dims), true});
  return std::vector<ValueId>{InShapeOf(editor, joined, node.outputs[0])};
}

// 2-d products only: mm and matmul of matrices.
bool IsMatrixProduct(const Editor& editor, const Node& node) {
  if (node.op != "aten.mm.default" && node.op != "aten.matmul.default") return false;
  return editor.source().value(node.args.at(0).AsValue()).shape.size() == 2 &&
         editor.source().value(node.args.at(1).AsValue()).shape.size() == 2;
}

// (a b) c -> a (b c), and back, where that takes fewer operations.
Values CheaperOrder(Editor& editor, int32_t index) {
  const Program& source = editor.source();
  const Node& node = source.nodes[static_cast<size_t>(index)];
  if (!IsMatrixProduct(editor, node) || !IsFloat(editor, node.outputs.at(0))) return std::nullopt;
  for (size_t side : {0, 1}) {
    const ValueId inner_value = node.args[side].AsValue();
    const Node* inner = editor.Producer(inner_value);
    if (inner == nullptr || editor.Readers(inner_value) != 1 || !IsMatrixProduct(editor, *inner)) continue;
    const ValueId a = side == 0 ? inner->args[0].AsValue() : node.args[0].AsValue();
    const ValueId b = inner->args[side == 0 ? 1 : 0].AsValue();
    const ValueId c = side == 0 ? node.args[1].AsValue() : inner->args[1].AsValue();
    const double m = static_cast<double>(source.value(a).shape[0]);
    const double k = static_cast<double>(source.value(b).shape[0]);
    const double l = static_cast<double>(source.value(b).shape[1]);
    const double n = static_cast<double>(source.value(c).shape[1]);
    const double left_first = m * k * l + m * l * n;
    const double right_first = k * l * n + m * k * n;
    auto product = [&](ValueId x, ValueId y) { return editor.Add("aten.mm.default", {ValueRef{x}, ValueRef{y}}); };
    if (side == 0 && right_first < left_first) return {{product(editor.New(a), product(editor.New(b), editor.New(c)))}};
    if (side == 1 && left_first < right_first) return {{product(product(editor.New(a), editor.New(b)), editor.New(c))}};
  }
  return std::nullopt;
}

// linear(linear(x, v, b), w, c) -> linear(x, w v, w b + c), where that takes fewer operations.
Values LinearOfLinear(Editor& editor, int32_t index) {
  const Program& source = editor.source();
  const Node& node = source.nodes[static_cast<size_t>(index)];
  if (node.op != "aten.linear.default") return std::nullopt;
  const Node* inner = OnlyFrom(editor, node.args.at(0), node.op);
  if (inner == nullptr) return std::nullopt;
  const Shape& outer_weight = source.value(node.args.at(1).AsValue()).shape;
  const Shape& inner_weight = source.value(inner->args.at(1).AsValue()).shape;
  if (outer_weight.size() != 2 || inner_weight.size() != 2) return std::nullopt;
  const double taken = static_cast<double>(inner_weight[1]), between = static_cast<double>(inner_weight[0]);
  const double given = static_cast<double>(outer_weight[0]);
  const double rows = static_cast<double>(source.value(inner->args[0].AsValue()).Elements()) / taken;
  if (given * between * taken + rows * taken * given >= rows * between * (taken + given)) return std::nullopt;
  Attr bias = editor.New(node.args.at(2));
  if (inner->args.at(2).IsValue()) {
    bias = ValueRef{editor.Add("aten.linear.default", {editor.New(inner->args[2]), editor.New(node.args[1]), bias})};
  }
  ValueId weight = editor.Add("aten.mm.default", {editor.New(node.args[1]), editor.New(inner->args[1])});
  return {{editor.Add("aten.linear.default", {editor.New(inner->args[0]), ValueRef{weight}, bias})}};
}

}  // namespace

std::vector<Rule> ChainRules() {
  return {{"scalars joined", false, JoinScalars},
          {"scalar moved behind a reduction", false, ScalarBehindReduction},
          {"reductions joined", false, JoinReductions},
          {"products in the cheaper order", false, CheaperOrder},
          {"linear of linear in one", false, LinearOfLinear}};
}

}  // namespace drtriton
