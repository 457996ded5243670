// What `verify --batch` reads: pairs of a module and a candidate that claims to replace it.
#ifndef DRTRITON_VERIFY_PAIRS_H_
#define DRTRITON_VERIFY_PAIRS_H_

#include <filesystem>
#include <vector>

namespace drtriton {

struct Pair {
  std::filesystem::path module;
  std::filesystem::path candidate;
};

// A file of lines {"module": path, "candidate": path}; empty lines do not count, other members are left alone.  Throws
// UserError naming the line; also for a file without pairs.
std::vector<Pair> ReadPairs(const std::filesystem::path& path);

}  // namespace drtriton

#endif  // DRTRITON_VERIFY_PAIRS_H_
