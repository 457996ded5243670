#include "compile/real_run_farm.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "compile/test_candidates.h"

namespace drtriton {
namespace {

// What runs where there is a GPU is the subject of `bench trust --device cuda`.
TEST(RealRunFarm, WithoutAGpuItIsTheSetUpThatFails) {
  if (access("/dev/nvidiactl", F_OK) == 0) GTEST_SKIP() << "there is a GPU";
  ScratchFolder folder("real_run_farm_test");
  const Fragment fragment = ReluFragment({5});
  InterpretRequest request;
  request.candidate.fragment = &fragment;
  request.candidate.source = "def launch(x):\n    return (x,)\n";
  request.inputs = folder.path() / "in.tensors";
  request.outputs = folder.path() / "out.tensors";
  const InterpretResult result = RealRunFarm(0).Run(request);
  ASSERT_TRUE(result.failure.has_value());
  EXPECT_EQ(result.failure->code, "set_up") << result.failure->reason;
}

}  // namespace
}  // namespace drtriton
