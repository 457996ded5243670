// Lookups: elements fetched by integer tensors, and one_hot.  A lookup is an index relation (Draft::Take): its load adds
// the index tensor's value to its address, so that it fuses with what stands before and behind.
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

using Position = Draft::Position;

Term AsIndex(const OpCall& call, const Term& index) { return call.draft.Cast(index, DType::kInt64); }

// Counted from the end where negative.
Term Wrapped(const OpCall& call, const Term& index, int64_t size) {
  Draft& draft = call.draft;
  Term wide = AsIndex(call, index);
  Term negative = draft.Pointwise("lt", DType::kBool, {wide, draft.Literal(Attr(0), DType::kInt64)}, DType::kInt64);
  Term from_end = draft.Pointwise("add", DType::kInt64, {wide, draft.Literal(Attr(size), DType::kInt64)});
  return draft.Where(negative, from_end, wide, DType::kInt64);
}

void Embedding(const OpCall& call) {
  Term weight = call.Tensor(0), indices = call.Tensor(1);
  std::vector<AxisList> dims = indices.dims;
  dims.push_back(weight.dims[1]);
  call.Define(call.draft.Take(weight, {{0, {AsIndex(call, indices), std::nullopt}}}, dims));
}

// Element (i, j) is self(i, index(i, j)) for dim = 1; where the index is shorter than self, self's first elements count.
void Gather(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0), index = call.Tensor(2);
  if (x.rank() == 0) return call.Define(draft.Expand(x, draft.ShapeOf(index)));
  if (index.rank() == 0) index = draft.Unsqueeze(index, 0);
  int64_t dim = WrapDim(call.Int(1, 0), x.rank());
  std::map<int64_t, Position> at;
  for (int64_t other = 0; other < x.rank(); ++other) {
    if (other == dim) continue;
    if (draft.Size(x, other) == draft.Size(index, other)) {
      draft.Align(x, index, other);
    } else {
      at[other] = {draft.IndexOver(index.dims, static_cast<size_t>(other), 0, 1), std::nullopt};
    }
  }
  at[dim] = {AsIndex(call, index), std::nullopt};
  call.Define(draft.Reshape(draft.Take(x, at, index.dims), call.Result().shape));
}

void IndexSelect(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0), index = call.Tensor(2);
  if (x.rank() == 0) return call.Define(x);
  if (index.rank() == 0) index = draft.Unsqueeze(index, 0);
  int64_t dim = WrapDim(call.Int(1, 0), x.rank());
  std::vector<AxisList> dims = x.dims;
  dims[static_cast<size_t>(dim)] = index.dims[0];
  call.Define(draft.Take(x, {{dim, {AsIndex(call, index), std::nullopt}}}, dims));
}

// x[i, :, j]: the indices' common dimensions stand where the first was when they are neighbours, else in front.
void IndexTensors(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  const AttrList& given = call.arg(1).AsList();
  std::vector<Term> indices;
  std::vector<int64_t> indexed;
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].IsNone()) continue;
    indices.push_back(draft.Get(given[i]));
    if (indices.back().dtype == DType::kBool || indices.back().dtype == DType::kUInt8) throw Refusal{"a mask as index"};
    indexed.push_back(static_cast<int64_t>(i));
  }
  std::vector<AxisList> picked = draft.Broadcast(indices), dims;
  bool neighbours = indexed.back() - indexed.front() + 1 == static_cast<int64_t>(indexed.size());
  std::map<int64_t, Position> at;
  for (size_t i = 0; i < indexed.size(); ++i) at[indexed[i]] = {Wrapped(call, indices[i], draft.Size(x, indexed[i])), std::nullopt};
  if (!neighbours) dims = picked;
  for (int64_t dim = 0; dim < x.rank(); ++dim) {
    if (neighbours && dim == indexed.front()) dims.insert(dims.end(), picked.begin(), picked.end());
    if (at.count(dim) == 0) dims.push_back(x.dims[static_cast<size_t>(dim)]);
  }
  call.Define(draft.Take(x, at, dims));
}

// gather with dimensions that broadcast; without a dimension, of the elements in row-major order.
void TakeAlong(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0), index = call.Tensor(1);
  if (!call.Given(2)) {
    x = draft.Reshape(x, {ElementCount(draft.ShapeOf(x))});
    index = draft.Reshape(index, {ElementCount(draft.ShapeOf(index))});
  }
  int64_t dim = call.Given(2) ? WrapDim(call.Int(2, 0), x.rank()) : 0;
  Term x_rest = x, index_rest = index;
  x_rest.dims[static_cast<size_t>(dim)] = index_rest.dims[static_cast<size_t>(dim)] = {};
  std::vector<AxisList> dims = draft.Broadcast({x_rest, index_rest});
  dims[static_cast<size_t>(dim)] = index.dims[static_cast<size_t>(dim)];
  call.Define(draft.Take(x, {{dim, {Wrapped(call, index, draft.Size(x, dim)), std::nullopt}}}, dims));
}

void OneHot(const OpCall& call) {
  Draft& draft = call.draft;
  Term index = AsIndex(call, call.Tensor(0));
  index = draft.Unsqueeze(index, index.rank());
  std::vector<AxisList> dims = index.dims;
  dims.back() = draft.FreshDims({call.Result().shape.back()}).front();
  Term position = draft.IndexOver(dims, dims.size() - 1, 0, 1);
  call.Define(draft.Cast(draft.Pointwise("eq", DType::kBool, {index, position}, DType::kInt64), call.type()));
}

}  // namespace

void LowerLookups(HandlerTable& table) {
  table["aten.embedding.default"] = Embedding;
  table["aten.gather.default"] = Gather;
  table["aten.index_select.default"] = IndexSelect;
  table["aten.index.Tensor"] = IndexTensors;
  table["aten.take_along_dim.default"] = TakeAlong;
  table["aten.one_hot.default"] = OneHot;
}

}  // namespace drtriton
