// Cumulative sums, products and extremes.
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

int64_t Along(const OpCall& call, const Term& x) { return WrapDim(call.Int(1, 0), x.rank()); }

void Cumulative(const OpCall& call, const std::string& function) {
  // Sums and products of floats in float64: errors add up along the row, and PyTorch's do not on every device.
  const bool wide = IsFloating(call.type()) && function != "logcumsumexp";
  Term x = call.draft.Cast(call.Tensor(0), wide ? DType::kFloat64 : call.type());
  if (x.rank() == 0) return call.Define(x);
  call.Define(call.draft.Scan(function, x, Along(call, x)));
}

// The extreme so far, and where it last was.
void CumulativeExtreme(const OpCall& call, const std::string& function) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  if (x.rank() == 0) {
    call.Define(x, 0);
    return call.Define(draft.Literal(Attr(0), DType::kInt64), 1);
  }
  if (call.Used(0)) call.Define(draft.Scan(function, x, Along(call, x)), 0);
  draft.SetName("position");
  if (call.Used(1)) call.Define(draft.Scan(function + ".position", x, Along(call, x)), 1);
}

}  // namespace

void LowerScans(HandlerTable& table) {
  for (const char* name : {"cumsum", "cumprod", "logcumsumexp"}) {
    table[std::string("aten.") + name + ".default"] = [function = std::string(name)](const OpCall& call) { Cumulative(call, function); };
  }
  for (const char* name : {"cummax", "cummin"}) {
    table[std::string("aten.") + name + ".default"] = [function = std::string(name)](const OpCall& call) { CumulativeExtreme(call, function); };
  }
}

}  // namespace drtriton
