// Movement: copies, casts, joins, padding.  No element is computed.
#include <algorithm>
#include <cstdlib>

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

std::vector<InferredValue> InferModePad(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<int64_t> pad = call.Ints("pad");
  const std::string& mode = call.String("mode");
  if (mode == "constant") return InferPad(call);
  call.Expect(mode == "reflect" || mode == "replicate" || mode == "circular", "the mode '", mode, "' is unknown");
  call.Expect(!call.Has("value"), "the mode '", mode, "' takes no value");
  const int64_t dims = static_cast<int64_t>(pad.size()) / 2;
  const bool fits = self.rank() == dims + 2 || (self.rank() == dims + 1 && mode != "circular");
  call.Expect(dims >= 1 && dims <= 3 && pad.size() % 2 == 0 && (fits || (mode == "circular" && self.rank() == dims + 1)),
              "the padding does not fit the rank");
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

std::vector<InferredValue> InferChannelShuffle(const Call& call) {
  const Operand self = call.Tensor("self");
  const int64_t groups = call.Int("groups");
  call.Expect(self.rank() >= 3, "needs a tensor of rank 3 or more");
  call.Expect(groups > 0 && self.shape[1] % groups == 0, "the channels do not split into the groups");
  return {UnknownStrides(self.dtype, self.shape)};
}

// A vector along the diagonal of a new matrix.
std::vector<InferredValue> InferDiagEmbed(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Expect(self.rank() > 0, "needs a tensor of rank 1 or more");
  const int64_t rank = self.rank() + 1;
  const int64_t dim1 = call.Dim("dim1", rank);
  const int64_t dim2 = call.Dim("dim2", rank);
  call.Expect(dim1 != dim2, "needs two different dimensions");
  Shape shape(self.shape.begin(), self.shape.end() - 1);
  const int64_t size = self.shape.back() + std::abs(call.Int("offset"));
  shape.insert(shape.begin() + std::min(dim1, dim2), size);
  shape.insert(shape.begin() + std::max(dim1, dim2), size);
  return {UnknownStrides(self.dtype, shape)};
}

std::vector<InferredValue> InferRot90(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<int64_t> dims = call.Ints("dims");
  call.Expect(dims.size() == 2 && self.rank() >= 2, "needs two dimensions");
  const size_t a = static_cast<size_t>(call.Dim(dims[0], self.rank()));
  const size_t b = static_cast<size_t>(call.Dim(dims[1], self.rank()));
  call.Expect(a != b && std::abs(dims[0] - dims[1]) != self.rank(), "needs two different dimensions");
  Shape shape = self.shape;
  if (call.Int("k") % 2 != 0) std::swap(shape[a], shape[b]);
  return {UnknownStrides(self.dtype, shape)};
}

std::vector<InferredValue> InferFill(const Call& call) {
  call.Expect(call.Tensor("value").rank() == 0, "the value has to be of rank 0");
  return InferSameStrides(call);
}

// Number of windows along each of the last two dimensions.
Shape Windows(const Call& call, int64_t height, int64_t width) {
  const std::vector<int64_t> kernel = call.Ints("kernel_size", 2);
  const std::vector<int64_t> dilation = call.Ints("dilation", 2);
  const std::vector<int64_t> padding = call.Ints("padding", 2);
  const std::vector<int64_t> stride = call.Ints("stride", 2);
  Shape counts = {height, width};
  for (size_t i = 0; i < 2; ++i) {
    call.Expect(kernel[i] > 0 && stride[i] > 0 && dilation[i] > 0, "kernel, stride and dilation have to be positive");
    call.Expect(padding[i] >= 0, "the padding is negative");
    const int64_t room = counts[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1;
    call.Expect(room >= 0, "the kernel is larger than the padded input");
    counts[i] = room / stride[i] + 1;
  }
  return counts;
}

// unfold of images: [N, C, H, W] -> [N, C * kernel elements, windows].
std::vector<InferredValue> InferIm2Col(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Expect(self.rank() == 3 || self.rank() == 4, "needs a tensor of rank 3 or 4");
  const size_t c = self.shape.size() - 3;
  call.Expect(self.shape[c] > 0 && self.shape[c + 1] > 0 && self.shape[c + 2] > 0, "the image is empty");
  const std::vector<int64_t> kernel = call.Ints("kernel_size", 2);
  const Shape windows = Windows(call, self.shape[c + 1], self.shape[c + 2]);
  Shape shape(self.shape.begin(), self.shape.begin() + static_cast<int64_t>(c));
  shape.insert(shape.end(), {self.shape[c] * kernel[0] * kernel[1], windows[0] * windows[1]});
  return {Contiguous(self.dtype, shape)};
}

// fold: the inverse, overlapping windows added up.
std::vector<InferredValue> InferCol2Im(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Expect(self.rank() == 2 || self.rank() == 3, "needs a tensor of rank 2 or 3");
  const std::vector<int64_t> size = call.Ints("output_size", 2);
  const std::vector<int64_t> kernel = call.Ints("kernel_size", 2);
  const Shape windows = Windows(call, size[0], size[1]);
  const size_t c = self.shape.size() - 2;
  const int64_t elements = kernel[0] * kernel[1];
  call.Expect(self.shape[c] > 0 && self.shape[c] % elements == 0, "the channels do not split by the kernel's size");
  call.Expect(self.shape[c + 1] == windows[0] * windows[1], "the number of windows does not fit");
  Shape shape(self.shape.begin(), self.shape.begin() + static_cast<int64_t>(c));
  shape.insert(shape.end(), {self.shape[c] / elements, size[0], size[1]});
  return {Contiguous(self.dtype, shape)};
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

void AddRearrangements(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kMovement);
  add("channel_shuffle(Tensor self, SymInt groups) -> Tensor", "F.channel_shuffle", "f; self=[N,G*C,H,W]; groups=G",
      InferChannelShuffle);
  add("diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor", "torch.diag_embed",
      "a; self=[*,A]; offset=0|1|-1; dim1=-2|0; dim2=-1", InferDiagEmbed);
  add("rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor", "torch.rot90({self}, {k}, {dims})",
      "a; self=[A,B]|[A,B,C]; k=0..3; dims=[0,1]|[1,0]|[-1,0]", InferRot90);
  add("fill.Scalar(Tensor self, Scalar value) -> Tensor", "torch.fill", "a; value=1", InferFill);
  add("fill.Tensor(Tensor self, Tensor value) -> Tensor", "torch.fill", "a; self=~:=; value=[]:=", InferFill);
  const std::string window = "; kernel_size=[2]|[3,2]; dilation=[1]; padding=[0]|[1]; stride=[1]|[2]";
  add("im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor", "",
      "f; self=[N,C,H,W]|[C,H,W]" + window, InferIm2Col);
  add("col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) "
      "-> Tensor",
      "", "f; self=[N,4*C,H*W]; output_size=[2H,2W]; kernel_size=[2]; dilation=[1]; padding=[0]; stride=[2]",
      InferCol2Im);
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
  AddRearrangements(table);
  AddJoins(table);
  return table;
}

}  // namespace drtriton
