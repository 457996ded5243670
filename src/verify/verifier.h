// Verifier: the Judge.  Rules and compilation (compile/), execution and numerics (execute/), answers kept (store/).
#ifndef DRTRITON_VERIFY_VERIFIER_H_
#define DRTRITON_VERIFY_VERIFIER_H_

#include <functional>
#include <vector>

#include "compile/farm.h"
#include "core/judge.h"
#include "execute/executor.h"
#include "store/store.h"

namespace drtriton {

// What a Verifier did so far; times are summed over its executors.
struct VerifierTimes {
  int kept = 0;            // candidates that the store answered
  double working_s = 0;    // reference values and candidates
  double compiler_s = 0;   // waiting for a compiled candidate
  double idle_s = 0;       // nothing left to take while others still worked
};

class Verifier : public Judge {
 public:
  // `store` may be null.  All three outlive the Verifier.  Not thread-safe.
  Verifier(CompileFarm& farm, Executor& executor, Store* store);
  // Executors that work side by side (MakeExecutors), at least one.  The candidates of a fragment stay together, so that
  // they share reference values, but for many of one fragment.
  Verifier(CompileFarm& farm, std::vector<Executor*> executors, Store* store);

  std::vector<Judgement> JudgeAll(const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                  const std::function<void(size_t, const Judgement&)>& finished) override;

  const VerifierTimes& times() const { return times_; }

 private:
  class Run;

  CompileFarm& farm_;
  std::vector<Executor*> executors_;
  Store* store_;
  VerifierTimes times_;
};

}  // namespace drtriton

#endif  // DRTRITON_VERIFY_VERIFIER_H_
