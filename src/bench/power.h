// The power of the verifier: which mutants (execute/mutants.h) of given modules the inputs and the numerics contract
// refuse.
#ifndef DRTRITON_BENCH_POWER_H_
#define DRTRITON_BENCH_POWER_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "execute/executor.h"
#include "synth/sampler.h"

namespace drtriton {

struct PowerBench {
  std::vector<std::filesystem::path> modules;  // module files, or folders of them
  // JSON lines: {"graph": Program} (what `synth` writes), else {"module": path} or {"source": text}.
  std::filesystem::path programs;
  size_t count = 0;      // of `programs` at most; 0: all
  size_t sampled = 0;    // programs drawn here, a quarter each of one, two, three and five operators
  SizeClass size = SizeClass::kTiny;
  double seconds = 20;   // for the mutants of one module
  DeviceChoice device = DeviceChoice::kAuto;
  uint64_t seed = 0;   // of inputs; programs of K operators are drawn from seed + K
};

struct PowerRow {
  std::string name;
  std::string failure;                  // why it could not be measured; the rest is empty then
  std::vector<MutantReport> mutants;    // of outcome "rejected" or "survived"
};

// Measures one after the other; a module that cannot be imported or evaluated is a row with the reason.
std::vector<PowerRow> MeasurePower(const PowerBench& bench);

// A Markdown table (a row a module, the totals last), then the survivors that no rule excuses.
std::string PowerTable(const std::vector<PowerRow>& rows);
Json ToJson(const std::vector<PowerRow>& rows);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_POWER_H_
