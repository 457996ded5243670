// Many samples in the order of their index, drawn by several threads.
//
// What comes out depends on the sampler, the seed and the filters alone: the same lines, byte for byte, for any number of
// threads.  Samples are drawn in blocks; at most a few blocks a thread wait for their turn, so memory stays flat.
//
// The filters' effect on the law.  A split keeps a sample or not by its operators (by attributes and shapes for one
// operator): what is left is the law conditioned on the split.  `unique` keeps the first of equal programs: the n-th line is
// drawn from the law conditioned on not being among the lines before, so on a small space small probabilities come up more
// often than the law has them, the more so the larger `count` is; SeenIds may also drop a new program, with a probability
// that is the same for all (at most 4e-7).
#ifndef DRTRITON_SYNTH_GENERATE_H_
#define DRTRITON_SYNTH_GENERATE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "synth/difficulty.h"
#include "synth/sampler.h"
#include "synth/splits.h"

namespace drtriton {

struct GenerateOptions {
  uint64_t seed = 0;
  int64_t count = 1;           // lines
  bool unique = false;         // no program twice (by canonical id)
  std::optional<Split> split;  // only this part
  int threads = 1;
  bool lines = true;           // make Generated::line
};

// One sample that passed the filters.
struct Generated {
  Sample sample;
  std::string id;
  Split split = Split::kTrain;
  Difficulty difficulty;
  std::string line;  // with its end; empty without GenerateOptions::lines
};

struct GenerateSummary {
  int64_t written = 0;
  int64_t drawn = 0;        // the index behind the last sample that was looked at
  int64_t repeats = 0;      // dropped by `unique`
  int64_t seen_bytes = 0;   // memory of `unique`
};

// Calls `take` with `count` samples, in order, on the calling thread.  Throws UserError when the space has too few (no new
// sample among very many draws), and on Ctrl-C.
GenerateSummary Generate(const Sampler& sampler, const GenerateOptions& options,
                         const std::function<void(const Generated&)>& take);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_GENERATE_H_
