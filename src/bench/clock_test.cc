// The clock's process against stand-ins for emitted modules: what it checks, and how it tells what went wrong.
#include "bench/clock.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace drtriton {
namespace {

const char* const kModule = R"(import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n))

    def forward(self, x):
        return x * self.weight, x.sum()


def get_inputs():
    return [torch.randn(4, 8)]


def get_init_inputs():
    return [8]


_DRT_STATUS = {"accelerated": 0, "original": 0, "why": None}
_DRT_MUTATED = ()


def _drt_guard(model, args, kwargs):
    return GUARD


class ModelNew(Model):
    def forward(self, *args):
        _DRT_STATUS["accelerated"] += 1
        BODY
)";

class ClockTest : public testing::Test {
 protected:
  CheckReport Check(std::string guard, const std::string& body, double timeout_s = 120) {
    std::string text = kModule;
    text.replace(text.find("GUARD"), 5, guard);
    text.replace(text.find("BODY"), 4, body);
    const std::filesystem::path path = folder_.path() / "model_triton.py";
    WriteFileAtomically(path, text);
    Clock clock({.module = path, .device = "cpu", .timeout_s = timeout_s});
    return clock.Check(path, results());
  }
  std::filesystem::path results() const { return folder_.path() / "results.tensors"; }

  ScratchFolder folder_;
};

TEST_F(ClockTest, WritesTheResultsOfAnHonestModule) {
  const CheckReport report = Check("(None, *args)", "return super().forward(*args)");
  EXPECT_TRUE(report.ran) << report.failure;
  EXPECT_TRUE(report.fast_path);
  const std::string written = ReadFile(results());
  EXPECT_NE(written.find("\"result:0\""), std::string::npos);
  EXPECT_NE(written.find("\"result:1\""), std::string::npos);
}

TEST_F(ClockTest, TellsWhyTheKernelsDidNotRun) {
  const CheckReport report = Check("'the moon is full'", "return super().forward(*args)");
  EXPECT_TRUE(report.ran);
  EXPECT_FALSE(report.fast_path);
  EXPECT_EQ(report.failure, "the moon is full");
}

TEST_F(ClockTest, NoticesStaleParameters) {
  const CheckReport report =
      Check("(None, *args)", "self.__dict__.setdefault('old', self.weight.clone())\n        return args[0] * self.old, args[0].sum()");
  EXPECT_FALSE(report.ran);
  EXPECT_NE(report.failure.find("old ones"), std::string::npos) << report.failure;
}

TEST_F(ClockTest, TellsExceptionsAndEnds) {
  EXPECT_EQ(Check("(None, *args)", "raise ValueError('broken')").failure, "ValueError: broken");
  EXPECT_NE(Check("(None, *args)", "import os; os._exit(7)").failure.find("status 7"), std::string::npos);
  const CheckReport slow = Check("(None, *args)", "import time; time.sleep(600)", 15);
  EXPECT_FALSE(slow.ran);
  EXPECT_NE(slow.failure.find("limit"), std::string::npos) << slow.failure;
}

TEST_F(ClockTest, TimingWithoutAGpuIsAFailureForEach) {
  WriteFileAtomically(folder_.path() / "model.py", "raise RuntimeError('not now')\n");
  Clock clock({.module = folder_.path() / "model.py", .device = "cuda"});
  const std::vector<Timing> timings = clock.Time({.variants = {folder_.path() / "v.py"}, .compile = true});
  ASSERT_EQ(timings.size(), 3u);
  EXPECT_EQ(timings[1].name, "torch.compile");
  EXPECT_EQ(timings[2].name, "v");
  EXPECT_EQ(timings[2].failure, "RuntimeError: not now");
}

}  // namespace
}  // namespace drtriton
