// PairPipeline: many candidates judged against their modules, every part of the machine at work.
//
//   modules ──import──▶ groups ──compile──▶ candidates ──execute──▶ verdicts
//
// The pairs of one module are a group.  A few threads import modules (each with a warm worker of its own) and have the
// group's candidates compiled; one thread for each executor (several on each GPU of this host) takes groups in the order in
// which they were imported, loads the module once and executes candidates as they come out of the compiler.  So the devices
// work while the next modules are imported and compiled, and reference values are shared by a module's candidates.
#ifndef DRTRITON_CLI_PAIR_PIPELINE_H_
#define DRTRITON_CLI_PAIR_PIPELINE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "cli/verification.h"
#include "core/verdict.h"
#include "verify/pairs.h"

namespace drtriton {

class PairPipeline {
 public:
  explicit PairPipeline(const VerifyArguments& arguments);   // outlives the pipeline
  ~PairPipeline();

  // Calls `judged` once for each pair, in order, from one thread at a time.  A module or candidate that cannot be read is
  // an error of code "bad_file".  After Interrupted() the rest are errors of code "interrupted".
  void Run(const std::vector<Pair>& pairs, const std::function<void(size_t index, const Verdict&)>& judged);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drtriton

#endif  // DRTRITON_CLI_PAIR_PIPELINE_H_
