#include "base/interrupt.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

namespace drtriton {
namespace {

// In a child each, since a caught signal stays remembered.
TEST(InterruptDeathTest, TheFirstSignalIsARequest) {
  EXPECT_EXIT(
      {
        CatchInterrupts();
        if (Interrupted()) std::exit(1);
        std::raise(SIGINT);
        std::exit(Interrupted() ? 0 : 2);
      },
      testing::ExitedWithCode(0), "");
}

TEST(InterruptDeathTest, TheSecondSignalEndsTheProcess) {
  EXPECT_EXIT(
      {
        CatchInterrupts();
        std::raise(SIGINT);
        std::raise(SIGTERM);
        std::exit(0);
      },
      testing::KilledBySignal(SIGTERM), "");
}

}  // namespace
}  // namespace drtriton
