// scaled_dot_product_attention: a product, a softmax, a product; the attention family makes one kernel of them.
#include <cmath>

#include "templates/lower_ops.h"

namespace drtriton {
namespace {

// Keys or values of fewer heads than the queries, each head repeated for its group.
Term ForEachQueryHead(const OpCall& call, Term term, const Term& query) {
  Draft& draft = call.draft;
  int64_t dim = term.rank() - 3;
  int64_t heads = draft.Size(term, dim), wanted = draft.Size(query, query.rank() - 3);
  if (heads == wanted || heads == 1) return term;
  AxisList again = draft.FreshDims({wanted / heads}).front();
  AxisList& axes = term.dims[static_cast<size_t>(dim)];
  axes.insert(axes.end(), again.begin(), again.end());
  term.leaf.reset();
  return term;
}

// Keys that come behind their query do not count.
Term Causal(const OpCall& call, const Term& logits, DType type) {
  Draft& draft = call.draft;
  size_t rank = logits.dims.size();
  Term query = draft.IndexOver(logits.dims, rank - 2, 0, 1), key = draft.IndexOver(logits.dims, rank - 1, 0, 1);
  Term seen = draft.Pointwise("ge", DType::kBool, {query, key}, DType::kInt64);
  return draft.Where(seen, logits, call.Literal(-INFINITY, type), type);
}

void Attention(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  if (call.Number(4, 0) != 0) throw Refusal{"attention with dropout draws random numbers"};
  Term query = call.Tensor(0), key = call.Tensor(1), value = call.Tensor(2);
  if (call.Flag(7, false)) {
    key = ForEachQueryHead(call, key, query);
    value = ForEachQueryHead(call, value, query);
  }
  double scale = call.Number(6, 1 / std::sqrt(static_cast<double>(draft.Size(query, query.rank() - 1))));
  std::vector<int64_t> order;
  for (int64_t dim = 0; dim < key.rank(); ++dim) order.push_back(dim);
  std::swap(order[order.size() - 2], order[order.size() - 1]);
  draft.SetName("scores");
  Term logits = draft.Pointwise("mul", DType::kFloat32, {draft.Matmul(query, draft.Permute(key, order), type), call.Literal(scale, DType::kFloat32)});
  if (call.Given(3)) {
    Term mask = call.Tensor(3);
    logits = mask.dtype == DType::kBool ? draft.Where(mask, logits, call.Literal(-INFINITY, DType::kFloat32), DType::kFloat32)
                                        : draft.Pointwise("add", DType::kFloat32, {logits, mask});
  }
  if (call.Flag(5, false)) logits = Causal(call, logits, DType::kFloat32);
  // A query that sees no key gives 0, as in PyTorch.
  int64_t last = logits.rank() - 1;
  auto op = [&](const char* function, const Term& a, const Term& b) { return draft.Pointwise(function, DType::kFloat32, {a, b}); };
  draft.SetName("largest");
  Term largest = draft.Reduce("max_number", logits, {last}, true);
  Term infinite = draft.Pointwise("isinf", DType::kBool, {largest}, DType::kFloat32);
  Term shift = draft.Where(infinite, call.Literal(0, DType::kFloat32), largest, DType::kFloat32);
  draft.SetName("weight");
  Term weight = draft.Pointwise(type == DType::kFloat32 ? "exp" : "exp_fast", DType::kFloat32, {op("sub", logits, shift)});
  draft.SetName("total");
  Term total = draft.Reduce("sum", weight, {last}, true);
  Term nothing = draft.Pointwise("eq", DType::kBool, {total, call.Literal(0, DType::kFloat32)}, DType::kFloat32);
  draft.SetName("share");
  Term share = op("div", weight, draft.Where(nothing, call.Literal(1, DType::kFloat32), total, DType::kFloat32));
  call.Define(draft.Matmul(draft.Cast(share, type), value, type));
}

}  // namespace

void LowerAttention(HandlerTable& table) { table["aten.scaled_dot_product_attention.default"] = Attention; }

}  // namespace drtriton
