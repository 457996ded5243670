// Fixed rearrangements: rotations, shuffles, diagonals and slices put into a tensor, patches to columns and back.
#include "templates/lower_index.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

using Position = Draft::Position;

void Rotate(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  const int64_t turns = ((call.Int(1, 1) % 4) + 4) % 4;
  std::vector<int64_t> plane = call.Given(2) ? call.arg(2).AsInts() : std::vector<int64_t>{0, 1};
  for (int64_t& dim : plane) dim = WrapDim(dim, x.rank());
  if (turns == 1 || turns == 2) x = FlipAlong(draft, x, plane[1]);
  if (turns == 3 || turns == 2) x = FlipAlong(draft, x, plane[0]);
  if (turns % 2 == 1) std::swap(x.dims[static_cast<size_t>(plane[0])], x.dims[static_cast<size_t>(plane[1])]);
  x.leaf.reset();
  call.Define(x);
}

// Channels as groups x members become members x groups.
void ShuffleChannels(const OpCall& call) {
  Draft& draft = call.draft;
  const Term x = call.Tensor(0);
  const Shape shape = draft.ShapeOf(x);
  Shape split = {shape[0], call.Int(1, 1), shape[1] / call.Int(1, 1)};
  split.insert(split.end(), shape.begin() + 2, shape.end());
  std::vector<int64_t> order = {0, 2, 1};
  for (size_t dim = 3; dim < split.size(); ++dim) order.push_back(static_cast<int64_t>(dim));
  call.Define(draft.Reshape(draft.Permute(draft.Reshape(x, split), order), shape));
}

// ---- Into a tensor

void SelectScatter(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  int64_t dim = WrapDim(call.Int(2, 0), x.rank());
  Term source = draft.Unsqueeze(call.Tensor(1), dim);
  Term position = draft.IndexOver(x.dims, static_cast<size_t>(dim), 0, 1);
  Term here = Compare(draft, "eq", position, WrapDim(call.Int(3, 0), draft.Size(x, dim)));
  call.Define(draft.Where(here, source, x, call.type()));
}

void SliceScatter(const OpCall& call) {
  Draft& draft = call.draft;
  const Term x = call.Tensor(0), source = draft.Cast(call.Tensor(1), call.type());
  const int64_t dim = WrapDim(call.Int(2, 0), x.rank()), size = draft.Size(x, dim), step = call.Int(5, 1), count = draft.Size(source, dim);
  const int64_t start = std::clamp<int64_t>(WrapDim(call.Int(3, 0), size), 0, size);
  const Term from_start = draft.IndexOver(x.dims, static_cast<size_t>(dim), -start, 1);
  Term here = Both(draft, Compare(draft, "ge", from_start, 0), Compare(draft, "lt", from_start, (count - 1) * step + 1));
  Term index = from_start;
  if (step != 1) {
    const Term clear = IntOp(draft, "maximum", from_start, 0);   // // and % of negative numbers differ between machines
    here = Both(draft, here, Compare(draft, "eq", IntOp(draft, "remainder_positive", clear, step), 0));
    index = IntOp(draft, "floor_divide_positive", clear, step);
  }
  for (int64_t other = 0; other < x.rank(); ++other) {
    if (other != dim) draft.Align(x, source, other);
  }
  call.Define(draft.Where(here, draft.Take(source, {{dim, {index, here}}}, x.dims), x, call.type()));
}

// `source`, whose last dimension runs along a diagonal of the two dimensions of `shape`, spread over `dims`; true in `here`
// on the diagonal.
Term OnDiagonal(const OpCall& call, const Term& source, const std::vector<AxisList>& dims, int64_t offset, int64_t first,
                int64_t second, Term* here) {
  Draft& draft = call.draft;
  const Term down = draft.IndexOver(dims, static_cast<size_t>(first), 0, 1), across = draft.IndexOver(dims, static_cast<size_t>(second), 0, 1);
  *here = Compare(draft, "eq", IntOp(draft, "sub", across, down), offset);
  const Term along = offset < 0 ? IntOp(draft, "maximum", IntOp(draft, "add", down, offset), 0) : down;
  return draft.Take(source, {{source.rank() - 1, {along, *here}}}, dims);
}

void DiagonalScatter(const OpCall& call) {
  Draft& draft = call.draft;
  const Term x = call.Tensor(0), source = draft.Cast(call.Tensor(1), call.type());
  const int64_t first = WrapDim(call.Int(3, 0), x.rank()), second = WrapDim(call.Int(4, 1), x.rank());
  Term others = x, rest = source;
  rest.dims.pop_back();
  for (int64_t dim : {std::max(first, second), std::min(first, second)}) others.dims.erase(others.dims.begin() + dim);
  for (int64_t dim = 0; dim < rest.rank(); ++dim) draft.Align(others, rest, dim);
  Term here;
  const Term placed = OnDiagonal(call, source, x.dims, call.Int(2, 0), first, second, &here);
  call.Define(draft.Where(here, placed, x, call.type()));
}

void EmbedDiagonal(const OpCall& call) {
  Draft& draft = call.draft;
  const Term x = call.Tensor(0);
  const Shape& shape = call.Result().shape;
  const int64_t rank = x.rank() + 1, first = WrapDim(call.Int(2, -2), rank), second = WrapDim(call.Int(3, -1), rank);
  std::vector<AxisList> dims;
  for (int64_t dim = 0, other = 0; dim < rank; ++dim) {
    const bool plane = dim == first || dim == second;
    dims.push_back(plane ? draft.FreshDims({shape[static_cast<size_t>(dim)]}).front() : x.dims[static_cast<size_t>(other++)]);
  }
  Term here;
  const Term placed = OnDiagonal(call, x, dims, call.Int(1, 0), first, second, &here);
  call.Define(draft.Where(here, placed, call.Literal(0, call.type()), call.type()));
}

// ---- Patches: (N, C kh kw, oh ow) of (N, C, H, W), each window a column

struct Patches {
  std::vector<int64_t> kernel, dilation, padding, stride;
  Shape image, count;   // sizes of the image and numbers of windows

  Patches(const OpCall& call, size_t at, Shape sizes) : image(std::move(sizes)) {
    const auto pair = [&](size_t i) {
      std::vector<int64_t> list = call.arg(i).AsInts();
      if (list.size() == 1) list.push_back(list[0]);
      return list;
    };
    kernel = pair(at), dilation = pair(at + 1), padding = pair(at + 2), stride = pair(at + 3);
    for (size_t i = 0; i < 2; ++i) count.push_back((image[i] + 2 * padding[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i] + 1);
  }
};

AxisList Joined(const std::vector<AxisList>& lists) {
  AxisList all;
  for (const AxisList& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

void ImageToColumns(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  if (x.rank() == 3) x = draft.Unsqueeze(x, 0);
  const Patches patches(call, 1, {draft.Size(x, 2), draft.Size(x, 3)});
  const std::vector<AxisList> fresh = draft.FreshDims({patches.kernel[0], patches.kernel[1], patches.count[0], patches.count[1]});
  const std::vector<AxisList> dims = {x.dims[0], x.dims[1], fresh[0], fresh[1], fresh[2], fresh[3]};
  std::optional<Term> inside;
  std::map<int64_t, Position> at;
  for (size_t i = 0; i < 2; ++i) {
    const Term window = draft.IndexOver(dims, 4 + i, -patches.padding[i], patches.stride[i]);
    const Term place = IntOp(draft, "add", window, draft.IndexOver(dims, 2 + i, 0, patches.dilation[i]));
    std::optional<Term> guard;
    if (patches.padding[i] > 0) {
      guard = Both(draft, Compare(draft, "ge", place, 0), Compare(draft, "lt", place, patches.image[i]));
      inside = Both(draft, inside, *guard);
    }
    at[static_cast<int64_t>(2 + i)] = {place, guard};
  }
  Term columns = draft.Take(x, at, dims);
  if (inside) columns = draft.Where(*inside, columns, call.Literal(0, call.type()), call.type());
  columns.dims = {dims[0], Joined({dims[1], dims[2], dims[3]}), Joined({dims[4], dims[5]})};
  call.Define(draft.Reshape(columns, call.Result().shape));
}

// Every element of the image sums what the windows that hold it have for it.
void ColumnsToImage(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  if (x.rank() == 2) x = draft.Unsqueeze(x, 0);
  const std::vector<int64_t> sizes = call.arg(1).AsInts();
  const Patches patches(call, 2, {sizes[0], sizes.back()});
  const int64_t channels = draft.Size(x, 1) / (patches.kernel[0] * patches.kernel[1]);
  const Term split = draft.Reshape(x, {draft.Size(x, 0), channels, patches.kernel[0], patches.kernel[1], patches.count[0], patches.count[1]});
  const std::vector<AxisList> image = draft.FreshDims(patches.image);
  const std::vector<AxisList> dims = {split.dims[0], split.dims[1], image[0], image[1], split.dims[2], split.dims[3]};
  std::optional<Term> inside;
  std::map<int64_t, Position> at;
  for (size_t i = 0; i < 2; ++i) {
    Term place = draft.IndexOver(dims, 2 + i, patches.padding[i], 1);
    place = IntOp(draft, "sub", place, draft.IndexOver(dims, 4 + i, 0, patches.dilation[i]));
    const int64_t last = (patches.count[i] - 1) * patches.stride[i];
    Term guard = Both(draft, Compare(draft, "ge", place, 0), Compare(draft, "le", place, last));
    if (patches.stride[i] != 1) {
      place = IntOp(draft, "maximum", place, 0);
      guard = Both(draft, guard, Compare(draft, "eq", IntOp(draft, "remainder_positive", place, patches.stride[i]), 0));
      place = IntOp(draft, "floor_divide_positive", place, patches.stride[i]);
    }
    inside = Both(draft, inside, guard);
    at[static_cast<int64_t>(4 + i)] = {place, guard};
  }
  const Term taken = draft.Where(*inside, draft.Take(split, at, dims), call.Literal(0, call.type()), call.type());
  call.Define(draft.Reshape(draft.Reduce("sum", taken, {4, 5}, false), call.Result().shape));
}

}  // namespace

void LowerRearrangement(HandlerTable& table) {
  table["aten.rot90.default"] = Rotate;
  table["aten.channel_shuffle.default"] = ShuffleChannels;
  table["aten.select_scatter.default"] = SelectScatter;
  table["aten.slice_scatter.default"] = SliceScatter;
  table["aten.diagonal_scatter.default"] = DiagonalScatter;
  table["aten.diag_embed.default"] = EmbedDiagonal;
  table["aten.im2col.default"] = ImageToColumns;
  table["aten.col2im.default"] = ColumnsToImage;
}

}  // namespace drtriton
