// The benchmark of the verdict itself: a folder of candidates that cheat and of honest ones, each saying which verdict it
// must get (docs/trust.md).  All are judged by `drtriton verify --batch` in a process of its own.
//
// The folder holds `modules/*.py`, `honest/*.py` and `cheats/KIND/*.py`.  A candidate begins with comment lines
//   # module: NAME              the module that it claims to replace
//   # mode: hybrid              how it is judged; strict when left out
//   # shows: on a GPU           where its fault can be seen; anywhere when left out
//   # expect: VERDICT STAGE CODE[|CODE...]
// A stage that follows from its code differs where a code may be given at several; it is not compared then ("any").
#ifndef DRTRITON_BENCH_TRUST_H_
#define DRTRITON_BENCH_TRUST_H_

#include <filesystem>
#include <string>
#include <vector>

namespace drtriton {

struct TrustCandidate {
  std::string kind;                // folder below cheats/, or "honest"
  std::string name;                // stem of the file
  std::filesystem::path path;
  std::string module;
  std::string mode = "strict";
  bool gpu_only = false;
  std::string verdict, stage;
  std::vector<std::string> codes;  // any of them is right
};

// Candidates in a fixed order.  Throws UserError naming a file whose first lines do not say what is needed.
std::vector<TrustCandidate> ReadTrustCandidates(const std::filesystem::path& folder);

struct TrustBench {
  std::filesystem::path folder;
  std::vector<std::string> only;   // kinds, or names of candidates; all when empty
  size_t every = 1;                // judges the first of each `every` candidates of a kind
  bool gpu = false;                // else under the interpreter, without what shows only on a GPU
  double timeout_s = 10;           // for each stage of one candidate
};

struct TrustReport {
  std::string table;    // Markdown: a row a kind, then what went wrong
  bool all_right = false;
};
TrustReport RunTrustBench(const TrustBench& bench);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_TRUST_H_
