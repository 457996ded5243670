// How many candidates a second come to a verdict: the rate that learning from verdicts lives on.
//
// Programs are sampled, the expert writes several schedules of each, and all of them are judged at once, as the
// inner loop of reinforcement learning does it; a few accepted ones are then evaluated the usual way, each in a fresh
// Python process that runs candidate and reference in PyTorch (python/drtriton/fresh_evaluation.py).
#ifndef DRTRITON_BENCH_VERIFY_H_
#define DRTRITON_BENCH_VERIFY_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "execute/executor.h"
#include "synth/sampler.h"

namespace drtriton {

struct VerifyBench {
  int programs = 250;       // of one to five operators, as many of each
  int candidates = 8;       // of one program at most
  int usual = 5;            // candidates evaluated the usual way too; 0: none
  int lanes = 0;            // executors on each GPU; 0: as many as the cores feed
  int workers = 0;          // forks that compile at once; 0: one a core
  double seconds = 0;       // judging ends after this; 0: with the last candidate
  std::filesystem::path store;   // verdicts are kept here, and a later run goes on where this one ended; empty: nowhere
  uint64_t seed = 1;
  SizeClass size = SizeClass::kMixed;
  DeviceChoice device = DeviceChoice::kAuto;
};

// Markdown: programs, candidates, kernels, verdicts by code, candidates/s and kernels/s with and without the start of the
// processes, what the time went to, how busy the GPU was, seconds of a usual evaluation and the ratio.
std::string RunVerifyBench(const VerifyBench& bench);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_VERIFY_H_
