// Movement: copies, casts, joins, padding, lookups.  No element is computed.
#include <algorithm>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

// Strides that `memory_format` asks for; none: those of the input, where it is dense.
Shape FormattedStrides(const Call& call, const Operand& self) {
  const Attr& format = call.Arg("memory_format");
  if (!format.Is<MemoryFormatAttr>()) return PreservedStrides(self.shape, self.strides);
  const std::string& name = std::get<MemoryFormatAttr>(format.variant()).name;
  if (name == "contiguous_format") return ContiguousStrides(self.shape);
  if (name == "preserve_format") return PreservedStrides(self.shape, self.strides);
  const size_t rank = name == "channels_last" ? 4 : 5;
  call.Expect(self.shape.size() == rank, name, " needs a tensor of rank ", rank);
  return ChannelsLastStrides(self.shape);
}

std::vector<InferredValue> InferClone(const Call& call) {
  const Operand self = call.Tensor("self");
  return {InferredValue{self.dtype, self.shape, FormattedStrides(call, self)}};
}

std::vector<InferredValue> InferToCopy(const Call& call) {
  const Operand self = call.Tensor("self");
  return {InferredValue{call.DTypeOr("dtype").value_or(self.dtype), self.shape, FormattedStrides(call, self)}};
}

std::vector<InferredValue> InferSameStrides(const Call& call) {
  const Operand self = call.Tensor("self");
  return {InferredValue{self.dtype, self.shape, PreservedStrides(self.shape, self.strides)}};
}

std::vector<InferredValue> InferLiftCopy(const Call& call) {
  const Operand self = call.Tensor("self");
  return {Contiguous(self.dtype, self.shape)};
}

std::vector<InferredValue> InferCopy(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand source = call.Tensor("src");
  call.Expect(BroadcastShapes(self.shape, source.shape) == self.shape,
              "the source does not broadcast to ", self.shape);
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

// Empty vectors join with anything, a leftover that PyTorch keeps.
bool IsLegacyEmpty(const Operand& operand) { return operand.shape == Shape{0}; }

std::vector<InferredValue> InferCat(const Call& call) {
  const std::vector<Operand> tensors = call.Tensors("tensors");
  call.Expect(!tensors.empty(), "needs at least one tensor");
  const Operand* first = nullptr;
  for (const Operand& tensor : tensors) {
    call.Expect(tensor.rank() > 0, "tensors of rank 0 cannot be joined");
    if (first == nullptr && !IsLegacyEmpty(tensor)) first = &tensor;
  }
  if (first == nullptr) return {Contiguous(ResultDType(tensors), {0})};
  const size_t dim = static_cast<size_t>(call.Dim("dim", first->rank()));
  Shape shape = first->shape;
  shape[dim] = 0;
  bool row_major = true;
  for (const Operand& tensor : tensors) {
    if (IsLegacyEmpty(tensor)) continue;
    Shape expected = tensor.shape;
    if (dim < expected.size()) expected[dim] = shape[dim];
    call.Expect(expected == shape, "shapes ", first->shape, " and ", tensor.shape, " cannot be joined");
    shape[dim] += tensor.shape[dim];
    row_major = row_major && IsRowMajor(tensor);
  }
  return {ContiguousIf(row_major, ResultDType(tensors), shape)};
}

std::vector<InferredValue> InferStack(const Call& call) {
  const std::vector<Operand> tensors = call.Tensors("tensors");
  call.Expect(!tensors.empty(), "needs at least one tensor");
  Shape shape = tensors[0].shape;
  const int64_t dim = call.Dim("dim", tensors[0].rank() + 1);
  bool row_major = true;
  for (const Operand& tensor : tensors) {
    call.Expect(tensor.shape == shape, "shapes ", shape, " and ", tensor.shape, " cannot be stacked");
    row_major = row_major && IsRowMajor(tensor);
  }
  shape.insert(shape.begin() + dim, static_cast<int64_t>(tensors.size()));
  return {ContiguousIf(row_major, ResultDType(tensors), shape)};
}

std::vector<InferredValue> InferFlip(const Call& call) {
  call.Dims("dims", call.Tensor("self").rank(), /*empty_means_all=*/false);
  return InferSameStrides(call);
}

std::vector<InferredValue> InferRoll(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<int64_t> dims = call.Ints("dims");
  const size_t shifts = call.Ints("shifts").size();
  call.Expect(shifts > 0, "needs a shift");
  call.Expect(dims.empty() ? shifts == 1 : dims.size() == shifts, "shifts and dims differ in length");
  for (int64_t dim : dims) call.Dim(dim, self.rank());
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

// Padding is listed from the last dimension on, before and after.
Shape PaddedShape(const Call& call, const Operand& self, const std::vector<int64_t>& pad) {
  call.Expect(pad.size() % 2 == 0 && pad.size() <= 2 * self.shape.size(), "the padding does not fit the rank");
  Shape shape = self.shape;
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    int64_t& size = shape[shape.size() - 1 - i];
    size += pad[2 * i] + pad[2 * i + 1];
    call.Expect(size >= 0, "the padding leaves a negative size");
  }
  return shape;
}

std::vector<InferredValue> InferPad(const Call& call) {
  const Operand self = call.Tensor("self");
  return {ContiguousIf(IsRowMajor(self), self.dtype, PaddedShape(call, self, call.Ints("pad")))};
}

// reflection_pad and replication_pad of the last 1 or 2 dimensions, at most one more dimension than batch and channels.
std::vector<InferredValue> InferEdgePad(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<int64_t> pad = call.Ints("padding");
  const int64_t dims = call.info().name.find("pad1d") != std::string::npos ? 1 : 2;
  call.Expect(static_cast<int64_t>(pad.size()) == 2 * dims, "the padding has the wrong length");
  call.Expect(self.rank() == dims + 1 || self.rank() == dims + 2, "the rank does not fit");
  const bool reflects = call.info().name.find("reflection") != std::string::npos;
  for (size_t i = 0; reflects && i < pad.size(); ++i) {
    call.Expect(pad[i] < self.shape[self.shape.size() - 1 - i / 2],
                "the reflected padding is larger than the dimension");
  }
  const Shape shape = PaddedShape(call, self, pad);
  for (size_t i = 0; i < static_cast<size_t>(dims); ++i)
    call.Expect(shape[shape.size() - 1 - i] >= 1, "the padding leaves nothing");
  return {ContiguousIf(IsRowMajor(self), self.dtype, shape)};
}

Shape RepeatedShape(const Call& call, const Operand& self, std::vector<int64_t> repeats) {
  for (int64_t count : repeats) call.Expect(count >= 0, "a repeat is negative");
  Shape shape = self.shape;
  shape.insert(shape.begin(), repeats.size() - shape.size(), 1);
  for (size_t i = 0; i < shape.size(); ++i) shape[i] *= repeats[i];
  return shape;
}

std::vector<InferredValue> InferRepeat(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<int64_t> repeats = call.Ints("repeats");
  call.Expect(repeats.size() >= self.shape.size(), "fewer repeats than dimensions");
  return {Contiguous(self.dtype, RepeatedShape(call, self, repeats))};
}

std::vector<InferredValue> InferTile(const Call& call) {
  const Operand self = call.Tensor("self");
  std::vector<int64_t> repeats = call.Ints("dims");
  if (repeats.size() < self.shape.size()) repeats.insert(repeats.begin(), self.shape.size() - repeats.size(), 1);
  return {Contiguous(self.dtype, RepeatedShape(call, self, repeats))};
}

std::vector<InferredValue> InferRepeatInterleave(const Call& call) {
  const Operand self = call.Tensor("self");
  const int64_t repeats = call.Int("repeats");
  call.Expect(repeats >= 0, "a repeat is negative");
  if (!call.Has("dim")) return {Contiguous(self.dtype, {self.Elements() * repeats})};
  Shape shape = self.shape;
  call.Expect(self.rank() > 0, "needs a tensor of rank 1 or more");
  shape[static_cast<size_t>(call.Dim("dim", self.rank()))] *= repeats;
  return {ContiguousIf(IsRowMajor(self), self.dtype, shape)};
}

std::vector<InferredValue> InferTriangle(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Expect(self.rank() >= 2, "needs a tensor of rank 2 or more");
  return {Contiguous(self.dtype, self.shape)};
}

std::vector<InferredValue> InferPixelShuffle(const Call& call) {
  const Operand self = call.Tensor("self");
  const int64_t r = call.Int("upscale_factor");
  call.Expect(self.rank() >= 3 && r > 0, "needs a tensor of rank 3 or more and a positive factor");
  Shape shape = self.shape;
  const size_t c = shape.size() - 3;
  call.Expect(shape[c] % (r * r) == 0, "the channels do not split by the factor's square");
  shape[c] /= r * r;
  shape[c + 1] *= r;
  shape[c + 2] *= r;
  return {UnknownStrides(self.dtype, shape)};
}

std::vector<InferredValue> InferPixelUnshuffle(const Call& call) {
  const Operand self = call.Tensor("self");
  const int64_t r = call.Int("downscale_factor");
  call.Expect(self.rank() >= 3 && r > 0, "needs a tensor of rank 3 or more and a positive factor");
  Shape shape = self.shape;
  const size_t c = shape.size() - 3;
  call.Expect(shape[c + 1] % r == 0 && shape[c + 2] % r == 0, "height and width do not divide by the factor");
  shape[c] *= r * r;
  shape[c + 1] /= r;
  shape[c + 2] /= r;
  return {UnknownStrides(self.dtype, shape)};
}

// ---- Lookups

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
  call.Expect(IsIndex(index), "the index has to be int32 or int64");
  const size_t dim = static_cast<size_t>(call.Dim("dim", self.rank()));
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

std::vector<InferredValue> InferSelectScatter(const Call& call) {
  const Operand self = call.Tensor("self");
  Shape part = self.shape;
  call.Expect(self.rank() > 0, "needs a tensor of rank 1 or more");
  part.erase(part.begin() + call.Dim("dim", self.rank()));
  call.Expect(call.Tensor("src").shape == part, "the source has to be of shape ", part);
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
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

void AddCopies(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kMovement);
  add("clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", ".clone",
      "a; memory_format=None|contiguous_format|preserve_format", InferClone).glue = true;
  add("_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? "
      "pin_memory=None, bool "
      "non_blocking=False, MemoryFormat? memory_format=None) -> Tensor",
      "{self}.to({dtype})", "a; dtype=float32|bfloat16|int64|bool", InferToCopy);
  add("lift_fresh_copy(Tensor self) -> Tensor", "", "a", InferLiftCopy).glue = true;
  add("copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor", "", "f; self=[*,A]; src=[*,A]|[A]",
      InferCopy);
  add("flip(Tensor self, int[] dims) -> Tensor", "torch.flip({self}, dims={dims})", "a; dims=dims", InferFlip);
  add("roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor",
      "torch.roll({self}, {shifts}[, dims={dims}])", "a; self=[*,A]; shifts=[1]|[-2]; dims=[-1]|[]", InferRoll);
  add("tril(Tensor self, SymInt diagonal=0) -> Tensor", "torch.tril", "a; self=[*,A,B]; diagonal=0|1|-1",
      InferTriangle);
  add("triu(Tensor self, SymInt diagonal=0) -> Tensor", "torch.triu", "a; self=[*,A,B]; diagonal=0|1|-1",
      InferTriangle);
  add("pixel_shuffle(Tensor self, int upscale_factor) -> Tensor", "F.pixel_shuffle",
      "f; self=[*,4*C,H,W]; upscale_factor=2", InferPixelShuffle);
  add("pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor", "F.pixel_unshuffle",
      "f; self=[*,C,2*A,2*B]; downscale_factor=2", InferPixelUnshuffle);
}

void AddJoins(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kMovement);
  add("cat(Tensor[] tensors, int dim=0) -> Tensor", "torch.cat({tensors}[, dim={dim}])",
      "a; tensors=[[*,A,C],[*,B,C]]|[[*,A,C],[*,A,C],[0]]; dim=-2", InferCat);
  add("stack(Tensor[] tensors, int dim=0) -> Tensor", "torch.stack({tensors}[, dim={dim}])",
      "a; tensors=[[*,A],[*,A]]|[[*,A],[*,A],[*,A]]; dim=0|-1|1", InferStack);
  add("constant_pad_nd(Tensor self, SymInt[] pad, Scalar value=0) -> Tensor", "torch.constant_pad_nd",
      "n; self=[*,H,W]; pad=[1,2]|[0,1,2,3]|[-1,0]; value=0|2", InferPad);
  add("pad(Tensor self, SymInt[] pad, str mode=\"constant\", float? value=None) -> Tensor",
      "F.pad({self}, {pad}[, mode={mode}][, value={value}])",
      "f; self=[N,C,H,W]; pad=[1,2]|[0,1,2,3]; mode='constant'; value=None|1.5", InferPad);
  for (const std::string kind : {"reflection", "replication"}) {
    add(kind + "_pad1d(Tensor self, SymInt[2] padding) -> Tensor", "", "f; self=[N,C,H]|[C,H]; padding=[1,2]",
        InferEdgePad);
    add(kind + "_pad2d(Tensor self, SymInt[4] padding) -> Tensor", "", "f; self=[N,C,H,W]|[C,H,W]; padding=[1,2,0,1]",
        InferEdgePad);
  }
  add("repeat(Tensor self, SymInt[] repeats) -> Tensor", "{self}.repeat({*repeats})",
      "a; self=[A,B]|[B]; repeats=[2,3]|[1,2,1]", InferRepeat);
  add("tile(Tensor self, SymInt[] dims) -> Tensor", "torch.tile", "a; self=[A,B]|[B]; dims=[2,3]|[2]", InferTile);
  add("repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor",
      "torch.repeat_interleave({self}, {repeats}[, dim={dim}])", "a; self=[*,A]; repeats=2|3; dim=dim|None",
      InferRepeatInterleave);
}

void AddLookups(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kMovement);
  add("embedding(Tensor weight, Tensor indices, SymInt padding_idx=-1, bool scale_grad_by_freq=False, bool "
      "sparse=False) -> Tensor",
      "F.embedding({indices}, {weight}[, padding_idx={padding_idx}])",
      "f; weight=[V,K]; indices=[*]:i; padding_idx=-1|0", InferEmbedding).fetches = true;
  add("gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
      "torch.gather({self}, {dim}, {index})", "a; self=[A,B]; index=[A,C]:i; dim=1|-1", InferGather).fetches = true;
  add("index_select(Tensor self, int dim, Tensor index) -> Tensor", "torch.index_select({self}, {dim}, {index})",
      "a; self=[A,B,C]; index=[D]:i; dim=0..2|-1", InferIndexSelect).fetches = true;
  add("index.Tensor(Tensor self, Tensor?[] indices) -> Tensor", "",
      "a; self=[A,B,C]; indices=[[D]]:i|[None,[D]]:i|[[D],None,[D]]:i|[[D],[E,1]]:i", InferIndex).fetches = true;
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
  add("one_hot(Tensor self, int num_classes=-1) -> Tensor", "F.one_hot", "a; self=[*]:i; num_classes=5",
      InferOneHot);
}

}  // namespace

std::vector<OperatorSpec> MovementOperators() {
  std::vector<OperatorSpec> table;
  AddCopies(table);
  AddJoins(table);
  AddLookups(table);
  return table;
}

}  // namespace drtriton
