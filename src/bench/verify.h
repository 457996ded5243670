// How many candidates a second come to a verdict: the rate that learning from verdicts lives on.
//
// Programs are sampled, the expert writes several schedules of each, and all of them are judged at once, as the
// inner loop of reinforcement learning does it; a few accepted ones are then evaluated the usual way, each in a fresh
// Python process that runs candidate and reference in PyTorch (python/drtriton/fresh_evaluation.py).
#ifndef DRTRITON_BENCH_VERIFY_H_
#define DRTRITON_BENCH_VERIFY_H_

#include <cstdint>
#include <string>

#include "execute/executor.h"
#include "synth/sampler.h"

namespace drtriton {

struct VerifyBench {
  int programs = 250;       // of one to five operators, as many of each
  int candidates = 8;       // of one program at most
  int usual = 5;            // candidates evaluated the usual way too; 0: none
  uint64_t seed = 1;
  SizeClass size = SizeClass::kMixed;
  DeviceChoice device = DeviceChoice::kAuto;
};

// Markdown: programs, candidates, kernels, verdicts by code, candidates/s and kernels/s, the share of the time in which
// the device was at work, seconds of a usual evaluation and the ratio.
std::string RunVerifyBench(const VerifyBench& bench);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_VERIFY_H_
