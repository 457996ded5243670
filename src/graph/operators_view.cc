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
  StridedView view = WholeView(call);
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
  const StridedView view = WholeView(call);
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
  const StridedView view = WholeView(call);
  const Shape dims = call.Ints("dims");
  call.Expect(dims.size() == view.shape.size(), "names ", dims.size(), " dimensions of ", Rank(view));
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
  StridedView view = WholeView(call);
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
  const int64_t rank = Rank(WholeView(call));
  call.Expect(rank <= 2, "needs a tensor of rank 2 or less");
  return rank < 2 ? ViewWhole(call) : Swapped(call, 0, 1);
}
Views ViewMatrixT(const Call& call) {
  call.Expect(Rank(WholeView(call)) >= 2, "needs a tensor of rank 2 or more");
  return Swapped(call, -2, -1);
}
Views ViewReversedDims(const Call& call) {
  StridedView view = WholeView(call);
  std::reverse(view.shape.begin(), view.shape.end());
  std::reverse(view.strides.begin(), view.strides.end());
  return One(std::move(view));
}

// movedim: source dimensions go to their destinations, the others keep their order.
Views ViewMoved(const Call& call) {
  const StridedView view = WholeView(call);
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
  StridedView view = WholeView(call);
  const int64_t dim = call.Dim("dim", Rank(view) + 1);
  const size_t at = static_cast<size_t>(dim);
  const int64_t stride = at < view.shape.size() ? view.shape[at] * view.strides[at] : 1;
  view.shape.insert(view.shape.begin() + dim, 1);
  view.strides.insert(view.strides.begin() + dim, stride);
  return One(std::move(view));
}

Views ViewSqueezed(const Call& call) {
  const StridedView view = WholeView(call);
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
  const StridedView view = WholeView(call);
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
    call.Expect(size == wanted || size == 1, "size ", size, " does not expand to ", wanted);
    result.shape[i] = wanted;
    result.strides[i] = size != wanted ? 0 : is_new ? fresh : view.strides[i - added];
  }
  return One(std::move(result));
}

Views ViewExpanded(const Call& call) { return Expanded(call, call.Ints("size")); }
Views ViewExpandedAs(const Call& call) { return Expanded(call, call.Tensor("other").shape); }

// ---- The table

void AddShapes(std::vector<OperatorSpec>& table) {
  const ViewAdder add(table);
  add("view(Tensor(a) self, SymInt[] size) -> Tensor(a)", "{self}.view({*size})", "size=sizes", ViewReshaped,
      InferStrictView)
      .glue = true;
  add("_unsafe_view(Tensor self, SymInt[] size) -> Tensor", "", "size=sizes", ViewReshaped, InferStrictView).glue =
      true;
  add("reshape(Tensor(a) self, SymInt[] shape) -> Tensor(a)", "{self}.reshape({*shape})", "shape=sizes", ViewReshaped,
      InferReshape)
      .glue = true;
  add("view_as(Tensor(a) self, Tensor other) -> Tensor(a)", ".view_as", "self=[A,B,C]; other=[C,A*B]|[A*B*C]",
      ViewReshaped, InferStrictView)
      .glue = true;
  add("reshape_as(Tensor(a) self, Tensor other) -> Tensor(a)", ".reshape_as", "self=[A,B,C]; other=[C,A*B]|[A*B*C]",
      ViewReshaped, InferReshape)
      .glue = true;
  add("flatten.using_ints(Tensor(a) self, int start_dim=0, int end_dim=-1) -> Tensor(a)", "torch.flatten",
      "self=[A,B,C,D]; start_dim=0..1; end_dim=-1|2|3", ViewReshaped, InferReshape)
      .glue = true;
  add("ravel(Tensor(a) self) -> Tensor(a)", "torch.ravel", "self=[*,A]", ViewRavelled, InferReshape).glue = true;
  add("unflatten.int(Tensor(a) self, int dim, SymInt[] sizes) -> Tensor(a)", "torch.unflatten",
      "self=[*,A*B]; dim=-1; sizes=[A,B]|[-1,B]", ViewReshaped, InferStrictView)
      .glue = true;
  add("unsqueeze(Tensor(a) self, int dim) -> Tensor(a)", ".unsqueeze", "dim=dim+1", ViewUnsqueezed).glue = true;
  add("squeeze(Tensor(a) self) -> Tensor(a)", ".squeeze", "self=[1,A,1,B]|[A]|[1]|[]", ViewSqueezed).glue = true;
  add("squeeze.dim(Tensor(a) self, int dim) -> Tensor(a)", ".squeeze", "self=[1,A,1,B]|[A]|[]; dim=dim", ViewSqueezed)
      .glue = true;
  add("squeeze.dims(Tensor(a) self, int[] dim) -> Tensor(a)", ".squeeze", "self=[1,A,1,B]|[A]; dim=dims", ViewSqueezed)
      .glue = true;
  add("expand(Tensor(a) self, SymInt[] size, *, bool implicit=False) -> Tensor(a)", "{self}.expand({*size})",
      "self=[A,1,C]|[1,1,C]|[1,C]|[A,B,C]; size=[A,B,C]|[A,B,-1]|[D,A,B,C]|[1,A,B,C]", ViewExpanded)
      .glue = true;
  add("expand_as(Tensor(a) self, Tensor other) -> Tensor(a)", ".expand_as", "self=[A,1,C]|[1,1,C]|[C]; other=[A,B,C]",
      ViewExpandedAs)
      .glue = true;
  add("broadcast_to(Tensor(a) self, SymInt[] size) -> Tensor(a)", "torch.broadcast_to",
      "self=[A,1,C]|[1,1,C]|[C]; size=[A,B,C]", ViewExpanded)
      .glue = true;
}

void AddPermutations(std::vector<OperatorSpec>& table) {
  const ViewAdder add(table);
  add("permute(Tensor(a) self, int[] dims) -> Tensor(a)", "{self}.permute({*dims})", "dims=perm", ViewPermuted);
  add("transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", ".transpose", "dim0=dim; dim1=dim",
      ViewTransposed);
  add("swapaxes(Tensor(a) self, int axis0, int axis1) -> Tensor(a)", "torch.swapaxes", "axis0=dim; axis1=dim",
      ViewSwapped);
  add("t(Tensor(a) self) -> Tensor(a)", ".t", "self=[A,B]|[A]|[]", ViewT);
  add("numpy_T(Tensor(a) self) -> Tensor(a)", "{self}.T", "self=[A,B]|[A,B,C]", ViewReversedDims);
  add("mT(Tensor(a) self) -> Tensor(a)", "{self}.mT", "self=[*,A,B]", ViewMatrixT);
  add("movedim.int(Tensor(a) self, int source, int destination) -> Tensor(a)", "torch.movedim",
      "source=dim; destination=dim", ViewMoved);
  add("movedim.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)", "torch.movedim",
      "self=[A,B,C]; source=[0,1]|[-1,0]; destination=[1,2]|[0,-1]", ViewMoved);
}

}  // namespace

StridedView WholeView(const Call& call) {
  const Operand self = call.Tensor(size_t{0});
  return StridedView{self.id, self.shape, self.strides, 0};
}

Views ViewWhole(const Call& call) { return std::vector<StridedView>{WholeView(call)}; }

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
  return table;
}

}  // namespace drtriton
