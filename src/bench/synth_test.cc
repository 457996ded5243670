#include "bench/synth.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

TEST(SynthBench, TellsRatesScalingAndMemory) {
  SynthBench bench{.ops = {1, 3}, .seconds = 0.01, .threads = 2, .long_run = 200};
  bench.sampler.operators = {"relu", "add", "linear"};
  bench.sampler.size = SizeClass::kTiny;
  const std::string text = RunSynthBench(bench);
  for (const char* part : {"\n| 1 | ", "\n| 3 | ", "| 2 | ", "MiB after 200;", "lines/s"}) {
    EXPECT_NE(text.find(part), text.npos) << part << "\n" << text;
  }
}

}  // namespace
}  // namespace drtriton
