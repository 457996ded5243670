// Clock: modules as a user runs them, in a Python process of their own (python/drtriton/clock.py).
//
// Checking and timing of emitted files against the module they came from, with nothing of ours between the caller and
// the code: eager PyTorch, torch.compile and any number of variants, interleaved in one run.
#ifndef DRTRITON_BENCH_CLOCK_H_
#define DRTRITON_BENCH_CLOCK_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/report.h"

namespace drtriton {

class Process;

struct ClockOptions {
  std::filesystem::path module;   // the user's file; its folder is importable
  std::string device = "cuda";    // "cuda", or "cpu": the emitted kernels then run under Triton's interpreter
  bool training = false;          // --mode train
  uint64_t seed = 0;              // as in ImportOptions
  double timeout_s = 300;
  int compile_threads = 1;        // of torch.compile; with more it starts processes that hold 360 MB together
};

struct CheckReport {
  bool ran = false;
  bool fast_path = false;         // the verified kernels ran, not the fallback
  std::string failure;            // one sentence, when it did not run
};

// One Python process, which lives as long as the Clock (a request that times out or crashes ends it; the next starts
// another).  A Clock that is used for nothing else before checks and times a module as its user's own process would.
// Not thread-safe.
class Clock {
 public:
  explicit Clock(ClockOptions options);
  ~Clock();

  // Starts the process ahead of the first request: importing PyTorch takes seconds.
  void Warm();

  // Starts making the module, its inputs and, if asked for, what torch.compile makes of it, for a later Time(); returns at
  // once.  What fails here is told by Time().  GPU only.
  void Prepare(bool compile);

  // Runs ModelNew of `emitted` on the module's own inputs and writes "result:<i>" and "mutation:<i>" to `results`
  // (docs/formats.md).  Never throws for what the emitted file does.
  CheckReport Check(const std::filesystem::path& emitted, const std::filesystem::path& results);

  struct TimeRequest {
    std::vector<std::filesystem::path> variants;   // emitted files
    bool eager = true;
    bool compile = false;         // torch.compile(module) in its default mode
    bool max_autotune = false;    // and in its mode max-autotune-no-cudagraphs, which compiles for minutes
    bool wall = false;            // the caller's time per call too
    double budget_s = 20;         // for sampling
    double ready_s = 300;         // variants that come later than this, because others compile, fail
  };
  // Timings in the order: "eager", "torch.compile", "torch.compile max-autotune-no-cudagraphs" (each if asked), then one a
  // variant, named by its file stem.
  // A variant that fails carries its failure; the others go on.  GPU only.
  std::vector<Timing> Time(const TimeRequest& request);

 private:
  // The answer, or in `problem` one sentence why there is none.
  std::optional<Json> Ask(const Json& request, double timeout_s, std::string& problem);
  std::optional<Json> Answer(double timeout_s, std::string& problem);
  // What every request says about the module.
  Json Request(const char* verb) const;

  ClockOptions options_;
  std::unique_ptr<Process> process_;
  bool preparing_ = false;   // the answer to Prepare() has not been read yet
};

}  // namespace drtriton

#endif  // DRTRITON_BENCH_CLOCK_H_
