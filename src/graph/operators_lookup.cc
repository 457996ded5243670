// Lookups and their inverse: elements chosen, or written, by index tensors.
#include <algorithm>
#include <initializer_list>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

bool IsIndex(const Operand& operand) { return operand.dtype == DType::kInt64 || operand.dtype == DType::kInt32; }

std::vector<InferredValue> InferEmbedding(const Call& call) {
  const Operand weight = call.Tensor("weight");
  const Operand indices = call.Tensor("indices");
  call.Expect(weight.rank() == 2, "the weight has to be a matrix");
  call.Expect(IsIndex(indices), "indices have to be int32 or int64");
  Shape shape = indices.shape;
  shape.push_back(weight.shape[1]);
  return {Contiguous(weight.dtype, shape)};
}

std::vector<InferredValue> InferGather(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand index = call.Tensor("index");
  call.Expect(IsIndex(index) || index.Elements() == 0, "the index has to be int32 or int64");
  const size_t dim = static_cast<size_t>(call.Dim("dim", self.rank()));
  if (index.Elements() == 0) return {Contiguous(self.dtype, index.shape)};
  call.Expect(std::max<int64_t>(self.rank(), 1) == std::max<int64_t>(index.rank(), 1),
              "tensor and index differ in rank");
  for (size_t i = 0; i < std::min(self.shape.size(), index.shape.size()); ++i) {
    call.Expect(i == dim || index.shape[i] <= self.shape[i], "the index is larger than the tensor");
  }
  return {Contiguous(self.dtype, index.shape)};
}

std::vector<InferredValue> InferIndexSelect(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand index = call.Tensor("index");
  call.Expect(IsIndex(index) && index.rank() <= 1, "the index has to be a vector of int32 or int64");
  Shape shape = self.shape;
  const size_t dim = static_cast<size_t>(call.Dim("dim", self.rank()));
  if (!shape.empty()) shape[dim] = index.Elements();
  return {Contiguous(self.dtype, shape)};
}

// x[i, :, j]: the index tensors broadcast; their shape stands where they were when they are adjacent, else in front.
std::vector<InferredValue> InferIndex(const Call& call) {
  const Operand self = call.Tensor("self");
  const AttrList& indices = call.Arg("indices").AsList();
  call.Expect(indices.size() <= self.shape.size(), "more indices than dimensions");
  std::vector<Operand> tensors;
  std::vector<size_t> indexed;
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i].IsNone()) continue;
    tensors.push_back(call.ToOperand(indices[i]));
    call.Expect(IsIndex(tensors.back()), "a mask as index gives a shape that depends on values");
    indexed.push_back(i);
  }
  call.Expect(!tensors.empty(), "needs an index");
  const Shape picked = BroadcastAll(call, tensors);
  const bool adjacent = indexed.back() - indexed.front() + 1 == indexed.size();
  const size_t at = adjacent ? indexed.front() : 0;
  Shape shape;
  for (size_t i = 0; i < self.shape.size(); ++i) {
    if (std::find(indexed.begin(), indexed.end(), i) == indexed.end()) shape.push_back(self.shape[i]);
  }
  shape.insert(shape.begin() + static_cast<int64_t>(at), picked.begin(), picked.end());
  const bool known = IsRowMajor(self) && at == 0 && tensors.size() == 1 && IsRowMajor(tensors[0]);
  return {ContiguousIf(known, self.dtype, shape)};
}

std::vector<InferredValue> InferScatter(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand index = call.Tensor("index");
  call.Expect(IsIndex(index), "the index has to be int32 or int64");
  const size_t dim = static_cast<size_t>(call.Dim("dim", self.rank()));
  call.Expect(std::max<int64_t>(self.rank(), 1) == std::max<int64_t>(index.rank(), 1),
              "tensor and index differ in rank");
  for (size_t i = 0; index.Elements() > 0 && i < std::min(self.shape.size(), index.shape.size()); ++i) {
    call.Expect(i == dim || index.shape[i] <= self.shape[i], "the index is larger than the tensor");
  }
  const std::optional<Operand> source = call.info().schema.Find("src") >= 0 ? call.OptionalTensor("src") : std::nullopt;
  call.Expect(!source || source->dtype == self.dtype, "source and tensor are of different dtypes");
  for (size_t i = 0; source && i < index.shape.size(); ++i) {
    call.Expect(i < source->shape.size() && index.shape[i] <= source->shape[i], "the index is larger than the source");
  }
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

// A copy of the tensor with a view of it (select, slice, diagonal) overwritten.
std::vector<InferredValue> ScatteredInto(const Call& call, Views (*view)(const Call&)) {
  const Operand self = call.Tensor("self");
  const Shape part = view(call)->at(0).shape;
  call.Expect(call.Tensor("src").shape == part, "the source has to be of shape ", part);
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}
std::vector<InferredValue> InferSelectScatter(const Call& call) { return ScatteredInto(call, ViewSelected); }
std::vector<InferredValue> InferSliceScatter(const Call& call) { return ScatteredInto(call, ViewSliced); }
std::vector<InferredValue> InferDiagonalScatter(const Call& call) { return ScatteredInto(call, ViewDiagonal); }

void CheckReduction(const Call& call, std::initializer_list<std::string_view> known) {
  const std::string& reduce = call.String("reduce");
  call.Expect(std::find(known.begin(), known.end(), reduce) != known.end(), "the reduction '", reduce, "' is unknown");
}

std::vector<InferredValue> InferScatterReduce(const Call& call) {
  CheckReduction(call, {"sum", "prod", "mean", "amax", "amin"});
  return InferScatter(call);
}

std::vector<InferredValue> InferScatterOld(const Call& call) {
  CheckReduction(call, {"add", "multiply"});
  return InferScatter(call);
}

// take_along_dim: gather whose operands broadcast beside `dim`; without `dim` both are flat.
std::vector<InferredValue> InferTakeAlongDim(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand indices = call.Tensor("indices");
  call.Expect(indices.dtype == DType::kInt64, "indices have to be int64");
  if (!call.Has("dim")) {
    for (const Operand& operand : {self, indices}) {
      const bool flat = ViewStrides(operand.shape, operand.strides, {operand.Elements()}).has_value();
      call.Expect(flat, "a tensor of shape ", operand.shape, " with these strides has no flat view");
    }
    return {Contiguous(self.dtype, {indices.Elements()})};
  }
  call.Expect(self.rank() == indices.rank(), "tensor and indices differ in rank");
  const size_t dim = static_cast<size_t>(call.Dim("dim", self.rank()));
  if (self.rank() == 0) return {Contiguous(self.dtype, {})};
  Shape along = self.shape;
  along[dim] = indices.shape[dim];
  std::optional<Shape> shape = BroadcastShapes(along, indices.shape);
  call.Expect(shape.has_value(), "shapes ", self.shape, " and ", indices.shape, " do not fit");
  return {Contiguous(self.dtype, std::move(*shape))};
}

// index_add, index_copy: rows of the source go where the index says.
std::vector<InferredValue> InferIndexAdd(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand index = call.Tensor("index");
  const Operand source = call.Tensor("source");
  const bool copies = call.info().schema.Find("alpha") < 0;
  call.Expect(copies ? index.dtype == DType::kInt64 : IsIndex(index), "the index has to be int64 or int32");
  call.Expect(index.rank() <= 1, "the index has to be a vector");
  call.Expect(source.dtype == self.dtype, "source and tensor are of different dtypes");
  call.Expect(source.rank() == self.rank() || source.rank() == 0, "source and tensor differ in rank");
  const size_t dim = static_cast<size_t>(call.Dim("dim", self.rank()));
  Shape expected = self.shape;
  if (!expected.empty()) expected[dim] = index.Elements();
  call.Expect(source.shape == expected || source.rank() == 0, "the source has to be of shape ", expected);
  call.Expect(source.rank() > 0 || index.Elements() == 1, "a source of rank 0 needs one index");
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

std::vector<InferredValue> InferIndexFill(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand index = call.Tensor("index");
  call.Expect(index.dtype == DType::kInt64 && index.rank() <= 1, "the index has to be a vector of int64");
  call.Dim("dim", self.rank());
  call.Expect(call.Tensor("value").rank() == 0, "the value has to be of rank 0");
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

bool HasMask(const Call& call) {
  const AttrList& indices = call.Arg("indices").AsList();
  return std::any_of(indices.begin(), indices.end(),
                     [&](const Attr& index) { return index.IsValue() && call.ToOperand(index).dtype == DType::kBool; });
}

// x[i, :, j] = values
std::vector<InferredValue> InferIndexPut(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand values = call.Tensor("values");
  call.Expect(values.dtype == self.dtype, "values and tensor are of different dtypes");
  if (!HasMask(call)) {  // how many elements a mask names depends on its values
    const Shape shape = InferIndex(call)[0].shape;
    call.Expect(BroadcastShapes(values.shape, shape) == shape, "the values do not broadcast to ", shape);
  }
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

std::vector<InferredValue> InferMaskedScatter(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand mask = call.Tensor("mask");
  call.Expect(mask.dtype == DType::kBool, "the mask has to be bool");
  call.Expect(call.Tensor("source").dtype == self.dtype, "source and tensor are of different dtypes");
  const std::optional<Shape> shape = BroadcastShapes(self.shape, mask.shape);
  call.Expect(shape.has_value(), "shapes ", self.shape, " and ", mask.shape, " do not broadcast");
  return {ContiguousIf(IsRowMajor(self) && *shape == self.shape, self.dtype, *shape)};
}

std::vector<InferredValue> InferOneHot(const Call& call) {
  const Operand self = call.Tensor("self");
  const int64_t classes = call.Int("num_classes");
  call.Expect(classes > 0, "the number of classes depends on values");
  call.Expect(self.dtype == DType::kInt64, "needs an int64 tensor");
  Shape shape = self.shape;
  shape.push_back(classes);
  return {Contiguous(DType::kInt64, shape)};
}

}  // namespace

std::vector<OperatorSpec> LookupOperators() {
  std::vector<OperatorSpec> table;
  const RowAdder add(table, OpKind::kMovement);
  add("embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool "
      "sparse=False) -> Tensor",
      "F.embedding({indices}, {weight}[, padding_idx={padding_idx}])",
      "f; weight=[V,K]; indices=[*]:i; padding_idx=-1|0", InferEmbedding)
      .fetches = true;
  add("gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
      "torch.gather({self}, {dim}, {index})", "a; self=[A,B]; index=[A,C]:i; dim=1|-1", InferGather)
      .fetches = true;
  add("index_select(Tensor self, int dim, Tensor index) -> Tensor", "torch.index_select({self}, {dim}, {index})",
      "a; self=[A,B,C]; index=[D]:i; dim=0..2|-1", InferIndexSelect)
      .fetches = true;
  add("index.Tensor(Tensor self, Tensor?[] indices) -> Tensor", "",
      "a; self=[A,B,C]; indices=[[D]]:i|[None,[D]]:i|[[D],None,[D]]:i|[[D],[E,1]]:i", InferIndex)
      .fetches = true;
  add("scatter.src(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
      "torch.scatter({self}, {dim}, {index}, {src})", "f; self=[A,B]:=; index=[A,B]:i; src=[A,B]:=; dim=1",
      InferScatter);
  add("scatter.value(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
      "torch.scatter({self}, {dim}, {index}, {value})", "f; self=[A,B]; index=[A,B]:i; dim=0; value=1", InferScatter);
  add("scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
      "torch.scatter_add({self}, {dim}, {index}, {src})", "f; self=[A,B]:=; index=[A,B]:i; src=[A,B]:=; dim=1",
      InferScatter);
  add("select_scatter(Tensor self, Tensor src, int dim, SymInt index) -> Tensor", "torch.select_scatter",
      "f; self=[A,B]:=; src=[A]:=; dim=1; index=0", InferSelectScatter);
  add("slice_scatter(Tensor self, Tensor src, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> "
      "Tensor",
      "torch.slice_scatter", "f; self=[B,2A]:=; src=[B,A]:=; dim=1; start=None; end=None; step=2", InferSliceScatter);
  add("diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
      "torch.diagonal_scatter",
      "f; self=[A,A]:=; src=[A]:=; dim1=0|1; dim2=1|0 || self=[A,A]:=; src=[A]:=", InferDiagonalScatter);
  const std::string scattered = "f; self=[A,B]:=; index=[A,B]:i; src=[A,B]:=; dim=1|0; ";
  add("scatter_reduce.two(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> "
      "Tensor",
      "torch.scatter_reduce", scattered + "reduce='sum'|'prod'|'mean'|'amax'|'amin'; include_self=True|False",
      InferScatterReduce);
  add("scatter.reduce(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor", "torch.scatter",
      scattered + "reduce='add'|'multiply'", InferScatterOld);
  add("scatter.value_reduce(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor",
      "torch.scatter", "f; self=[A,B]:=; index=[A,B]:i; dim=1|0; value=2; reduce='add'|'multiply'", InferScatterOld);
  add("take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
      "torch.take_along_dim({self}, {indices}[, dim={dim}])",
      "a; self=[A,B]|[A,1]; indices=[A,C]:i|[1,C]:i; dim=1|-1|None", InferTakeAlongDim)
      .fetches = true;
  add("index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor", "torch.index_add",
      "f; self=[A,B,C]:=; index=[D]:i; source=[A,D,C]:=; dim=1|-2; alpha=1|2", InferIndexAdd);
  add("index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor", "torch.index_copy",
      "f; self=[A,B,C]:=; index=[D]:i; source=[A,D,C]:=; dim=1|-2", InferIndexAdd);
  add("index_fill.int_Scalar(Tensor self, int dim, Tensor index, Scalar value) -> Tensor", "torch.index_fill",
      "a; self=[A,B,C]; index=[D]:i; dim=0..2|-1; value=1", InferIndexFill);
  add("index_fill.int_Tensor(Tensor self, int dim, Tensor index, Tensor value) -> Tensor", "torch.index_fill",
      "a; self=[A,B,C]:=; index=[D]:i; value=[]:=; dim=0..2|-1", InferIndexFill);
  add("index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor", "",
      "f; self=[A,B,C]:=; indices=[[D]]:i; values=[D,B,C]:=|[C]:=|[]:=; accumulate=False|True || "
      "self=[A,B,C]:=; indices=[None,[D]]:i; values=[A,D,C]:=",
      InferIndexPut);
  add("masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor", "torch.masked_scatter",
      "f; self=[A,B]:=; mask=[A,B]:b|[B]:b; source=[A,B]:=", InferMaskedScatter);
  add("one_hot(Tensor self, int num_classes=-1) -> Tensor", "F.one_hot", "a; self=[*]:i; num_classes=5", InferOneHot);
  return table;
}

}  // namespace drtriton
