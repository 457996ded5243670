// Operators whose result is known without computing it.  Each is exact: the same bits, but for the sign of zero.
#include <algorithm>
#include <cmath>

#include "graph/registry.h"
#include "rewrite/rules.h"

namespace drtriton {
namespace {

using Values = std::optional<std::vector<ValueId>>;

bool IsOneOf(const Node& node, std::initializer_list<std::string_view> ops) {
  return std::find(ops.begin(), ops.end(), node.op) != ops.end();
}

const Value& OperandOf(const Editor& editor, const Node& node) { return editor.source().value(node.args.at(0).AsValue()); }

// The operand in the dtype and shape of the node's first result.
ValueId AsResult(Editor& editor, const Node& node, ValueId id) {
  const Value& result = editor.source().value(node.outputs.at(0));
  if (editor.target().value(id).dtype != result.dtype) id = editor.Add("aten.to.dtype", {ValueRef{id}, result.dtype});
  return InShapeOf(editor, id, node.outputs.at(0));
}

// Sum, mean, extreme and the like of one element: that element.
Values ReductionOverOne(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (!IsOneOf(node, {"aten.sum.dim_IntList", "aten.sum.default", "aten.mean.dim", "aten.mean.default", "aten.amax.default",
                      "aten.amin.default", "aten.max.default", "aten.min.default", "aten.max.dim", "aten.min.dim",
                      "aten.prod.default", "aten.prod.dim_int", "aten.logsumexp.default"})) {
    return std::nullopt;
  }
  const Value& operand = OperandOf(editor, node);
  for (int64_t dim : ReducedDims(node, static_cast<int64_t>(operand.shape.size()))) {
    if (!operand.shape.empty() && operand.shape.at(static_cast<size_t>(dim)) != 1) return std::nullopt;
  }
  std::vector<ValueId> values{AsResult(editor, node, editor.New(node.args.at(0).AsValue()))};
  if (node.outputs.size() < 2) return values;
  const bool positions = node.outputs[1] >= 0 && editor.Readers(node.outputs[1]) > 0;
  values.push_back(positions ? editor.Add("aten.zeros_like.default", {ValueRef{values[0]}, DType::kInt64}) : -1);
  return values;
}

// relu(relu(x)) and its like.
Values AppliedTwice(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (!IsOneOf(node, {"aten.relu.default", "aten.relu6.default", "aten.abs.default", "aten.floor.default", "aten.ceil.default",
                      "aten.round.default", "aten.trunc.default", "aten.sign.default", "aten.hardtanh.default",
                      "aten.clamp.default", "aten.clamp_min.default", "aten.clamp_max.default", "aten.tril.default",
                      "aten.triu.default", "aten.nan_to_num.default"})) {
    return std::nullopt;
  }
  const Node* inner = node.args.at(0).IsValue() ? editor.Producer(node.args[0].AsValue()) : nullptr;
  if (inner == nullptr || inner->op != node.op) return std::nullopt;
  if (!std::equal(node.args.begin() + 1, node.args.end(), inner->args.begin() + 1, inner->args.end())) return std::nullopt;
  for (size_t i = 1; i < node.args.size(); ++i) {
    if (node.args[i].IsValue()) return std::nullopt;
  }
  return std::vector<ValueId>{editor.New(node.args[0].AsValue())};
}

// relu or abs of what is never negative.
Values OfNonNegative(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (!IsOneOf(node, {"aten.relu.default", "aten.abs.default"}) || !node.args.at(0).IsValue()) return std::nullopt;
  const Node* inner = editor.Producer(node.args[0].AsValue());
  if (inner == nullptr || !IsOneOf(*inner, {"aten.relu.default", "aten.relu6.default", "aten.abs.default", "aten.sigmoid.default",
                                            "aten.exp.default", "aten.exp2.default", "aten.sqrt.default", "aten.square.default",
                                            "aten.hardsigmoid.default", "aten.softmax.int", "aten._softmax.default"})) {
    return std::nullopt;
  }
  if (!IsFloat(editor, node.args[0].AsValue())) return std::nullopt;   // squares of integers wrap
  return std::vector<ValueId>{editor.New(node.args[0].AsValue())};
}

// maximum(x, x), minimum(x, x)
Values ExtremeOfItself(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (!IsOneOf(node, {"aten.maximum.default", "aten.minimum.default"}) || !(node.args.at(0) == node.args.at(1))) return std::nullopt;
  return std::vector<ValueId>{editor.New(node.args[0].AsValue())};
}

bool IsNumber(const Attr& attr, double number) { return attr.IsNumber() && attr.AsDouble() == number; }

// x * 1, x / 1, x - 0, x ** 1, and x + 0 but for the sign of zero.
Values NeutralOperand(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  const bool one = IsOneOf(node, {"aten.mul.Tensor", "aten.mul.Scalar", "aten.div.Tensor", "aten.div.Scalar",
                                  "aten.true_divide.Tensor", "aten.pow.Tensor_Scalar"});
  const bool zero = IsOneOf(node, {"aten.add.Tensor", "aten.add.Scalar", "aten.sub.Tensor", "aten.sub.Scalar"});
  if ((!one && !zero) || !node.args.at(0).IsValue() || !IsNumber(node.args.at(1), one ? 1 : 0)) return std::nullopt;
  return std::vector<ValueId>{editor.New(node.args[0].AsValue())};
}

// Casts to the type at hand, copies, dropout in evaluation.
Values Unchanged(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (!IsOneOf(node, {"aten.to.dtype", "aten._to_copy.default", "aten.type_as.default", "aten.clone.default", "aten.contiguous.default",
                      "aten.alias.default", "aten.detach.default", "aten.positive.default", "aten.lift_fresh.default",
                      "aten.lift_fresh_copy.default", "aten.dropout.default", "aten.feature_dropout.default"}) ||
      IsRandom(node) || editor.IsResult(node.outputs.at(0))) {
    return std::nullopt;
  }
  return std::vector<ValueId>{editor.New(node.args.at(0).AsValue())};
}

// -(-x)
Values NegatedTwice(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (node.op != "aten.neg.default") return std::nullopt;
  const Node* inner = editor.Producer(node.args.at(0).AsValue());
  if (inner == nullptr || inner->op != node.op) return std::nullopt;
  return std::vector<ValueId>{editor.New(inner->args.at(0).AsValue())};
}

bool SameElements(const Value& a, const Value& b) {
  if (a.shape != b.shape || a.dtype != b.dtype) return false;
  for (size_t i = 0; i < a.shape.size(); ++i) {
    if (a.shape[i] != 1 && a.strides[i] != b.strides[i]) return false;
  }
  return true;
}

// Views that lead back to the tensor they began with: x.t().t(), x.unsqueeze(0).squeeze(0), x[:].
Values ViewsThatCancel(Editor& editor, int32_t index) {
  const Program& source = editor.source();
  const Node& node = source.nodes[static_cast<size_t>(index)];
  if (!IsView(node.op) || node.outputs.size() != 1 || editor.IsResult(node.outputs[0])) return std::nullopt;
  int64_t offset = 0;
  for (const Node* view = &node; view != nullptr && IsView(view->op) && view->outputs.size() == 1;) {
    const std::optional<StridedView> strided = ViewOf(source, *view);
    if (!strided) return std::nullopt;
    offset += strided->offset;
    if (offset == 0 && SameElements(source.value(strided->base), source.value(node.outputs[0]))) {
      return std::vector<ValueId>{editor.New(strided->base)};
    }
    view = editor.Producer(strided->base);
  }
  return std::nullopt;
}

// The number that every element of a value is, where it was made so.
std::optional<Attr> FilledWith(const Editor& editor, ValueId id) {
  const Node* producer = editor.Producer(id);
  if (producer == nullptr) return std::nullopt;
  if (IsOneOf(*producer, {"aten.zeros.default", "aten.zeros_like.default", "aten.new_zeros.default"})) return Attr(0);
  if (IsOneOf(*producer, {"aten.ones.default", "aten.ones_like.default", "aten.new_ones.default"})) return Attr(1);
  if (IsOneOf(*producer, {"aten.full.default", "aten.full_like.default"})) return producer->args.at(1);
  if (producer->op == "aten.new_full.default") return producer->args.at(2);
  return std::nullopt;
}

// Whether a tensor of the type holds the number without rounding it further than arithmetic on float32 does.
bool Holds(DType dtype, double number) {
  if (dtype == DType::kFloat32 || dtype == DType::kFloat64) return true;
  if (!IsFloating(dtype)) return std::trunc(number) == number;
  if (dtype != DType::kFloat16 && dtype != DType::kBFloat16) return false;
  if (number == 0 || !std::isfinite(number)) return true;
  int exponent = 0;
  const double fraction = std::frexp(number, &exponent);   // in [1/2, 1)
  const bool half = dtype == DType::kFloat16;
  const double significand = std::ldexp(fraction, half ? 11 : 8);
  return std::trunc(significand) == significand && exponent >= (half ? -13 : -125) && exponent <= (half ? 16 : 128);
}

// An operand that holds one number everywhere: the number.  Where the operand's type rounds it, as float16 does 0.1, it
// stays: a scalar enters the arithmetic unrounded.
Values ConstantOperand(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (!IsOneOf(node, {"aten.mul.Tensor", "aten.add.Tensor", "aten.sub.Tensor", "aten.div.Tensor"})) return std::nullopt;
  if (!node.args.at(0).IsValue() || !node.args.at(1).IsValue()) return std::nullopt;
  std::optional<Attr> number = FilledWith(editor, node.args[1].AsValue());
  if (!number || !number->IsNumber()) return std::nullopt;
  if (!Holds(editor.source().value(node.args[1].AsValue()).dtype, number->AsDouble())) return std::nullopt;
  AttrList args{editor.New(node.args[0]), *number};
  args.insert(args.end(), node.args.begin() + 2, node.args.end());
  return std::vector<ValueId>{editor.Add(node.op, std::move(args))};
}

}  // namespace

std::vector<Rule> KnownResultRules() {
  return {{"reduction over one element", true, ReductionOverOne},
          {"function applied twice", true, AppliedTwice},
          {"relu or abs of what is not negative", true, OfNonNegative},
          {"extreme of a value and itself", true, ExtremeOfItself},
          {"operand that changes nothing", true, NeutralOperand},
          {"cast or copy that changes nothing", true, Unchanged},
          {"negated twice", true, NegatedTwice},
          {"views that cancel", true, ViewsThatCancel},
          {"constant operand", true, ConstantOperand}};
}

}  // namespace drtriton
