// The fixed synthetic benchmark: levels of 1, 2, 5 and 20 operators, 100 programs each, from a published seed.
//
//   DIR/index.json             {"format", "seed", "size", "law", "split", "programs": [{"file", "level", "id", "operators", ...}]}
//   DIR/level1/001_gelu.py     a module in KernelBench's convention each
//   DIR/level2/...  DIR/level5/...  DIR/level20/001.py
//
// All programs are of the split `test` (synth/splits.h), so nothing trained on the split `train` has met one of their
// operator multisets (at level 1: the attributes and shapes).  No program occurs twice.
#ifndef DRTRITON_SYNTH_SUITE_H_
#define DRTRITON_SYNTH_SUITE_H_

#include <cstdint>
#include <filesystem>

#include "synth/sampler.h"

namespace drtriton {

inline constexpr uint64_t kSuiteSeed = 260321465;
inline constexpr int kSuiteLevels[] = {1, 2, 5, 20};
inline constexpr int kSuitePrograms = 100;  // a level

// `options` gives size class, law and the like; `ops` is each level's.  Throws UserError when the folder exists and is not
// empty, or cannot be written; then nothing is left behind.
void WriteSuite(const std::filesystem::path& folder, SamplerOptions options, uint64_t seed = kSuiteSeed, int threads = 1);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SUITE_H_
