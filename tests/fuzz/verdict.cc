// A verdict from the store or from another process.
#include "core/verdict.h"

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drtriton;
  Json json = JsonOf(data, size);
  if (json.is_discarded()) return 0;
  MayRefuse([&] {
    Json again = ToJson(VerdictFromJson(json));
    Demand(ToJson(VerdictFromJson(again)) == again);
  });
  return 0;
}
