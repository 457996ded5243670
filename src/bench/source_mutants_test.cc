#include "bench/source_mutants.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "bench/source_power.h"

namespace drtriton {
namespace {

constexpr const char* kSource = R"(import torch
LIMIT = 0.5 * 2

@triton.jit
def k(x, o, n, B: tl.constexpr):
    # tl.maximum( in a comment
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i * 24, mask=i < n, other=0.0)
    acc = tl.zeros((B,), tl.float32)
    for j in range(0, n, B):
        acc += tl.exp(v) * 0.125
    tl.debug_barrier()
    tl.store(o + i, tl.maximum(acc, v), mask=i < n)


def launch(x):
    return tl.maximum(x)
)";

bool Has(const std::vector<SourceMutant>& mutants, const std::string& kind, const std::string& text) {
  return std::any_of(mutants.begin(), mutants.end(), [&](const SourceMutant& mutant) { return mutant.kind == kind && mutant.source.find(text) != std::string::npos; });
}

TEST(SourceMutantsTest, EachKindChangesItsPlace) {
  const auto mutants = MakeSourceMutants(kSource);
  EXPECT_TRUE(Has(mutants, "mask", "v = tl.load(x + i * 24)\n"));
  EXPECT_TRUE(Has(mutants, "mask", "tl.store(o + i, tl.maximum(acc, v))\n"));
  EXPECT_TRUE(Has(mutants, "mask", "mask=i <= n, other=0.0"));
  EXPECT_TRUE(Has(mutants, "stride", "i * (24 + 1)"));
  EXPECT_TRUE(Has(mutants, "bound", "range(0, n - B, B)"));
  EXPECT_TRUE(Has(mutants, "accumulator", "tl.zeros((B,), tl.bfloat16)"));
  EXPECT_TRUE(Has(mutants, "race", "    pass\n    tl.store"));
  EXPECT_TRUE(Has(mutants, "constant", "(0.125 * 1.25)"));
  EXPECT_TRUE(Has(mutants, "operator", "tl.minimum(acc, v)"));
}

TEST(SourceMutantsTest, OnlyKernelsChange) {
  for (const SourceMutant& mutant : MakeSourceMutants(kSource)) {
    EXPECT_NE(mutant.source.find("LIMIT = 0.5 * 2"), std::string::npos) << mutant.change;
    EXPECT_NE(mutant.source.find("return tl.maximum(x)"), std::string::npos) << mutant.change;
    EXPECT_NE(mutant.source.find("# tl.maximum( in a comment"), std::string::npos) << mutant.change;
    EXPECT_NE(mutant.source, kSource);
  }
}

TEST(SourceMutantsTest, AMaskThatIsLeftOutHasAProbe) {
  for (const SourceMutant& mutant : MakeSourceMutants(kSource)) {
    if (mutant.kind == "mask" && mutant.change.find("<=") == std::string::npos) {
      EXPECT_NE(mutant.probe.find("    tl.device_assert(i < n)\n"), std::string::npos) << mutant.change;
    }
  }
}

TEST(SourcePowerTableTest, CountsByKindAndListsSurvivors) {
  const std::string text = SourcePowerTable({{"a.py", "mask", 3, "`x` -> `y`", "illegal_access", ""}, {"a.py", "mask", 4, "`x` -> `y`", "ok", "a mask that lets everything through"}, {"a.py", "stride", 5, "`p` -> `q`", "ok", ""}});
  EXPECT_NE(text.find("| mask | 2 | 1 | 1 | 100.00% |"), std::string::npos) << text;
  EXPECT_NE(text.find("| **all** | 3 | 1 | 1 | 50.00% |"), std::string::npos) << text;
  EXPECT_NE(text.find("- a.py line 5, stride: `p` -> `q`"), std::string::npos) << text;
}

TEST(SourceMutantsTest, ProbesSayByWhatTheyProve) {
  size_t programs = 0, lanes = 0, widened = 0;
  for (const SourceMutant& mutant : MakeSourceMutants(kSource)) {
    EXPECT_EQ(mutant.probe.empty(), mutant.rule.empty()) << mutant.change;
    if (mutant.change.find("program_id(1)") != std::string::npos) programs += mutant.probe.find("tl.device_assert(tl.program_id(0) == tl.program_id(1))") != std::string::npos;
    if (mutant.change.find("other=1.0") != std::string::npos) lanes += mutant.probe.find("other=float('nan')") != std::string::npos;
    if (mutant.change.find("<=") != std::string::npos) widened += mutant.probe.find("tl.device_assert(i < n)") != std::string::npos;
  }
  EXPECT_EQ(programs, 1u);
  EXPECT_EQ(lanes, 1u);
  EXPECT_EQ(widened, 2u);
}

}  // namespace
}  // namespace drtriton
