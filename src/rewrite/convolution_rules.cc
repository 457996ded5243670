// Sums and means behind convolutions and batch norm.
//
// Over the channels that a convolution gives, its weights can be summed instead.  Over all positions of a result whose
// windows move by one, each tap meets the mean of a shifted box of the operand: an average pool with a kernel as large as
// the result gives all boxes, and what is left of the convolution is one product of [channels x taps].
#include <algorithm>

#include "graph/registry.h"
#include "rewrite/rules.h"

namespace drtriton {
namespace {

using Values = std::optional<std::vector<ValueId>>;

bool IsDenseConvolution(const Node& node) {
  return node.op == "aten.conv1d.default" || node.op == "aten.conv2d.default" || node.op == "aten.conv3d.default";
}

bool IsTransposed(const Node& node) {
  return node.op == "aten.conv_transpose1d.default" || node.op == "aten.conv_transpose2d.input" ||
         node.op == "aten.conv_transpose3d.input";
}

// The reduction that a node is, and the convolution without groups that alone feeds it.
struct Behind {
  LinearReduction reduction;
  const Node* convolution = nullptr;
  int64_t rank = 0;   // of the result, the batch included
};

std::optional<Behind> BehindConvolution(const Editor& editor, const Node& node) {
  std::optional<LinearReduction> reduction = AsLinearReduction(editor, node);
  if (!reduction || reduction->count <= 1 || editor.Readers(reduction->operand) != 1) return std::nullopt;
  const Node* convolution = editor.Producer(reduction->operand);
  if (convolution == nullptr || (!IsDenseConvolution(*convolution) && !IsTransposed(*convolution))) return std::nullopt;
  if (Argument(*convolution, "groups").AsInt() != 1) return std::nullopt;
  const int64_t rank = static_cast<int64_t>(editor.source().value(reduction->operand).shape.size());
  const int64_t weight_rank = static_cast<int64_t>(editor.source().value(convolution->args.at(1).AsValue()).shape.size());
  if (rank != weight_rank) return std::nullopt;   // no batch
  return Behind{*reduction, convolution, rank};
}

Values ReductionOverChannels(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  std::optional<Behind> behind = BehindConvolution(editor, node);
  if (!behind || behind->reduction.dims != std::vector<int64_t>{1}) return std::nullopt;
  AttrList args = behind->convolution->args;
  for (Attr& arg : args) arg = editor.New(arg);
  args.at(1) = ValueRef{AddReduction(editor, behind->reduction, args[1].AsValue(), {IsTransposed(*behind->convolution) ? 1 : 0})};
  if (args.at(2).IsValue()) args[2] = ValueRef{AddReduction(editor, behind->reduction, args[2].AsValue(), {0})};
  return {{InShapeOf(editor, editor.Add(behind->convolution->op, std::move(args)), node.outputs[0])}};
}

bool AllAre(const std::vector<int64_t>& numbers, int64_t number) {
  return std::all_of(numbers.begin(), numbers.end(), [=](int64_t n) { return n == number; });
}

std::vector<int64_t> Spread(const Attr& attr, size_t count) {
  std::vector<int64_t> numbers = attr.AsInts();
  if (numbers.size() == 1) numbers.assign(count, numbers[0]);
  return numbers;
}

Values MeanOverPositions(Editor& editor, int32_t index) {
  const Program& source = editor.source();
  const Node& node = source.nodes[static_cast<size_t>(index)];
  std::optional<Behind> behind = BehindConvolution(editor, node);
  if (!behind || IsTransposed(*behind->convolution) || behind->rank < 4) return std::nullopt;   // avg_pool1d takes other arguments
  const size_t positions = static_cast<size_t>(behind->rank) - 2;
  std::vector<int64_t> all;
  for (int64_t dim = 2; dim < behind->rank; ++dim) all.push_back(dim);
  if (behind->reduction.dims != all) return std::nullopt;
  if (!AllAre(Spread(Argument(*behind->convolution, "stride"), positions), 1)) return std::nullopt;
  if (!AllAre(Spread(Argument(*behind->convolution, "dilation"), positions), 1)) return std::nullopt;
  const std::vector<int64_t> padding = Spread(Argument(*behind->convolution, "padding"), positions);
  const Shape& result = source.value(behind->reduction.operand).shape;
  const Shape& weight = source.value(behind->convolution->args.at(1).AsValue()).shape;
  const std::vector<int64_t> box(result.begin() + 2, result.end());
  for (size_t i = 0; i < positions; ++i) {
    if (2 * padding[i] > box[i]) return std::nullopt;   // more than average pooling pads
  }
  // Worth it where the product of the convolution costs more than summing a box for each tap.
  if (weight[0] < 4) return std::nullopt;
  const char* pool = positions == 2 ? "aten.avg_pool2d.default" : "aten.avg_pool3d.default";
  ValueId boxes = editor.Add(pool, {editor.New(behind->convolution->args[0]), Attr::Ints(box), Attr::Ints(std::vector<int64_t>(positions, 1)),
                                    Attr::Ints(padding), false, true});
  const int64_t length = ElementCount(Shape(weight.begin() + 1, weight.end()));
  ValueId flat_boxes = editor.Add("aten.reshape.default", {ValueRef{boxes}, Attr::Ints({result[0], length})});
  ValueId flat_weight = editor.Add("aten.reshape.default", {editor.New(behind->convolution->args[1]), Attr::Ints({weight[0], length})});
  ValueId mean = editor.Add("aten.linear.default", {ValueRef{flat_boxes}, ValueRef{flat_weight}, editor.New(behind->convolution->args[2])});
  if (!behind->reduction.mean) {
    mean = editor.Add("aten.mul.Tensor", {ValueRef{mean}, static_cast<double>(behind->reduction.count)});
  }
  return {{InShapeOf(editor, mean, node.outputs[0])}};
}

// mean(batch_norm(x)) over positions -> batch_norm(mean(x)), in evaluation.
Values MeanBehindBatchNorm(Editor& editor, int32_t index) {
  const Program& source = editor.source();
  const Node& node = source.nodes[static_cast<size_t>(index)];
  std::optional<LinearReduction> reduction = AsLinearReduction(editor, node);
  if (!reduction || !reduction->mean || reduction->count <= 1) return std::nullopt;
  const Node* norm = OnlyFrom(editor, ValueRef{reduction->operand}, "aten.batch_norm.default");
  if (norm == nullptr || Argument(*norm, "training").AsBool()) return std::nullopt;
  if (reduction->dims.front() < 2) return std::nullopt;
  AttrList args = norm->args;
  for (Attr& arg : args) arg = editor.New(arg);
  args[0] = ValueRef{AddReduction(editor, *reduction, args[0].AsValue(), reduction->dims)};
  return {{InShapeOf(editor, editor.Add(norm->op, std::move(args)), node.outputs[0])}};
}

// adaptive_avg_pool(x, 1) is a mean, which the other rules know.
Values PoolAsMean(Editor& editor, int32_t index) {
  const Node& node = editor.source().nodes[static_cast<size_t>(index)];
  if (node.op.find("adaptive_avg_pool") == std::string::npos) return std::nullopt;
  const Value& operand = editor.source().value(node.args.at(0).AsValue());
  const std::vector<int64_t> sizes = node.args.at(1).AsInts();
  if (!AllAre(sizes, 1) || !IsFloating(operand.dtype)) return std::nullopt;
  const size_t positions = node.op.find("3d") != std::string::npos ? 3 : node.op.find("2d") != std::string::npos ? 2 : 1;
  std::vector<int64_t> dims;
  for (size_t i = operand.shape.size() - positions; i < operand.shape.size(); ++i) dims.push_back(static_cast<int64_t>(i));
  return {{editor.Add("aten.mean.dim", {editor.New(node.args[0]), Attr::Ints(dims), true})}};
}

}  // namespace

std::vector<Rule> ConvolutionRules() {
  return {{"sum or mean over channels moved into a convolution's weights", false, ReductionOverChannels},
          {"mean over a convolution's positions as a pool and a product", false, MeanOverPositions},
          {"mean moved in front of batch norm", false, MeanBehindBatchNorm},
          {"pool to one position as a mean", false, PoolAsMean}};
}

}  // namespace drtriton
