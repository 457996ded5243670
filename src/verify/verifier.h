// Verifier: the Judge.  Rules and compilation (compile/), execution and numerics (execute/), answers kept (store/).
#ifndef DRTRITON_VERIFY_VERIFIER_H_
#define DRTRITON_VERIFY_VERIFIER_H_

#include <functional>
#include <string>
#include <vector>

#include "compile/farm.h"
#include "core/judge.h"
#include "execute/executor.h"
#include "store/store.h"

namespace drtriton {

class Verifier : public Judge {
 public:
  // `store` may be null.  All three outlive the Verifier.  Not thread-safe.
  Verifier(CompileFarm& farm, Executor& executor, Store* store);

  std::vector<Judgement> JudgeAll(const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                  const std::function<void(size_t, const Judgement&)>& finished) override;

  // Judges requests of either form (a user's ModelNew too); `fragment` of each is set.
  std::vector<Judgement> JudgeRequests(const std::vector<CompileRequest>& requests, const JudgeOptions& options,
                                       const std::function<void(size_t, const Judgement&)>& finished);

 private:
  CompileFarm& farm_;
  Executor& executor_;
  Store* store_;
};

}  // namespace drtriton

#endif  // DRTRITON_VERIFY_VERIFIER_H_
