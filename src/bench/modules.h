// The benchmark of module files: each is converted in a process of its own, which measures eager PyTorch, torch.compile
// and the converted module in one run, interleaved.  `bench examples` and `bench models` are two folders of it.
#ifndef DRTRITON_BENCH_MODULES_H_
#define DRTRITON_BENCH_MODULES_H_

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"

namespace drtriton {

// What is measured of each module file: the file as it stands, or a variant of it (variants.h).
struct ModuleVariant {
  std::string suffix;              // of the module's name: "_bf16_few"; empty for the file as it stands
  std::vector<std::string> tags;
};

// In float32 and bfloat16, each at the sizes that stand in the file and at those of tag "few".
std::vector<ModuleVariant> DtypeAndBatchVariants();
// Both dtypes at the sizes of tag "small", for a CPU.
std::vector<ModuleVariant> SmallVariants();

struct ModulesBench {
  std::filesystem::path folder;                // module files, *.py
  std::filesystem::path results;               // one JSON report a run; those already there are not measured again
  std::vector<ModuleVariant> variants{{}};
  std::vector<std::string> only;               // names of modules, with or without a variant's suffix; all when empty
  std::vector<std::string> options;            // passed on to convert
  bool max_autotune = false;                   // torch.compile in its mode max-autotune-no-cudagraphs is a rival too
};

// One module to measure.
struct ModuleRun {
  std::string name;                // of its report: the file's stem and the variant's suffix
  std::filesystem::path module;    // variants are written to `results`/modules
  std::string group;               // of the table of means: what bounds it, dtype and batch; may be empty
};

// The runs of a bench, variants' files written.  Throws UserError when there is none.
std::vector<ModuleRun> ListRuns(const ModulesBench& bench);

// Measures what is missing and returns the table of all results as Markdown (modules_table.cc).
std::string RunModulesBench(const ModulesBench& bench);

// What is known of a run: its report, an empty object where there is none.
struct ModuleResult {
  ModuleRun run;
  Json report;
};

// Device time and the caller's wall time of each side, and the ratios.  Modules that could not be converted are rows with
// the reason.  Behind it, where groups are named, the geometric means over each group.
std::string ModulesTable(const std::vector<ModuleResult>& results, bool max_autotune);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_MODULES_H_
