// A sum or a mean behind a linear map.  It commutes with the map: over rows it can come first, and over the map's results
// the weights can be summed instead.  Both make the product smaller by the length of the sum.
#include "rewrite/rules.h"

namespace drtriton {
namespace {

using Values = std::optional<std::vector<ValueId>>;

// A product x w (+ bias) as one of the operators that compute it; dimensions count from the result's.
struct Product {
  ValueId x = -1, w = -1;
  std::optional<ValueId> bias;
  bool weight_is_transposed = false;   // linear: w is [out, in]
};

std::optional<Product> AsProduct(const Editor& editor, const Node& node) {
  Product product;
  if (node.op == "aten.linear.default") {
    product = {node.args.at(0).AsValue(), node.args.at(1).AsValue(), std::nullopt, true};
    if (node.args.at(2).IsValue()) product.bias = node.args[2].AsValue();
    if (editor.source().value(product.w).shape.size() != 2) return std::nullopt;
    return product;
  }
  if (node.op != "aten.mm.default" && node.op != "aten.bmm.default" && node.op != "aten.matmul.default") return std::nullopt;
  product = {node.args.at(0).AsValue(), node.args.at(1).AsValue(), std::nullopt, false};
  const size_t rank = editor.source().value(node.outputs.at(0)).shape.size();
  // With operands of the same rank no dimension of the result belongs to one operand alone but the last two.
  if (editor.source().value(product.x).shape.size() != rank || editor.source().value(product.w).shape.size() != rank) return std::nullopt;
  return product;
}

Values ReductionBehindProduct(Editor& editor, int32_t index) {
  const Program& source = editor.source();
  const Node& node = source.nodes[static_cast<size_t>(index)];
  std::optional<LinearReduction> reduction = AsLinearReduction(editor, node);
  if (!reduction || editor.Readers(reduction->operand) != 1 || editor.Producer(reduction->operand) == nullptr) return std::nullopt;
  std::optional<Product> product = AsProduct(editor, *editor.Producer(reduction->operand));
  if (!product) return std::nullopt;
  const int64_t rank = static_cast<int64_t>(source.value(reduction->operand).shape.size());
  if (rank < 2) return std::nullopt;
  std::vector<int64_t> rows;
  bool columns = false;
  int64_t row_count = 1;
  for (int64_t dim : reduction->dims) {
    if (dim == rank - 1) {
      columns = true;
      continue;
    }
    if (!product->weight_is_transposed && dim != rank - 2) return std::nullopt;   // a batch
    rows.push_back(dim);
    row_count *= source.value(reduction->operand).shape[static_cast<size_t>(dim)];
  }
  if (reduction->count <= 1) return std::nullopt;
  ValueId x = AddReduction(editor, *reduction, editor.New(product->x), rows);
  ValueId w = editor.New(product->w);
  Attr bias = product->bias ? Attr(ValueRef{editor.New(*product->bias)}) : Attr();
  if (columns) {
    w = AddReduction(editor, *reduction, w, {product->weight_is_transposed ? 0 : rank - 1});
    if (product->bias) bias = ValueRef{AddReduction(editor, *reduction, bias.AsValue(), {0})};
  }
  if (product->bias && !reduction->mean && row_count > 1) {
    bias = ValueRef{editor.Add("aten.mul.Tensor", {bias, static_cast<double>(row_count)})};
  }
  ValueId result = product->weight_is_transposed ? editor.Add("aten.linear.default", {ValueRef{x}, ValueRef{w}, bias})
                                                 : editor.Add("aten.matmul.default", {ValueRef{x}, ValueRef{w}});
  return {{InShapeOf(editor, result, node.outputs[0])}};
}

}  // namespace

std::vector<Rule> LinearRules() { return {{"sum or mean moved in front of a product", false, ReductionBehindProduct}}; }

}  // namespace drtriton
