// How fast programs are sampled: rates a core, scaling over threads, memory over a long run.
#ifndef DRTRITON_BENCH_SYNTH_H_
#define DRTRITON_BENCH_SYNTH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "synth/sampler.h"

namespace drtriton {

struct SynthBench {
  std::vector<int> ops = {1, 2, 5, 20};
  double seconds = 1;       // for each figure
  int threads = 1;          // scaling is shown up to here
  int64_t long_run = 1'000'000;  // programs over which memory is watched; 0: left out
  uint64_t seed = 1;
  SamplerOptions sampler;   // `ops` is replaced
};

// Markdown: programs/s of one thread drawing graphs, with their text, and whole lines; lines/s by threads; resident memory.
std::string RunSynthBench(const SynthBench& bench);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_SYNTH_H_
