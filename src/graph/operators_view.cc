// Views: operators whose result shares memory with their input when strides allow.
//
// Each rule works on the shape and strides alone and gives the result's shape, strides and offset.  view, expand and
// their like fail where no view exists; reshape, flatten and contiguous then give a contiguous copy.
#include <algorithm>
#include <numeric>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

using Views = std::optional<std::vector<StridedView>>;

// The first argument as a view of itself, which the rules below narrow, permute and stretch.
StridedView Whole(const Call& call) {
  const Operand self = call.Tensor(size_t{0});
  return StridedView{self.id, self.shape, self.strides, 0};
}

int64_t Rank(const StridedView& view) { return static_cast<int64_t>(view.shape.size()); }

Views One(StridedView view) { return std::vector<StridedView>{std::move(view)}; }

// ---- Other shape on the same elements

// Fills in one -1.
Shape ResolveSizes(const Call& call, Shape sizes, int64_t elements) {
  int64_t known = 1;
  int64_t* open = nullptr;
  for (int64_t& size : sizes) {
    call.Expect(size >= -1, "a size is negative");
    call.Expect(size != -1 || open == nullptr, "more than one size is -1");
    if (size == -1) {
      open = &size;
    } else {
      known *= size;
    }
  }
  if (open != nullptr) {
    call.Expect(known != 0, "the size -1 is ambiguous for an empty tensor");
    *open = elements / known;
    known *= *open;
  }
  call.Expect(known == elements, "sizes ", sizes, " do not hold ", elements, " elements");
  return sizes;
}

Shape FlattenedShape(const Call& call, const Shape& shape, int64_t first, int64_t last) {
  const int64_t rank = static_cast<int64_t>(shape.size());
  if (rank == 0) return {1};
  first = call.Dim(first, rank);
  last = call.Dim(last, rank);
  call.Expect(first <= last, "start_dim comes after end_dim");
  Shape result(shape.begin(), shape.begin() + first);
  result.push_back(std::accumulate(shape.begin() + first, shape.begin() + last + 1, int64_t{1}, std::multiplies<>()));
  result.insert(result.end(), shape.begin() + last + 1, shape.end());
  return result;
}

Shape UnflattenedShape(const Call& call, const Shape& shape) {
  const int64_t dim = call.Dim("dim", static_cast<int64_t>(shape.size()));
  call.Expect(!shape.empty(), "needs a tensor of rank 1 or more");
  const Shape sizes = ResolveSizes(call, call.Ints("sizes"), shape[static_cast<size_t>(dim)]);
  Shape result(shape.begin(), shape.begin() + dim);
  result.insert(result.end(), sizes.begin(), sizes.end());
  result.insert(result.end(), shape.begin() + dim + 1, shape.end());
  return result;
}

// The shape that view, reshape, flatten and their like ask for.
Shape WantedShape(const Call& call, const Shape& shape) {
  const Schema& schema = call.info().schema;
  if (schema.Find("size") >= 0) return ResolveSizes(call, call.Ints("size"), ElementCount(shape));
  if (schema.Find("shape") >= 0) return ResolveSizes(call, call.Ints("shape"), ElementCount(shape));
  if (schema.Find("sizes") >= 0) return UnflattenedShape(call, shape);
  if (schema.Find("start_dim") >= 0) return FlattenedShape(call, shape, call.Int("start_dim"), call.Int("end_dim"));
  if (schema.Find("other") >= 0) return ResolveSizes(call, call.Tensor("other").shape, ElementCount(shape));
  return FlattenedShape(call, shape, 0, -1);
}

Views ViewReshaped(const Call& call) {
  StridedView view = Whole(call);
  Shape shape = WantedShape(call, view.shape);
  std::optional<Shape> strides = ViewStrides(view.shape, view.strides, shape);
  if (!strides) return std::nullopt;
  return One({view.base, std::move(shape), std::move(*strides), 0});
}

// view(): no copy is allowed.
std::vector<InferredValue> InferStrictView(const Call& call) {
  if (!call.info().view(call)) {
    call.Fail("a tensor of shape ", call.Tensor(size_t{0}).shape, " with these strides has no such view");
  }
  return InferView(call);
}

// ravel: contiguous, then flat.
Views ViewRavelled(const Call& call) {
  const StridedView view = Whole(call);
  return IsContiguous(view.shape, view.strides) ? ViewReshaped(call) : std::nullopt;
}

std::vector<InferredValue> InferReshape(const Call& call) {
  if (call.info().view(call)) return InferView(call);
  const Operand self = call.Tensor(size_t{0});
  return {Contiguous(self.dtype, WantedShape(call, self.shape))};
}

// ---- Order of dimensions

StridedView Permuted(const StridedView& view, const std::vector<size_t>& order) {
  StridedView result{view.base, {}, {}, view.offset};
  for (size_t dim : order) {
    result.shape.push_back(view.shape[dim]);
    result.strides.push_back(view.strides[dim]);
  }
  return result;
}

Views ViewPermuted(const Call& call) {
  const StridedView view = Whole(call);
  const Shape dims = call.Ints("dims");
  call.Expect(dims.size() == view.shape.size(),
              "names ", dims.size(), " dimensions of ", Rank(view));
  std::vector<size_t> order;
  for (int64_t dim : dims) order.push_back(static_cast<size_t>(call.Dim(dim, Rank(view))));
  for (size_t i = 0; i < order.size(); ++i) {
    call.Expect(std::find(order.begin(), order.begin() + static_cast<int64_t>(i), order[i]) ==
                    order.begin() + static_cast<int64_t>(i),
                "a dimension occurs twice");
  }
  return One(Permuted(view, order));
}

Views Swapped(const Call& call, int64_t a, int64_t b) {
  StridedView view = Whole(call);
  const size_t first = static_cast<size_t>(call.Dim(a, Rank(view)));
  const size_t second = static_cast<size_t>(call.Dim(b, Rank(view)));
  if (first != second) {  // never for rank 0, whose only dimension is not there
    std::swap(view.shape[first], view.shape[second]);
    std::swap(view.strides[first], view.strides[second]);
  }
  return One(std::move(view));
}

Views ViewTransposed(const Call& call) { return Swapped(call, call.Int("dim0"), call.Int("dim1")); }
Views ViewSwapped(const Call& call) { return Swapped(call, call.Int("axis0"), call.Int("axis1")); }
Views ViewT(const Call& call) {
  const int64_t rank = Rank(Whole(call));
  call.Expect(rank <= 2, "needs a tensor of rank 2 or less");
  return rank < 2 ? ViewWhole(call) : Swapped(call, 0, 1);
}
Views ViewMatrixT(const Call& call) {
  call.Expect(Rank(Whole(call)) >= 2, "needs a tensor of rank 2 or more");
  return Swapped(call, -2, -1);
}
Views ViewReversedDims(const Call& call) {
  StridedView view = Whole(call);
  std::reverse(view.shape.begin(), view.shape.end());
  std::reverse(view.strides.begin(), view.strides.end());
  return One(std::move(view));
}

// movedim: source dimensions go to their destinations, the others keep their order.
Views ViewMoved(const Call& call) {
  const StridedView view = Whole(call);
  const Shape source = call.Ints("source");
  const Shape destination = call.Ints("destination");
  call.Expect(source.size() == destination.size(), "source and destination differ in length");
  if (view.shape.empty()) {
    for (size_t i = 0; i < source.size(); ++i) call.Dim(source[i], 0), call.Dim(destination[i], 0);
    return One(view);
  }
  std::vector<size_t> order(view.shape.size(), view.shape.size());
  std::vector<bool> taken(view.shape.size(), false);
  for (size_t i = 0; i < source.size(); ++i) {
    const size_t from = static_cast<size_t>(call.Dim(source[i], Rank(view)));
    const size_t to = static_cast<size_t>(call.Dim(destination[i], Rank(view)));
    call.Expect(!taken[from] && order[to] == view.shape.size(), "a dimension occurs twice");
    taken[from] = true;
    order[to] = from;
  }
  size_t next = 0;
  for (size_t& dim : order) {
    if (dim != view.shape.size()) continue;
    while (taken[next]) ++next;
    dim = next++;
  }
  return One(Permuted(view, order));
}

// ---- Dimensions of size one, broadcasting

Views ViewUnsqueezed(const Call& call) {
  StridedView view = Whole(call);
  const int64_t dim = call.Dim("dim", Rank(view) + 1);
  const size_t at = static_cast<size_t>(dim);
  const int64_t stride = at < view.shape.size() ? view.shape[at] * view.strides[at] : 1;
  view.shape.insert(view.shape.begin() + dim, 1);
  view.strides.insert(view.strides.begin() + dim, stride);
  return One(std::move(view));
}

Views ViewSqueezed(const Call& call) {
  const StridedView view = Whole(call);
  const bool has_dim = call.info().schema.Find("dim") >= 0;
  const std::vector<bool> named =
      has_dim ? call.Dims("dim", Rank(view), /*empty_means_all=*/false) : std::vector<bool>(view.shape.size(), true);
  std::vector<size_t> kept;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    if (!named[i] || view.shape[i] != 1) kept.push_back(i);
  }
  return One(Permuted(view, kept));
}

Views Expanded(const Call& call, const Shape& sizes) {
  const StridedView view = Whole(call);
  call.Expect(sizes.size() >= view.shape.size(), "expands to fewer dimensions");
  const size_t added = sizes.size() - view.shape.size();
  StridedView result{view.base, sizes, Shape(sizes.size()), 0};
  for (size_t i = sizes.size(); i-- > 0;) {
    const bool is_new = i < added;
    const int64_t size = is_new ? 1 : view.shape[i - added];
    // A new dimension gets the stride that a contiguous tensor would have.
    const int64_t fresh = i + 1 < sizes.size() ? result.shape[i + 1] * result.strides[i + 1] : 1;
    call.Expect(sizes[i] >= 0 || (sizes[i] == -1 && !is_new), "a size is negative");
    const int64_t wanted = sizes[i] == -1 ? size : sizes[i];
    call.Expect(size == wanted || size == 1,
                "size ", size, " does not expand to ", wanted);
    result.shape[i] = wanted;
    result.strides[i] = size != wanted ? 0 : is_new ? fresh : view.strides[i - added];
  }
  return One(std::move(result));
}

Views ViewExpanded(const Call& call) { return Expanded(call, call.Ints("size")); }
Views ViewExpandedAs(const Call& call) { return Expanded(call, call.Tensor("other").shape); }

// ---- Parts

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

Views ViewSliced(const Call& call) {
  StridedView view = Whole(call);
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

Views ViewNarrowed(const Call& call) {
  StridedView view = Whole(call);
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

Views ViewSelected(const Call& call) {
  StridedView view = Whole(call);
  const size_t dim = PartDim(call, view);
  const int64_t size = view.shape[dim];
  const int64_t index = call.Int("index");
  call.Expect(index >= -size && index < size,
              "index ", index, " is out of range for size ", size);
  return One(Selected(std::move(view), dim, index < 0 ? index + size : index));
}

Views ViewUnbound(const Call& call) {
  const StridedView view = Whole(call);
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
  const StridedView view = Whole(call);
  return EqualParts(call, view, PartDim(call, view), call.Int("split_size"));
}

Views ViewSplitWithSizes(const Call& call) {
  const StridedView view = Whole(call);
  return Parts(call, view, PartDim(call, view), call.Ints("split_sizes"));
}

Views ViewChunked(const Call& call) {
  const StridedView view = Whole(call);
  const size_t dim = PartDim(call, view);
  const int64_t chunks = call.Int("chunks");
  call.Expect(chunks > 0, "chunks has to be positive");
  const int64_t size = (view.shape[dim] + chunks - 1) / chunks;
  if (size == 0) return Parts(call, view, dim, std::vector<int64_t>(static_cast<size_t>(chunks), 0));
  return EqualParts(call, view, dim, size);
}

Views ViewDiagonal(const Call& call) {
  StridedView view = Whole(call);
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

// unfold: windows of `size` along a dimension become a new last dimension.
Views ViewUnfolded(const Call& call) {
  StridedView view = Whole(call);
  const size_t dim = PartDim(call, view, "dimension");
  const int64_t size = call.Int("size");
  const int64_t step = call.Int("step");
  call.Expect(size >= 0 && step > 0 && size <= view.shape[dim], "the window does not fit the dimension");
  const int64_t stride = view.strides[dim];
  view.shape[dim] = (view.shape[dim] - size) / step + 1;
  view.strides[dim] = stride * step;
  view.shape.push_back(size);
  view.strides.push_back(stride);
  return One(std::move(view));
}

// ---- The table

void Add(std::vector<OperatorSpec>& table, bool glue, std::string schema, std::string form, std::string domain,
         Views (*view)(const Call&), Rule infer = InferView) {
  table.push_back({.schema_text = "aten::" + std::move(schema),
                   .form = std::move(form),
                   .kind = OpKind::kView,
                   .domain = "a; " + std::move(domain),
                   .infer = infer,
                   .view = view,
                   .glue = glue});
}

void AddShapes(std::vector<OperatorSpec>& table) {
  Add(table, true, "view(Tensor(a) self, SymInt[] size) -> Tensor(a)", "{self}.view({*size})", "size=sizes",
      ViewReshaped, InferStrictView);
  Add(table, true, "_unsafe_view(Tensor self, SymInt[] size) -> Tensor", "", "size=sizes", ViewReshaped,
      InferStrictView);
  Add(table, true, "reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)", "{self}.reshape({*shape})", "shape=sizes",
      ViewReshaped, InferReshape);
  Add(table, true, "view_as(Tensor(a) self, Tensor other) -> Tensor(a)", ".view_as",
      "self=[A,B,C]; other=[C,A*B]|[A*B*C]", ViewReshaped, InferStrictView);
  Add(table, true, "reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)", ".reshape_as",
      "self=[A,B,C]; other=[C,A*B]|[A*B*C]", ViewReshaped, InferReshape);
  Add(table, true, "flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)", "torch.flatten",
      "self=[A,B,C,D]; start_dim=0..1; end_dim=-1|2|3", ViewReshaped, InferReshape);
  Add(table, true, "ravel(Tensor(a) self) -> Tensor(a)", "torch.ravel", "self=[*,A]", ViewRavelled, InferReshape);
  Add(table, true, "unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)", "torch.unflatten",
      "self=[*,A*B]; dim=-1; sizes=[A,B]|[-1,B]", ViewReshaped, InferStrictView);
  Add(table, true, "unsqueeze(Tensor(a) self, int dim) -> Tensor(a)", ".unsqueeze", "dim=dim+1", ViewUnsqueezed);
  Add(table, true, "squeeze(Tensor(a) self) -> Tensor(a)", ".squeeze", "self=[1,A,1,B]|[A]|[1]|[]", ViewSqueezed);
  Add(table, true, "squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)", ".squeeze", "self=[1,A,1,B]|[A]|[]; dim=dim",
      ViewSqueezed);
  Add(table, true, "squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)", ".squeeze", "self=[1,A,1,B]|[A]; dim=dims",
      ViewSqueezed);
  Add(table, true, "expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)",
      "{self}.expand({*size})", "self=[A,1,C]|[1,1,C]|[1,C]|[A,B,C]; size=[A,B,C]|[A,B,-1]|[D,A,B,C]|[1,A,B,C]",
      ViewExpanded);
  Add(table, true, "expand_as(Tensor(a) self, Tensor other) -> Tensor(a)", ".expand_as",
      "self=[A,1,C]|[1,1,C]|[C]; other=[A,B,C]", ViewExpandedAs);
  Add(table, true, "broadcast_to(Tensor(a) self, SymInt[] size) -> Tensor(a)", "torch.broadcast_to",
      "self=[A,1,C]|[1,1,C]|[C]; size=[A,B,C]", ViewExpanded);
}

void AddPermutations(std::vector<OperatorSpec>& table) {
  Add(table, false, "permute(Tensor(a) self, int[] dims) -> Tensor(a)", "{self}.permute({*dims})", "dims=perm",
      ViewPermuted);
  Add(table, false, "transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", ".transpose",
      "dim0=dim; dim1=dim", ViewTransposed);
  Add(table, false, "swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)", "torch.swapaxes",
      "axis0=dim; axis1=dim", ViewSwapped);
  Add(table, false, "t(Tensor(a) self) -> Tensor(a)", ".t", "self=[A,B]|[A]|[]", ViewT);
  Add(table, false, "numpy_T(Tensor(a) self) -> Tensor(a)", "{self}.T", "self=[A,B]|[A,B,C]", ViewReversedDims);
  Add(table, false, "mT(Tensor(a) self) -> Tensor(a)", "{self}.mT", "self=[*,A,B]", ViewMatrixT);
  Add(table, false, "movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)", "torch.movedim",
      "source=dim; destination=dim", ViewMoved);
  Add(table, false, "movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)", "torch.movedim",
      "self=[A,B,C]; source=[0,1]|[-1,0]; destination=[1,2]|[0,-1]", ViewMoved);
}

void AddParts(std::vector<OperatorSpec>& table) {
  Add(table, false,
      "slice.Tensor(Tensor(a) self, int dim=0, SymInt? start=None, SymInt? end=None, SymInt step=1) -> Tensor(a)", "",
      "self=[*,A]; dim=dim; start=None|0..3|-2; end=None|1..4|-1|9223372036854775807; step=1|1|2", ViewSliced);
  Add(table, false, "select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)", ".select",
      "self=[*,A]; dim=-1|0; index=0|-1", ViewSelected);
  Add(table, false, "narrow(Tensor(a) self, int dim, SymInt start, SymInt length) -> Tensor(a)", "torch.narrow",
      "self=[*,A]; dim=-1; start=0; length=0..1|A", ViewNarrowed);
  Add(table, false, "split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]",
      "torch.split({self}, {split_size}[, dim={dim}])", "self=[*,A]; split_size=1..3; dim=dim", ViewSplit);
  Add(table, false, "split_with_sizes(Tensor(a -> *) self, SymInt[] split_sizes, int dim=0) -> Tensor(a)[]",
      "torch.split({self}, {split_sizes}[, dim={dim}])", "self=[*,2A]; split_sizes=[A,A]|[2A]|[0,A,A]; dim=-1",
      ViewSplitWithSizes);
  Add(table, false, "chunk(Tensor(a -> *) self, int chunks, int dim=0) -> Tensor(a)[]",
      "torch.chunk({self}, {chunks}[, dim={dim}])", "self=[*,A]; chunks=1..4; dim=dim", ViewChunked);
  Add(table, false, "unbind.int(Tensor(a -> *) self, int dim=0) -> Tensor(a)[]", "torch.unbind({self}[, dim={dim}])",
      "self=[*,A]; dim=dim", ViewUnbound);
  Add(table, false, "diagonal(Tensor(a) self, int offset=0, int dim1=0, int dim2=1) -> Tensor(a)", "torch.diagonal",
      "self=[A,B,C]|[A,B]; offset=0|1|-1; dim1=0; dim2=1|-1", ViewDiagonal);
  Add(table, false, "unfold(Tensor(a) self, int dimension, int size, int step) -> Tensor(a)", ".unfold",
      "self=[*,H]; dimension=-1; size=1..3; step=1..2", ViewUnfolded);
}

}  // namespace

std::optional<std::vector<StridedView>> ViewWhole(const Call& call) { return One(Whole(call)); }

std::vector<InferredValue> InferView(const Call& call) {
  const Operand self = call.Tensor(size_t{0});
  const Views views = call.info().view(call);
  if (!views) call.Fail("has no such view");
  std::vector<InferredValue> results;
  for (const StridedView& view : *views) results.push_back({self.dtype, view.shape, view.strides});
  return results;
}

std::vector<OperatorSpec> ViewOperators() {
  std::vector<OperatorSpec> table;
  AddShapes(table);
  AddPermutations(table);
  AddParts(table);
  return table;
}

}  // namespace drtriton
