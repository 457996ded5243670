// Tensors without elements.  Results without elements are never lowered; here are the operators that make elements of
// nothing: a sum of no terms is 0, a product 1, a mean NaN.
#include <limits>

#include "templates/lower_ops.h"

namespace drtriton {
namespace {

bool IsNamed(const std::string& op, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (op.starts_with(std::string("aten.") + name + ".")) return true;
  }
  return false;
}

// What every element of the results is; nullopt: not known.
std::optional<Attr> ValueOf(const OpCall& call) {
  const std::string& op = call.node.op;
  const Attr nan(std::numeric_limits<double>::quiet_NaN());
  if (IsNamed(op, {"sum", "nansum", "count_nonzero", "norm", "linalg_vector_norm", "mm", "bmm", "matmul", "mv", "dot", "einsum", "any"})) return Attr(0);
  if (IsNamed(op, {"prod", "all"})) return Attr(1);
  if (IsNamed(op, {"logsumexp"})) return Attr(-std::numeric_limits<double>::infinity());
  const bool averages = IsNamed(op, {"mean", "var", "std", "var_mean", "std_mean", "median", "nanmedian"});
  if (averages && IsFloating(call.type())) return nan;
  // The losses: the mean over nothing, or the sum.
  const size_t reduction = IsNamed(op, {"mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss", "kl_div"}) ? 2
                           : IsNamed(op, {"binary_cross_entropy", "nll_loss_nd", "cross_entropy_loss"})                      ? 3
                           : IsNamed(op, {"binary_cross_entropy_with_logits"})                                               ? 4
                                                                                                                             : 0;
  if (reduction != 0) return call.Int(reduction, 1) == 1 ? nan : Attr(0);
  return std::nullopt;
}

// The dimensions of `shape`, whatever the term repeats along them.
Term Filling(const OpCall& call, Term term, size_t output) { return call.draft.Expand(std::move(term), call.draft.value(call.node.outputs[output]).shape); }

}  // namespace

bool LowerOfEmpty(const OpCall& call) {
  const std::string& op = call.node.op;
  if (std::optional<Attr> value = ValueOf(call)) {
    for (size_t i = 0; i < call.node.outputs.size(); ++i) {
      if (call.Used(i)) call.Define(Filling(call, call.draft.Literal(*value, call.type(i)), i), i);
    }
    return true;
  }
  if (IsNamed(op, {"linear"})) {   // a product of nothing and the bias
    call.Define(Filling(call, call.Given(2) ? call.draft.Cast(call.Tensor(2), call.type()) : call.Literal(0, call.type()), 0));
    return true;
  }
  if (IsNamed(op, {"addmm", "addmv", "addbmm", "baddbmm"})) {
    const Term input = call.draft.Cast(call.Tensor(0), call.type());
    call.Define(Filling(call, call.draft.Pointwise("mul", call.type(), {input, call.Literal(call.Number(3, 1), call.type())}), 0));
    return true;
  }
  if (IsNamed(op, {"index_add", "index_copy", "index_fill", "index_put", "scatter", "scatter_add", "scatter_reduce", "masked_scatter", "slice_scatter", "diagonal_scatter"})) {
    call.Define(call.draft.Cast(call.Tensor(0), call.type()));   // nothing is put into it
    return true;
  }
  if (IsNamed(op, {"constant_pad_nd", "pad"})) {
    const size_t value = IsNamed(op, {"pad"}) ? 3 : 2;
    call.Define(Filling(call, call.draft.Literal(call.Given(value) ? call.arg(value) : Attr(0), call.type()), 0));
    return true;
  }
  return false;
}

}  // namespace drtriton
