// Views of a part of a tensor: slice, select, split, diagonal, windows.
#include <algorithm>

#include "graph/operators.h"

namespace drtriton {
namespace {

int64_t Rank(const StridedView& view) { return static_cast<int64_t>(view.shape.size()); }

Views One(StridedView view) { return std::vector<StridedView>{std::move(view)}; }

StridedView Narrowed(StridedView view, size_t dim, int64_t start, int64_t length, int64_t step = 1) {
  view.offset += start * view.strides[dim];
  view.shape[dim] = length;
  view.strides[dim] *= step;
  return view;
}

size_t PartDim(const Call& call, const StridedView& view, std::string_view name = "dim") {
  call.Expect(Rank(view) > 0, "needs a tensor of rank 1 or more");
  return static_cast<size_t>(call.Dim(name, Rank(view)));
}

Views ViewNarrowed(const Call& call) {
  StridedView view = WholeView(call);
  const size_t dim = PartDim(call, view);
  const int64_t size = view.shape[dim];
  const int64_t length = call.Int("length");
  int64_t start = call.Int("start");
  call.Expect(start >= -size && start <= size, "start is out of range");
  if (start < 0) start += size;
  call.Expect(length >= 0 && start + length <= size, "the part exceeds the dimension");
  return One(Narrowed(std::move(view), dim, start, length));
}

StridedView Selected(StridedView view, size_t dim, int64_t index) {
  view.offset += index * view.strides[dim];
  view.shape.erase(view.shape.begin() + static_cast<int64_t>(dim));
  view.strides.erase(view.strides.begin() + static_cast<int64_t>(dim));
  return view;
}

Views ViewUnbound(const Call& call) {
  const StridedView view = WholeView(call);
  const size_t dim = PartDim(call, view);
  std::vector<StridedView> parts;
  for (int64_t i = 0; i < view.shape[dim]; ++i) parts.push_back(Selected(view, dim, i));
  return parts;
}

Views Parts(const Call& call, const StridedView& view, size_t dim, const std::vector<int64_t>& sizes) {
  std::vector<StridedView> parts;
  int64_t start = 0;
  for (int64_t size : sizes) {
    call.Expect(size >= 0, "a part has a negative size");
    parts.push_back(Narrowed(view, dim, start, size));
    start += size;
  }
  call.Expect(start == view.shape[dim], "the parts do not add up to the dimension's size");
  return parts;
}

// Parts of one size, the last one smaller when they do not fit.
Views EqualParts(const Call& call, const StridedView& view, size_t dim, int64_t size) {
  const int64_t total = view.shape[dim];
  call.Expect(size > 0 || (size == 0 && total == 0), "the size of a part has to be positive");
  const int64_t count = size == 0 ? 1 : std::max<int64_t>((total + size - 1) / size, 1);
  std::vector<int64_t> sizes(static_cast<size_t>(count), size);
  sizes.back() = total - size * (count - 1);
  return Parts(call, view, dim, sizes);
}

Views ViewSplit(const Call& call) {
  const StridedView view = WholeView(call);
  return EqualParts(call, view, PartDim(call, view), call.Int("split_size"));
}

Views ViewSplitWithSizes(const Call& call) {
  const StridedView view = WholeView(call);
  return Parts(call, view, PartDim(call, view), call.Ints("split_sizes"));
}

Views ViewChunked(const Call& call) {
  const StridedView view = WholeView(call);
  const size_t dim = PartDim(call, view);
  const int64_t chunks = call.Int("chunks");
  call.Expect(chunks > 0, "chunks has to be positive");
  const int64_t size = (view.shape[dim] + chunks - 1) / chunks;
  if (size == 0) return Parts(call, view, dim, std::vector<int64_t>(static_cast<size_t>(chunks), 0));
  return EqualParts(call, view, dim, size);
}

// unfold: windows of `size` along a dimension become a new last dimension.
Views ViewUnfolded(const Call& call) {
  StridedView view = WholeView(call);
  const int64_t size = call.Int("size");
  const int64_t step = call.Int("step");
  if (view.shape.empty()) {  // counts as one element
    call.Dim("dimension", 0);
    call.Expect(size >= 0 && size <= 1 && step > 0, "the window does not fit the dimension");
    return One({view.base, {size}, {1}, 0});
  }
  const size_t dim = PartDim(call, view, "dimension");
  call.Expect(size >= 0 && step > 0 && size <= view.shape[dim], "the window does not fit the dimension");
  const int64_t stride = view.strides[dim];
  view.shape[dim] = (view.shape[dim] - size) / step + 1;
  view.strides[dim] = stride * step;
  view.shape.push_back(size);
  view.strides.push_back(stride);
  return One(std::move(view));
}

}  // namespace

Views ViewSliced(const Call& call) {
  StridedView view = WholeView(call);
  const size_t dim = PartDim(call, view);
  const int64_t size = view.shape[dim];
  const int64_t step = call.Int("step");
  call.Expect(step > 0, "the step has to be positive");
  const auto bound = [&](const char* name, int64_t otherwise) {
    if (!call.Has(name)) return otherwise;
    const int64_t at = call.Int(name);
    return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const int64_t start = bound("start", 0);
  const int64_t end = std::max(bound("end", size), start);
  return One(Narrowed(std::move(view), dim, start, (end - start + step - 1) / step, step));
}

Views ViewSelected(const Call& call) {
  StridedView view = WholeView(call);
  const size_t dim = PartDim(call, view);
  const int64_t size = view.shape[dim];
  const int64_t index = call.Int("index");
  call.Expect(index >= -size && index < size, "index ", index, " is out of range for size ", size);
  return One(Selected(std::move(view), dim, index < 0 ? index + size : index));
}

Views ViewDiagonal(const Call& call) {
  StridedView view = WholeView(call);
  const size_t dim1 = static_cast<size_t>(call.Dim("dim1", Rank(view)));
  const size_t dim2 = static_cast<size_t>(call.Dim("dim2", Rank(view)));
  call.Expect(Rank(view) >= 2 && dim1 != dim2, "needs two different dimensions");
  const int64_t offset = call.Int("offset");
  const int64_t rows = view.shape[dim1] + std::min<int64_t>(offset, 0);
  const int64_t columns = view.shape[dim2] - std::max<int64_t>(offset, 0);
  const int64_t length = std::max<int64_t>(std::min(rows, columns), 0);
  const int64_t stride = view.strides[dim1] + view.strides[dim2];
  if (length > 0) view.offset += offset >= 0 ? offset * view.strides[dim2] : -offset * view.strides[dim1];
  for (size_t dim : {std::max(dim1, dim2), std::min(dim1, dim2)}) view = Selected(std::move(view), dim, 0);
  view.shape.push_back(length);
  view.strides.push_back(stride);
  return One(std::move(view));
}

std::vector<OperatorSpec> PartOperators() {
  std::vector<OperatorSpec> table;
  const ViewAdder add(table);
  add("slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)", "",
      "self=[*,A]; dim=dim; start=None|0..3|-2; end=None|1..4|-1|9223372036854775807; step=1|1|2", ViewSliced);
  add("select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)", ".select", "self=[*,A]; dim=-1|0; index=0|-1",
      ViewSelected);
  add("narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)", "torch.narrow",
      "self=[*,A]; dim=-1; start=0; length=0..1|A", ViewNarrowed);
  add("split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
      "torch.split({self}, {split_size}[, dim={dim}])", "self=[*,A]; split_size=1..3; dim=dim", ViewSplit);
  add("split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]",
      "torch.split({self}, {split_sizes}[, dim={dim}])", "self=[*,2A]; split_sizes=[A,A]|[2A]|[0,A,A]; dim=-1",
      ViewSplitWithSizes);
  add("chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]", "torch.chunk({self}, {chunks}[, dim={dim}])",
      "self=[*,A]; chunks=1..4; dim=dim", ViewChunked);
  add("unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]", "torch.unbind({self}[, dim={dim}])",
      "self=[*,A]; dim=dim", ViewUnbound);
  add("diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)", "torch.diagonal",
      "self=[A,B,C]|[A,B]; offset=0|1|-1; dim1=0; dim2=1|-1", ViewDiagonal);
  add("unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)", ".unfold",
      "self=[*,H]; dimension=-1; size=1..3; step=1..2", ViewUnfolded);
  return table;
}

}  // namespace drtriton
