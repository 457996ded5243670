// Movement by a fixed pattern of indices: triangles, diagonals, shuffles, windows.
#include <algorithm>
#include <cstdlib>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

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
  // A flip in the same order of memory, then perhaps a transposition; a copy where nothing turns.
  const bool turns = call.Int("k") % 4 != 0;
  InferredValue result{self.dtype, self.shape,
                       turns ? PreservedStrides(self.shape, self.strides) : ContiguousStrides(self.shape)};
  if (call.Int("k") % 2 != 0) {
    std::swap(result.shape[a], result.shape[b]);
    std::swap((*result.strides)[a], (*result.strides)[b]);
  }
  return {result};
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

}  // namespace

std::vector<OperatorSpec> RearrangementOperators() {
  std::vector<OperatorSpec> table;
  const RowAdder add(table, OpKind::kMovement);
  add("tril(Tensor self, SymInt diagonal=0) -> Tensor", "torch.tril", "a; self=[*,A,B]; diagonal=0|1|-1",
      InferTriangle);
  add("triu(Tensor self, SymInt diagonal=0) -> Tensor", "torch.triu", "a; self=[*,A,B]; diagonal=0|1|-1",
      InferTriangle);
  add("pixel_shuffle(Tensor self, int upscale_factor) -> Tensor", "F.pixel_shuffle",
      "f; self=[*,4*C,H,W]; upscale_factor=2", InferPixelShuffle);
  add("pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor", "F.pixel_unshuffle",
      "f; self=[*,C,2*A,2*B]; downscale_factor=2", InferPixelUnshuffle);
  add("channel_shuffle(Tensor self, SymInt groups) -> Tensor", "F.channel_shuffle", "f; self=[N,G*C,H,W]; groups=G",
      InferChannelShuffle);
  add("diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor", "torch.diag_embed",
      "a; self=[*,A]; offset=0|1|-1; dim1=-2|0; dim2=-1", InferDiagEmbed);
  add("rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor", "torch.rot90({self}, {k}, {dims})",
      "a; self=[A,B]|[A,B,C]; k=0..3; dims=[0,1]|[1,0]|[-1,0]", InferRot90);
  const std::string window = "; kernel_size=[2]|[3,2]; dilation=[1]; padding=[0]|[1]; stride=[1]|[2]";
  add("im2col(Tensor self, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) -> Tensor", "",
      "f; self=[N,C,H,W]|[C,H,W]" + window, InferIm2Col);
  add("col2im(Tensor self, SymInt[2] output_size, int[2] kernel_size, int[2] dilation, int[2] padding, int[2] stride) "
      "-> Tensor",
      "", "f; self=[N,4*C,H*W]; output_size=[2H,2W]; kernel_size=[2]; dilation=[1]; padding=[0]; stride=[2]",
      InferCol2Im);
  return table;
}

}  // namespace drtriton
