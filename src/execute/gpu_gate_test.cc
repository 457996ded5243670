#include "execute/gpu_gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/file.h"

namespace drtriton {
namespace {

TEST(GpuGate, WithoutAFolderNobodyWaits) {
  GpuGate gate{std::filesystem::path()};
  gate.Alone();
  EXPECT_FALSE(gate.IsWanted());
  gate.Leave();
  const SharedGate shared(gate);
}

TEST(GpuGate, OneIsAloneWhileOthersShare) {
  ScratchFolder folder("drtriton-gate");
  std::atomic<int> sharing = 0, alone = 0, wrong = 0, most = 0;
  const auto work = [&](bool measures) {
    GpuGate gate(folder.path());
    for (int i = 0; i < 200; ++i) {
      if (measures && i % 4 == 0) {
        const AloneInGate hold(gate);
        if (++alone != 1 || sharing != 0) ++wrong;
        --alone;
      } else {
        const SharedGate hold(gate);
        most = std::max<int>(most, ++sharing);
        if (alone != 0) ++wrong;
        std::this_thread::yield();
        --sharing;
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work, i < 2);
  threads.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(most, 0);
}

TEST(GpuGate, WhoWaitsToBeAloneIsSeenAndComesFirst) {
  ScratchFolder folder("drtriton-gate");
  GpuGate worker(folder.path());
  worker.Share();
  std::atomic<bool> measured = false;
  std::jthread measuring([&] {
    GpuGate gate(folder.path());
    const AloneInGate hold(gate);
    measured = true;
  });
  while (!worker.IsWanted()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(measured);
  worker.Leave();
  worker.Share();   // behind the one that waits
  EXPECT_TRUE(measured);
  worker.Leave();
}

}  // namespace
}  // namespace drtriton
