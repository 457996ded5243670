// Training pairs on disk: one file a unit of work, `unit-000012.pairs`, a sealed file (policy/sealed_file.h: checksum, whole or
// not there) whose payload is a zstd frame of JSON lines, one a pair:
//
//   {"id", "split", "ops", "law", "seed", "index", "operators", "families", "task", "plan", "source", "source_sha256",
//    "verified", "verdict"}
//
// `task`, `plan` and `source` are the texts that language/ makes and parses; `verdict` is the judgement that the candidate got
// (accepted or not), null for a pair that nobody judged.  docs/formats.md.
#ifndef DRTRITON_PAIRS_PAIR_SHARD_H_
#define DRTRITON_PAIRS_PAIR_SHARD_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "core/verdict.h"

namespace drtriton {

struct TrainingPair {
  std::string id;                       // canonical id of the program
  std::string split;                    // "train", "validation", "test"
  int ops = 0;
  std::string law;
  uint64_t seed = 0;
  uint64_t index = 0;
  std::vector<std::string> operators;
  std::vector<std::string> families;    // of the kernels, sorted
  std::string task, plan, source;
  std::optional<Verdict> verdict;       // nullopt: not judged, kept on its family's record

  bool usable() const { return !verdict || verdict->accepted(); }
};

Json ToJson(const TrainingPair& pair);
TrainingPair TrainingPairFromJson(const Json& json);   // throws UserError naming the member

std::filesystem::path ShardPath(const std::filesystem::path& folder, int64_t unit);

// Replaces the file atomically.
void WritePairShard(const std::filesystem::path& path, int64_t unit, const std::vector<TrainingPair>& pairs);
// Throws UserError naming the path: missing, cut off, damaged, not understood.
std::vector<TrainingPair> ReadPairShard(const std::filesystem::path& path);

}  // namespace drtriton

#endif  // DRTRITON_PAIRS_PAIR_SHARD_H_
