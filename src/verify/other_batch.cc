#include "verify/other_batch.h"

#include <string>

namespace drtriton {

CompileRequest AtOtherBatch(const CompileRequest& request, const Fragment* fragment) {
  CompileRequest other = request;
  other.fragment = fragment;
  other.strict = false;
  return other;
}

void TakeOtherBatch(const Verdict& other, int64_t rows, int64_t other_rows, Verdict* verdict) {
  bool ran = other.stage == Stage::kRun || other.stage == Stage::kNumerics || other.stage == Stage::kDeterminism;
  bool out_of_reach = other.code == "out_of_memory" || other.code == "timeout" || other.code == "unsupported";
  if (!verdict->accepted() || other.outcome != Outcome::kRejected || !ran || out_of_reach) return;
  verdict->outcome = Outcome::kRejected;
  verdict->stage = other.stage;
  verdict->code = "wrong_batch";
  verdict->reason = "right at the module's own batch of " + std::to_string(rows) + ", at a batch of " + std::to_string(other_rows) +
                    " it is not (" + other.code + "): " + other.reason;
}

}  // namespace drtriton
