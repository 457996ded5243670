// Matrix products: one kMatmul node and what is added to it.
#include "templates/lower_index.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

Term Transposed(const OpCall& call, const Term& matrix) { return call.draft.Permute(matrix, {1, 0}); }

// Vectors become matrices of one row or column, which the result's shape drops again.
void Product(const OpCall& call, size_t left, size_t right) {
  Draft& draft = call.draft;
  Term a = call.Tensor(left), b = call.Tensor(right);
  if (a.rank() == 0 || b.rank() == 0) throw Refusal{"a matrix product of single numbers"};
  if (a.rank() == 1) a = draft.Unsqueeze(a, 0);
  if (b.rank() == 1) b = draft.Unsqueeze(b, 1);
  call.Define(draft.Reshape(draft.Matmul(a, b, call.type()), call.Result().shape));
}

void Linear(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  if (x.rank() == 1) x = draft.Unsqueeze(x, 0);
  Term product = draft.Matmul(x, Transposed(call, call.Tensor(1)), call.type());
  if (call.Given(2)) product = draft.Pointwise("add", call.type(), {product, call.Tensor(2)});
  call.Define(draft.Reshape(product, call.Result().shape));
}

// beta * input + alpha * product
void AddTo(const OpCall& call, Term product) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term input = call.Tensor(0);
  double beta = call.Number(3, 1), alpha = call.Number(4, 1);
  if (alpha != 1) product = draft.Pointwise("mul", type, {product, call.Literal(alpha, type)});
  if (beta == 0) return call.Define(product);   // as PyTorch: NaN of the input does not count then
  if (beta != 1) input = draft.Pointwise("mul", type, {input, call.Literal(beta, type)});
  call.Define(draft.Pointwise("add", type, {product, input}));
}

void AddProduct(const OpCall& call) { AddTo(call, call.draft.Matmul(call.Tensor(1), call.Tensor(2), call.type())); }

void AddMatrixVector(const OpCall& call) {
  Draft& draft = call.draft;
  Term product = draft.Matmul(call.Tensor(1), draft.Unsqueeze(call.Tensor(2), 1), call.type());
  product.dims.pop_back();
  AddTo(call, product);
}

void AddOuter(const OpCall& call) {
  Term a = call.draft.Unsqueeze(call.Tensor(1), 1);
  AddTo(call, call.draft.Pointwise("mul", call.type(), {a, call.Tensor(2)}));
}

// The batch is summed over with the inner dimension.
void AddBatches(const OpCall& call) {
  Term a = call.Tensor(1), b = call.Tensor(2);
  a.leaf.reset(), b.leaf.reset();
  const auto joined = [](AxisList front, const AxisList& back) {
    front.insert(front.end(), back.begin(), back.end());
    return front;
  };
  a.dims = {a.dims[1], joined(a.dims[0], a.dims[2])};
  b.dims = {joined(b.dims[0], b.dims[1]), b.dims[2]};
  AddTo(call, call.draft.Matmul(a, b, call.type()));
}

// sum over i and j of x_i w_oij y_j: the products x_i y_j are rows of length i * j.
void Bilinear(const OpCall& call) {
  Draft& draft = call.draft;
  const DType type = call.type();
  const Term x = call.Tensor(0), y = call.Tensor(1);
  Term pairs = draft.Pointwise("mul", type, {draft.Unsqueeze(x, x.rank()), draft.Unsqueeze(y, y.rank() - 1)});
  Term weight = call.Tensor(2);
  weight.leaf.reset();
  const auto join_last = [](Term& term) {
    AxisList last = term.dims.back();
    term.dims.pop_back();
    term.dims.back().insert(term.dims.back().end(), last.begin(), last.end());
  };
  join_last(pairs);
  join_last(weight);
  if (pairs.rank() == 1) pairs = draft.Unsqueeze(pairs, 0);
  Term product = draft.Matmul(pairs, Transposed(call, weight), type);
  if (call.Given(3)) product = draft.Pointwise("add", type, {product, call.Tensor(3)});
  call.Define(draft.Reshape(product, call.Result().shape));
}

// Element i is a(i+1) b(i+2) - a(i+2) b(i+1), around the end of a dimension of three.
void Cross(const OpCall& call) {
  Draft& draft = call.draft;
  const Shape& shape = call.Result().shape;
  const Term a = draft.Expand(draft.Cast(call.Tensor(0), call.type()), shape), b = draft.Expand(draft.Cast(call.Tensor(1), call.type()), shape);
  const int64_t dim = WrapDim(call.Int(2, -1), a.rank());
  const auto product = [&](int64_t of_a, int64_t of_b) {
    Term left = RollAlong(draft, a, dim, -of_a), right = RollAlong(draft, b, dim, -of_b);
    draft.Align(left, right, dim);
    return draft.Pointwise("mul", call.type(), {left, right});
  };
  call.Define(draft.Pointwise("sub", call.type(), {product(1, 2), product(2, 1)}));
}

}  // namespace

void LowerProducts(HandlerTable& table) {
  for (const char* op : {"mm", "bmm", "matmul", "mv"}) {
    table[std::string("aten.") + op + ".default"] = [](const OpCall& call) { Product(call, 0, 1); };
  }
  for (const char* op : {"dot", "vdot"}) {
    table[std::string("aten.") + op + ".default"] = [](const OpCall& call) { Product(call, 0, 1); };
  }
  table["aten.outer.default"] = [](const OpCall& call) {
    Term a = call.draft.Unsqueeze(call.Tensor(0), 1);
    call.Define(call.draft.Pointwise("mul", call.type(), {a, call.Tensor(1)}));
  };
  table["aten.addbmm.default"] = AddBatches;
  table["aten.bilinear.default"] = Bilinear;
  table["aten.linalg_cross.default"] = Cross;
  table["aten.addmv.default"] = AddMatrixVector;
  table["aten.addr.default"] = AddOuter;
  table["aten.linear.default"] = Linear;
  table["aten.addmm.default"] = table["aten.baddbmm.default"] = AddProduct;
}

}  // namespace drtriton
