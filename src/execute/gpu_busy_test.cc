#include "execute/gpu_busy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "execute/gpu_probe.h"

namespace drtriton {
namespace {

TEST(GpuBusyMeter, TellsAShareOrNothing) {
  const GpuBusyMeter meter(EqualGpus());
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::optional<double> share = meter.Share();
  if (EqualGpus() == 0) {
    EXPECT_FALSE(share.has_value());
  }
  if (share) {
    EXPECT_GE(*share, 0);
    EXPECT_LE(*share, 1);
  }
}

}  // namespace
}  // namespace drtriton
