// See verifier.h.  Candidates are executed from the farm's callback: while one runs on the device the farm's workers
// go on compiling the next.
#include "verify/verifier.h"

#include <utility>

#include "base/log.h"
#include "verify/compiled_judge.h"
#include "verify/kept_verdicts.h"

namespace drtriton {

Verifier::Verifier(CompileFarm& farm, Executor& executor, Store* store)
    : farm_(farm), executor_(executor), store_(store) {}

std::vector<Judgement> Verifier::JudgeAll(const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                          const std::function<void(size_t, const Judgement&)>& finished) {
  std::vector<CompileRequest> requests;
  for (const Candidate& candidate : candidates) {
    CompileRequest request;
    request.fragment = candidate.fragment;
    request.source = candidate.proposal->source;
    request.strict = options.strict;
    requests.push_back(std::move(request));
  }
  return JudgeRequests(requests, options, finished);
}

std::vector<Judgement> Verifier::JudgeRequests(const std::vector<CompileRequest>& requests,
                                               const JudgeOptions& options,
                                               const std::function<void(size_t, const Judgement&)>& finished) {
  std::vector<Judgement> judgements(requests.size());
  KeptVerdicts kept(store_, executor_.device_name(), options);
  std::vector<CompileRequest> fresh;
  std::vector<size_t> places;
  CompiledJudge judge(executor_, options);
  for (size_t i = 0; i < requests.size(); ++i) {
    if (std::optional<Judgement> known = kept.Find(requests[i])) {
      judgements[i] = std::move(*known);
      if (finished) finished(i, judgements[i]);
      continue;
    }
    judge.Expect(requests[i].fragment);
    fresh.push_back(requests[i]);
    places.push_back(i);
  }
  farm_.CompileAll(fresh, [&](size_t index, const CompileResult& result) {
    Judgement& judgement = judgements[places[index]];
    judgement = judge.Judge(fresh[index], result);
    kept.Keep(fresh[index], judgement);
    Debug(fresh[index].fragment->id + ": " + (judgement.verdict.accepted() ? "accepted" : judgement.verdict.code));
    if (finished) finished(places[index], judgement);
  });
  return judgements;
}

}  // namespace drtriton
