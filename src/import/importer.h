// Importer: a user's module file -> Program and the values it was checked with.
//
// The module is imported, exported (torch.export under fake tensors) and really run once in a Python worker, never in
// this process.
#ifndef DRTRITON_IMPORT_IMPORTER_H_
#define DRTRITON_IMPORT_IMPORTER_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "graph/program.h"

namespace drtriton {

class Process;

struct ImportOptions {
  std::string device = "cpu";  // "cuda" or "cpu": where the module is really run, and whose strides the Program has
  bool training = false;       // --mode train: as the constructor leaves it; else model.eval()
  uint64_t seed = 0;           // torch.manual_seed before the constructor and before get_inputs()
  bool other_batch = false;  // also at another batch size, where the module runs with one
  bool digests = false;    // of parameters and buffers, to match a candidate's that are named otherwise
  double timeout_s = 300;
  // Above this estimate a CPU run of the module happens at reduced sizes (leading dimension of the inputs).
  double max_cpu_flops = 3e10;  // the reference takes some thirty times as long: float64, several input sets
};

struct ImportedModule {
  Program program;  // at the module's own sizes
  // Values by name: every leaf of `program` (own inputs included), then "result:<i>" for each result leaf and
  // "mutation:<i>" for each mutation as the real module produced them.  Empty path when the module was not run at its
  // own sizes.
  std::filesystem::path tensors;
  // When the real run had to be at reduced sizes: the Program exported at those sizes and its values.
  bool reduced = false;
  Program reduced_program;
  std::filesystem::path reduced_tensors;
  // When asked for: the module at another batch size (the leading dimension of its inputs), nullopt where it does not run.
  struct OtherBatch {
    Program program;
    std::filesystem::path tensors;
    int64_t rows = 0, other_rows = 0;  // before and now
  };
  std::optional<OtherBatch> other_batch;
  std::map<std::string, std::string> digests;  // when asked for: of values as constructed, by parameter and buffer
  std::string source;                          // the user's file, as read
  double seconds = 0;
};

// Imports one module after another in a warm worker: PyTorch is imported once, and each module runs in a fork of the
// worker, so that none meets what another left behind.  Not thread-safe; several Importers work side by side.
class Importer {
 public:
  explicit Importer(int64_t memory_limit_bytes = 0);  // of a worker and its fork; 0: none
  ~Importer();

  // Starts the worker ahead of the first Import(): importing PyTorch takes seconds.
  void Warm();

  // Files are written under `folder`.  Throws UserError with one sentence for every kind of bad module: missing, empty,
  // binary or a folder; syntax error (line); missing import (which); no Model; a constructor, get_inputs or forward that
  // raises (what and where), hangs (limit), exits (status) or eats memory (limit); inputs that do not fit forward;
  // control flow on values; results that are not tensors.
  ImportedModule Import(const std::filesystem::path& module, const ImportOptions& options,
                        const std::filesystem::path& folder);

 private:
  int64_t memory_limit_bytes_;
  std::unique_ptr<Process> worker_;
};

}  // namespace drtriton

#endif  // DRTRITON_IMPORT_IMPORTER_H_
