// A worker's reply to a candidate: nothing in it may raise, whatever the candidate forged.
#include "compile/request.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drtriton;
  Json json = JsonOf(data, size);
  if (json.is_discarded() || !json.is_object()) return 0;  // Process::Receive gives objects only
  CompileResult result = ResultOf(json, "folder");
  Demand(result.failure.has_value() == result.plans.empty());
  if (result.failure) Json(result.failure->reason).dump();   // as a verdict is written: must be whole characters
  FailureOf(json);
  LayersOf(json);
  return 0;
}
