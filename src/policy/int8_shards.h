// Weights as int8 with one scale a row, in shards that a repository can hold (docs/formats.md): how the trained model
// is shipped.  No torch here.
//
// A value is scale * int8 with scale = largest magnitude of its row / 127, so it is off by half a scale at most; norms' vectors
// stay fp32.  Each shard is a sealed file that carries the model's configuration and the name of its set: shards of
// different models, or of different versions of one, never mix.
#ifndef DRTRITON_POLICY_INT8_SHARDS_H_
#define DRTRITON_POLICY_INT8_SHARDS_H_

#include <cstddef>
#include <filesystem>
#include <span>

#include "policy/weights.h"

namespace drtriton {

inline constexpr size_t kLargestShardBytes = size_t{16} << 20;   // a whole file, header included

// True when the folder holds a file that is named like a shard.
bool HasInt8Shards(const std::filesystem::path& folder);

// Reads "weights-1-of-N.int8" ... of `folder`.  Throws UserError, one sentence: which shard is missing, cut off, damaged or of
// another set, or what does not fit.
ModelWeights ReadInt8Shards(const std::filesystem::path& folder);

// Writes them, each atomically, then removes shards of an earlier set.  Throws UserError naming the path and the reason.
void WriteInt8Shards(const std::filesystem::path& folder, const ModelWeights& weights,
                     size_t largest_bytes = kLargestShardBytes);

// Removes what is named like a shard.
void RemoveInt8Shards(const std::filesystem::path& folder);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_INT8_SHARDS_H_
