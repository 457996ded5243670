// CompiledJudge: the second half of judging, from what the farm compiled to a verdict.
#ifndef DRTRITON_VERIFY_COMPILED_JUDGE_H_
#define DRTRITON_VERIFY_COMPILED_JUDGE_H_

#include <memory>

#include "compile/farm.h"
#include "core/judge.h"
#include "execute/executor.h"

namespace drtriton {

// Judges what the farm compiled, on one executor.  For callers that compile ahead in other threads; a Verifier does
// both.  Not thread-safe.
class CompiledJudge {
 public:
  CompiledJudge(Executor& executor, JudgeOptions options);
  ~CompiledJudge();

  // One more candidate of this fragment will come: reference values are kept until the last was judged.
  void Expect(const Fragment* fragment);
  // Makes the reference values of an expected fragment now; why they cannot be made is in the verdicts of its candidates.
  void Prepare(const Fragment* fragment);
  Judgement Judge(const CompileRequest& request, const CompileResult& result);

 private:
  class Problems;
  Judgement Execute(const CompileRequest& request, const CompileResult& result);

  Executor& executor_;
  JudgeOptions options_;
  std::unique_ptr<Problems> problems_;
};

}  // namespace drtriton

#endif  // DRTRITON_VERIFY_COMPILED_JUDGE_H_
