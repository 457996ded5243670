// Training pairs as token files: what training reads (policy/token_file.h).
//
// Of each program the `best` usable answers are taken, the fastest first where they were timed, else in the expert's order.
// A program that comes up again in another unit, and a source that was there already, are left out; so is what is longer than
// the model's context.  A file a split: OUT/train-000.tokens, OUT/validation-000.tokens ...
// Files of those names that an earlier packing left are removed at the end.
#ifndef DRTRITON_PAIRS_PACK_H_
#define DRTRITON_PAIRS_PACK_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "language/tokenizer.h"

namespace drtriton {

struct PackOptions {
  int best = 1;                                // answers of one program
  int64_t longest = 4096;                      // tokens of a sample
  int64_t file_tokens = int64_t{64} << 20;     // about so many a file
};

struct PackSummary {
  int64_t shards = 0;
  int64_t programs = 0;
  int64_t samples = 0;
  int64_t tokens = 0;
  int64_t unverified = 0;    // samples
  int64_t too_long = 0;      // samples left out
  int64_t repeats = 0;       // programs or sources left out
  int64_t longest = 0;       // tokens of the longest sample that was taken
  std::map<std::string, int64_t> splits;   // samples
};

// Throws UserError naming a shard that is damaged, a folder without any, an output that cannot be written.
PackSummary PackPairs(const std::filesystem::path& pairs, const std::filesystem::path& out, const Tokenizer& tokenizer, const PackOptions& options);

}  // namespace drtriton

#endif  // DRTRITON_PAIRS_PACK_H_
