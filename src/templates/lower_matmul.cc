// Matrix products: one kMatmul node and what is added to it.
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
  table["aten.addmv.default"] = AddMatrixVector;
  table["aten.addr.default"] = AddOuter;
  table["aten.linear.default"] = Linear;
  table["aten.addmm.default"] = table["aten.baddbmm.default"] = AddProduct;
}

}  // namespace drtriton
