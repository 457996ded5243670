// Matrix products, einsum and attention.
#include <string>

#include "graph/einsum.h"
#include "graph/operators.h"

namespace drtriton {
namespace {

void ExpectOneDType(const Call& call, const Operand& a, const Operand& b) {
  call.Expect(a.dtype == b.dtype, "operands are of different dtypes, ", Name(a.dtype), " and ", Name(b.dtype));
}

void ExpectInner(const Call& call, int64_t a, int64_t b) { call.Expect(a == b, "inner sizes differ, ", a, " and ", b); }

// A matrix product of two tensors of this rank (2, or 3 with equal batch).
Shape ProductShape(const Call& call, const Operand& a, const Operand& b, size_t rank) {
  ExpectOneDType(call, a, b);
  call.Expect(a.shape.size() == rank && b.shape.size() == rank, "needs two tensors of rank ", rank);
  if (rank == 3) call.Expect(a.shape[0] == b.shape[0], "batch sizes differ");
  ExpectInner(call, a.shape[rank - 1], b.shape[rank - 2]);
  Shape shape = a.shape;
  shape.back() = b.shape.back();
  return shape;
}

std::vector<InferredValue> InferMm(const Call& call) {
  const Operand a = call.Tensor(size_t{0});
  return {Contiguous(a.dtype, ProductShape(call, a, call.Tensor(size_t{1}), 2))};
}

std::vector<InferredValue> InferBmm(const Call& call) {
  const Operand a = call.Tensor(size_t{0});
  return {Contiguous(a.dtype, ProductShape(call, a, call.Tensor(size_t{1}), 3))};
}

// addmm, baddbmm: beta * self + alpha * (a @ b), self broadcast.
std::vector<InferredValue> AddedProduct(const Call& call, size_t rank) {
  const Operand self = call.Tensor(size_t{0});
  const Operand a = call.Tensor(size_t{1});
  const Shape shape = ProductShape(call, a, call.Tensor(size_t{2}), rank);
  ExpectOneDType(call, self, a);
  call.Expect(BroadcastShapes(self.shape, shape) == shape, "the added tensor does not broadcast to ", shape);
  return {Contiguous(a.dtype, shape)};
}
std::vector<InferredValue> InferAddMm(const Call& call) { return AddedProduct(call, 2); }
std::vector<InferredValue> InferBaddBmm(const Call& call) { return AddedProduct(call, 3); }

// beta * self + alpha * the sum of a batch of products.
std::vector<InferredValue> InferAddBatched(const Call& call) {
  const Operand self = call.Tensor(size_t{0});
  const Operand a = call.Tensor(size_t{1});
  Shape shape = ProductShape(call, a, call.Tensor(size_t{2}), 3);
  shape.erase(shape.begin());
  ExpectOneDType(call, self, a);
  call.Expect(BroadcastShapes(self.shape, shape) == shape, "the added tensor does not broadcast to ", shape);
  return {Contiguous(a.dtype, shape)};
}

// beta * self + alpha * a matrix times a vector, or (addr) the outer product of two vectors.
std::vector<InferredValue> InferAddVectors(const Call& call) {
  const Operand self = call.Tensor(size_t{0});
  const Operand a = call.Tensor(size_t{1});
  const Operand b = call.Tensor(size_t{2});
  const bool outer = call.info().schema.Find("vec1") >= 0;
  call.Expect(a.rank() == (outer ? 1 : 2) && b.rank() == 1,
              outer ? "needs two vectors" : "needs a matrix and a vector");
  if (!outer) ExpectInner(call, a.shape[1], b.shape[0]);
  if (!outer) ExpectOneDType(call, a, b);
  if (!outer) ExpectOneDType(call, self, a);
  const Shape shape = outer ? Shape{a.shape[0], b.shape[0]} : Shape{a.shape[0]};
  call.Expect(BroadcastShapes(self.shape, shape) == shape, "the added tensor does not broadcast to ", shape);
  const DType dtype = outer ? ResultDType({self, a, b}) : a.dtype;
  return {outer ? UnknownStrides(dtype, shape) : Contiguous(dtype, shape)};
}

std::vector<InferredValue> InferCross(const Call& call) {
  const Operand a = call.Tensor(size_t{0});
  const Operand b = call.Tensor(size_t{1});
  ExpectOneDType(call, a, b);
  call.Expect(a.rank() == b.rank(), "operands differ in rank");
  const size_t dim = static_cast<size_t>(call.Dim("dim", a.rank()));
  call.Expect(a.rank() > 0 && a.shape[dim] == 3 && b.shape[dim] == 3, "needs 3 elements along the dimension");
  const std::optional<Shape> shape = BroadcastShapes(a.shape, b.shape);
  call.Expect(shape.has_value(), "shapes ", a.shape, " and ", b.shape, " do not broadcast");
  return {UnknownStrides(a.dtype, *shape)};
}

double AddBatchedFlops(const Call& call) {
  const Operand a = call.Tensor(size_t{1});
  return 2 * static_cast<double>(a.Elements()) * static_cast<double>(call.Tensor(size_t{2}).shape[2]);
}

double AddVectorsFlops(const Call& call) {
  const double elements = static_cast<double>(call.Tensor(size_t{1}).Elements());
  const bool outer = call.info().schema.Find("vec1") >= 0;
  return 2 * elements * (outer ? static_cast<double>(call.Tensor(size_t{2}).Elements()) : 1.0);
}

// Two products and a difference.
double CrossFlops(const Call& call) { return 3.0 * static_cast<double>(ElementCount(InferCross(call)[0].shape)); }

double OuterFlops(const Call& call) {
  return static_cast<double>(call.Tensor(size_t{0}).Elements()) *
         static_cast<double>(call.Tensor(size_t{1}).Elements());
}

std::vector<InferredValue> InferDot(const Call& call) {
  const Operand a = call.Tensor(size_t{0});
  const Operand b = call.Tensor(size_t{1});
  ExpectOneDType(call, a, b);
  call.Expect(a.rank() == 1 && b.rank() == 1, "needs two vectors");
  ExpectInner(call, a.shape[0], b.shape[0]);
  return {Contiguous(a.dtype, {})};
}

std::vector<InferredValue> InferMv(const Call& call) {
  const Operand a = call.Tensor(size_t{0});
  const Operand b = call.Tensor(size_t{1});
  ExpectOneDType(call, a, b);
  call.Expect(a.rank() == 2 && b.rank() == 1, "needs a matrix and a vector");
  ExpectInner(call, a.shape[1], b.shape[0]);
  return {Contiguous(a.dtype, {a.shape[0]})};
}

std::vector<InferredValue> InferOuter(const Call& call) {
  const Operand a = call.Tensor(size_t{0});
  const Operand b = call.Tensor(size_t{1});
  call.Expect(a.rank() == 1 && b.rank() == 1, "needs two vectors");
  return {Contiguous(ResultDType({a, b}), {a.shape[0], b.shape[0]})};
}

// torch.matmul: vectors gain a dimension that the result loses, leading dimensions broadcast.
std::vector<InferredValue> InferMatmul(const Call& call) {
  const Operand a = call.Tensor("self");
  const Operand b = call.Tensor("other");
  ExpectOneDType(call, a, b);
  call.Expect(a.rank() >= 1 && b.rank() >= 1, "needs tensors of rank 1 or more");
  ExpectInner(call, a.shape.back(), b.rank() == 1 ? b.shape[0] : b.shape[b.shape.size() - 2]);
  const auto batch = [](const Operand& o) {
    return o.rank() > 2 ? Shape(o.shape.begin(), o.shape.end() - 2) : Shape{};
  };
  const std::optional<Shape> joined = BroadcastShapes(batch(a), batch(b));
  call.Expect(joined.has_value(), "batch sizes ", batch(a), " and ", batch(b), " do not broadcast");
  Shape shape = *joined;
  if (a.rank() > 1) shape.push_back(a.shape[a.shape.size() - 2]);
  if (b.rank() > 1) shape.push_back(b.shape.back());
  // A matrix (or vector) times a stack of matrices is computed transposed, the stack folded into rows.
  if (a.rank() <= 2 && b.rank() >= 3) return {UnknownStrides(a.dtype, shape)};
  return {Contiguous(a.dtype, shape)};
}

std::vector<InferredValue> InferLinear(const Call& call) {
  const Operand input = call.Tensor("input");
  const Operand weight = call.Tensor("weight");
  ExpectOneDType(call, input, weight);
  call.Expect(input.rank() >= 1 && (weight.rank() == 2 || weight.rank() == 1),
              "needs an input of rank 1 or more and a weight of rank 2");
  ExpectInner(call, input.shape.back(), weight.shape.back());
  Shape shape(input.shape.begin(), input.shape.end() - 1);
  if (weight.rank() == 2) shape.push_back(weight.shape[0]);
  if (const std::optional<Operand> bias = call.OptionalTensor("bias")) {
    ExpectOneDType(call, input, *bias);
    call.Expect(weight.rank() == 2, "a bias needs a weight of rank 2");
    call.Expect(BroadcastShapes(bias->shape, shape) == shape, "the bias does not broadcast to ", shape);
  }
  return {Contiguous(input.dtype, shape)};
}

std::optional<EinsumShape> EinsumOf(const Call& call, std::string* complaint) {
  std::vector<Shape> shapes;
  for (const Operand& operand : call.Tensors("tensors")) shapes.push_back(operand.shape);
  return InferEinsum(call.String("equation"), shapes, complaint);
}

std::vector<InferredValue> InferEinsumCall(const Call& call) {
  std::string complaint;
  const std::optional<EinsumShape> inferred = EinsumOf(call, &complaint);
  if (!inferred) call.Fail(complaint);
  const std::vector<Operand> operands = call.Tensors("tensors");
  for (const Operand& operand : operands) ExpectOneDType(call, operands[0], operand);
  return {UnknownStrides(operands[0].dtype, inferred->shape)};
}

double EinsumFlops(const Call& call) {
  std::string complaint;
  const std::optional<EinsumShape> inferred = EinsumOf(call, &complaint);
  return inferred ? 2 * inferred->products : 0;
}

std::vector<InferredValue> InferBilinear(const Call& call) {
  const Operand a = call.Tensor("input1");
  const Operand b = call.Tensor("input2");
  const Operand weight = call.Tensor("weight");
  call.Expect(weight.rank() == 3 && a.rank() >= 1 && a.rank() == b.rank(), "ranks do not fit");
  ExpectInner(call, a.shape.back(), weight.shape[1]);
  ExpectInner(call, b.shape.back(), weight.shape[2]);
  Shape shape = a.shape;
  Shape other = b.shape;
  shape.back() = other.back() = weight.shape[0];
  call.Expect(shape == other, "leading sizes differ");
  const std::optional<Operand> bias = call.OptionalTensor("bias");
  call.Expect(!bias || bias->shape == Shape{weight.shape[0]}, "the bias does not fit the weight");
  ExpectOneDType(call, a, b);
  ExpectOneDType(call, a, weight);
  if (bias) ExpectOneDType(call, a, *bias);
  return {Contiguous(a.dtype, shape)};
}

// Two for each multiply-add: elements of the result times the inner size, which is the last one of the operand `index`.
double ProductFlops(const Call& call, size_t index) {
  const Operand a = call.Tensor(index);
  const double inner = a.shape.empty() ? 1 : static_cast<double>(a.shape.back());
  return 2 * inner * static_cast<double>(ElementCount(call.info().infer(call)[0].shape));
}
double FlopsOfFirst(const Call& call) { return ProductFlops(call, 0); }
double FlopsOfSecond(const Call& call) { return ProductFlops(call, 1); }

double BilinearFlops(const Call& call) {
  const Operand weight = call.Tensor("weight");
  return 2 * static_cast<double>(weight.Elements()) *
         static_cast<double>(call.Tensor("input1").Elements() / weight.shape[1]);
}

// [..., L, E] x [..., S, E] -> weights [..., L, S], times [..., S, Ev].
std::vector<InferredValue> InferAttention(const Call& call) {
  const Operand query = call.Tensor("query");
  const Operand key = call.Tensor("key");
  const Operand value = call.Tensor("value");
  ExpectOneDType(call, query, key);
  ExpectOneDType(call, query, value);
  call.Expect(query.rank() >= 2 && key.rank() >= 2 && value.rank() >= 2, "needs tensors of rank 2 or more");
  ExpectInner(call, query.shape.back(), key.shape.back());
  call.Expect(key.shape[key.shape.size() - 2] == value.shape[value.shape.size() - 2], "key and value differ in length");
  call.Expect(!call.Bool("is_causal") || !call.Has("attn_mask"), "is_causal excludes a mask");
  const auto leading = [](const Operand& o) { return Shape(o.shape.begin(), o.shape.end() - 2); };
  std::optional<Shape> shape = leading(query);
  // Grouped queries have more heads than keys and values.
  for (const Operand* other : {&key, &value}) {
    if (shape && !call.Bool("enable_gqa")) shape = BroadcastShapes(*shape, leading(*other));
  }
  call.Expect(shape.has_value(), "batch sizes do not broadcast");
  shape->push_back(query.shape[query.shape.size() - 2]);
  if (const std::optional<Operand> mask = call.OptionalTensor("attn_mask")) {
    Shape weights = *shape;
    weights.push_back(key.shape[key.shape.size() - 2]);
    call.Expect(BroadcastShapes(mask->shape, weights) == weights, "the mask does not broadcast to ", weights);
  }
  shape->push_back(value.shape.back());
  return {UnknownStrides(query.dtype, *shape)};
}

double AttentionFlops(const Call& call) {
  const Operand query = call.Tensor("query");
  const Operand value = call.Tensor("value");
  const double length = static_cast<double>(value.shape[value.shape.size() - 2]);
  const double sizes = static_cast<double>(query.shape.back() + value.shape.back());
  const double rows = static_cast<double>(query.Elements()) / static_cast<double>(query.shape.back());
  return 2 * rows * length * sizes * (call.Bool("is_causal") ? 0.5 : 1.0);
}

void AddProducts(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kMatmul);
  const std::string scaled = "; beta=1|1|0.5; alpha=1|1|2";
  add("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", "F.linear",
      "f; input=[*,K]; weight=[N,K]; bias=None|[N]", InferLinear, FlopsOfFirst);
  add("matmul(Tensor self, Tensor other) -> Tensor", "{self} @ {other}",
      "f; self=[*,M,K]|[K]|[B,M,K]|[A,B,M,K]|[A,1,M,K]; other=[K,N]|[K]|[1,K,N]|[B,K,N]", InferMatmul, FlopsOfFirst);
  add("mm(Tensor self, Tensor mat2) -> Tensor", "torch.mm", "f; self=[M,K]; mat2=[K,N]", InferMm, FlopsOfFirst);
  add("bmm(Tensor self, Tensor mat2) -> Tensor", "torch.bmm", "f; self=[B,M,K]; mat2=[B,K,N]", InferBmm, FlopsOfFirst);
  add("addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", "torch.addmm",
      "f; self=[N]|[M,N]|[M,1]; mat1=[M,K]; mat2=[K,N]" + scaled, InferAddMm, FlopsOfSecond);
  add("baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", "torch.baddbmm",
      "f; self=[N]|[B,M,N]|[M,1]; batch1=[B,M,K]; batch2=[B,K,N]" + scaled, InferBaddBmm, FlopsOfSecond);
  add("addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", "torch.addbmm",
      "f; self=[N]|[M,N]; batch1=[B,M,K]; batch2=[B,K,N]" + scaled, InferAddBatched, AddBatchedFlops);
  add("addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor", "torch.addmv",
      "f; self=[M]|[1]; mat=[M,K]; vec=[K]" + scaled, InferAddVectors, AddVectorsFlops);
  add("addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor", "torch.addr",
      "f; self=[M,N]:=|[N]:=; vec1=[M]:=; vec2=[N]:=" + scaled, InferAddVectors, AddVectorsFlops);
  add("linalg_cross(Tensor self, Tensor other, *, int dim=-1) -> Tensor", "torch.linalg.cross",
      "n; self=[*,A,3]; other=[*,A,3]|[*,1,3]", InferCross, CrossFlops);
  add("dot(Tensor self, Tensor tensor) -> Tensor", "torch.dot", "f; self=[K]; tensor=[K]", InferDot, FlopsOfFirst);
  add("mv(Tensor self, Tensor vec) -> Tensor", "torch.mv", "f; self=[M,K]; vec=[K]", InferMv, FlopsOfFirst);
  add("outer(Tensor self, Tensor vec2) -> Tensor", "torch.outer", "f; self=[M]; vec2=[N]", InferOuter, OuterFlops);
  add("einsum(str equation, Tensor[] tensors, *, int[]? path=None) -> Tensor", "torch.einsum({equation}, {*tensors})",
      "f; equation='mk,kn->mn'|'...mk,...kn->...nm'|'mk,kn'; tensors=[[M,K],[K,N]]", InferEinsumCall, EinsumFlops);
  add("bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor", "F.bilinear",
      "f; input1=[*,M]; input2=[*,K]; weight=[N,M,K]; bias=None|[N]", InferBilinear, BilinearFlops);
}

}  // namespace

std::vector<OperatorSpec> MatmulOperators() {
  std::vector<OperatorSpec> table;
  AddProducts(table);
  table.push_back(
      {.schema_text =
           "aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float "
           "dropout_p=0., bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
       .form =
           "F.scaled_dot_product_attention({query}, {key}, {value}[, attn_mask={attn_mask}][, dropout_p={dropout_p}][, "
           "is_causal={is_causal}][, scale={scale}][, enable_gqa={enable_gqa}])",
       .kind = OpKind::kAttention,
       .domain = "f; query=[N,G,M,K]; key=[N,G,L,K]; value=[N,G,L,E]; is_causal=False|True; scale=None|0.125",
       .infer = InferAttention,
       .flops = AttentionFlops});
  return table;
}

}  // namespace drtriton
