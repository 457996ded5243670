// Whether `verify` refuses mutants of Triton candidates (source_mutants.h).
#ifndef DRTRITON_BENCH_SOURCE_POWER_H_
#define DRTRITON_BENCH_SOURCE_POWER_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace drtriton {

struct SourcePowerBench {
  std::filesystem::path pairs;          // JSON lines {"module": path, "candidate": path}; the candidates are right
  size_t mutants = 40;                  // of each candidate at most, drawn by `seed`; 0: all
  uint64_t seed = 0;
  std::vector<std::string> options;     // passed on to verify (--device, --timeout)
};

struct SourceMutantReport {
  std::string candidate;
  std::string kind;
  int line = 0;
  std::string change;
  std::string code;    // of its verdict; "ok": it was accepted
  std::string rule;    // by which an accepted one is equal; empty: none
};

// Judges every candidate, then its mutants, with `drtriton verify --batch --hybrid`.  A candidate that is not accepted itself
// is left out, with a warning.
std::vector<SourceMutantReport> MeasureSourcePower(const SourcePowerBench& bench);

// By kind: how many were refused, how many are equal by a rule; then the survivors.
std::string SourcePowerTable(const std::vector<SourceMutantReport>& reports);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_SOURCE_POWER_H_
