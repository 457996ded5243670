// Movement: copies, casts, joins, padding.  No element is computed.
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
  call.Expect(BroadcastShapes(self.shape, source.shape) == self.shape, "the source does not broadcast to ", self.shape);
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

std::vector<InferredValue> InferModePad(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<int64_t> pad = call.Ints("pad");
  const std::string& mode = call.String("mode");
  if (mode == "constant") return InferPad(call);
  call.Expect(mode == "reflect" || mode == "replicate" || mode == "circular", "the mode '", mode, "' is unknown");
  call.Expect(!call.Has("value"), "the mode '", mode, "' takes no value");
  const int64_t dims = static_cast<int64_t>(pad.size()) / 2;
  const bool fits = self.rank() == dims + 2 || self.rank() == dims + 1;
  call.Expect(dims >= 1 && dims <= 3 && pad.size() % 2 == 0 && fits, "the padding does not fit the rank");
  const Shape shape = PaddedShape(call, self, pad);
  for (size_t i = 0; i < pad.size(); ++i) {
    const int64_t size = self.shape[self.shape.size() - 1 - i / 2];
    call.Expect(mode != "reflect" || pad[i] < size, "the reflected padding is larger than the dimension");
    call.Expect(mode != "circular" || pad[i] <= size, "the padding wraps around more than once");
    call.Expect(shape[self.shape.size() - 1 - i / 2] >= 1, "the padding leaves nothing");
  }
  return {ContiguousIf(IsRowMajor(self), self.dtype, shape)};
}

// reflection_pad and replication_pad of the last 1 to 3 dimensions, behind channels and perhaps a batch.
std::vector<InferredValue> InferEdgePad(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<int64_t> pad = call.Ints("padding");
  const std::string& name = call.info().name;
  const int64_t dims = name[name.find("pad") + 3] - '0';
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

std::vector<InferredValue> InferFill(const Call& call) {
  call.Expect(call.Tensor("value").rank() == 0, "the value has to be of rank 0");
  return InferSameStrides(call);
}

void AddCopies(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kMovement);
  add("clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", ".clone",
      "a; memory_format=None|contiguous_format|preserve_format", InferClone)
      .glue = true;
  add("_to_copy(Tensor self, *, ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? "
      "pin_memory=None, bool "
      "non_blocking=False, MemoryFormat? memory_format=None) -> Tensor",
      "{self}.to({dtype})", "a; dtype=float32|bfloat16|int64|bool", InferToCopy);
  add("lift_fresh_copy(Tensor self) -> Tensor", "", "a", InferLiftCopy).glue = true;
  add("copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor", "", "f; self=[*,A]; src=[*,A]|[A]",
      InferCopy);
  add("flip(Tensor self, int[] dims) -> Tensor", "torch.flip({self}, dims={dims})", "a; dims=dims", InferFlip);
  add("roll(Tensor self, SymInt[1] shifts, int[1] dims=[]) -> Tensor", "torch.roll({self}, {shifts}[, dims={dims}])",
      "a; self=[*,A]; shifts=[1]|[-2]; dims=[-1]|[]", InferRoll);
  add("fill.Scalar(Tensor self, Scalar value) -> Tensor", "torch.fill", "a; value=1", InferFill);
  add("fill.Tensor(Tensor self, Tensor value) -> Tensor", "torch.fill", "a; self=~:=; value=[]:=", InferFill);
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
      "f; self=[N,C,H,W]; pad=[1,2]|[0,1,2,3]; mode='constant'; value=None|1.5 || "
      "self=[N,C,H,W]; pad=[1,2,2,1]; mode='reflect'|'replicate'|'circular' || "
      "self=[N,C,H]; pad=[1,2]; mode='reflect'|'replicate'|'circular'",
      InferModePad);
  for (const std::string kind : {"reflection", "replication"}) {
    add(kind + "_pad1d(Tensor self, SymInt[2] padding) -> Tensor", "", "f; self=[N,C,H]|[C,H]; padding=[1,2]",
        InferEdgePad);
    add(kind + "_pad2d(Tensor self, SymInt[4] padding) -> Tensor", "", "f; self=[N,C,H,W]|[C,H,W]; padding=[1,2,0,1]",
        InferEdgePad);
    add(kind + "_pad3d(Tensor self, SymInt[6] padding) -> Tensor", "",
        "f; self=[N,C,H,W,T]|[C,H,W,T]; padding=[1,2,0,1,2,0]", InferEdgePad);
  }
  add("repeat(Tensor self, SymInt[] repeats) -> Tensor", "{self}.repeat({*repeats})",
      "a; self=[A,B]|[B]; repeats=[2,3]|[1,2,1]", InferRepeat);
  add("tile(Tensor self, SymInt[] dims) -> Tensor", "torch.tile", "a; self=[A,B]|[B]; dims=[2,3]|[2]", InferTile);
  add("repeat_interleave.self_int(Tensor self, SymInt repeats, int? dim=None, *, SymInt? output_size=None) -> Tensor",
      "torch.repeat_interleave({self}, {repeats}[, dim={dim}])", "a; self=[*,A]; repeats=2|3; dim=dim|None",
      InferRepeatInterleave);
}

}  // namespace

std::vector<OperatorSpec> MovementOperators() {
  std::vector<OperatorSpec> table;
  AddCopies(table);
  AddJoins(table);
  return table;
}

}  // namespace drtriton
