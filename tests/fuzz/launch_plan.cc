// A plan that is read can be laid out, written and read again.
#include "core/launch_plan.h"

#include "execute/plan_layout.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drtriton;
  Json json = JsonOf(data, size);
  if (json.is_discarded()) return 0;
  MayRefuse([&] {
    LaunchPlan plan = LaunchPlanFromJson(json);
    LayOut(plan);
    Segments(plan);
    plan.HasAtomics();
    Json again = ToJson(plan);
    Demand(ToJson(LaunchPlanFromJson(again)) == again);
  });
  return 0;
}
