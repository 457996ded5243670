// Judge: decides what a proposal is worth.  verify/ implements it; search/ and train/ see only this.
#ifndef DRTRITON_CORE_JUDGE_H_
#define DRTRITON_CORE_JUDGE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/fragment.h"
#include "core/launch_plan.h"
#include "core/proposal.h"
#include "core/verdict.h"

namespace drtriton {

struct JudgeOptions {
  bool strict = false;        // refuse vendor steps
  bool timed = true;          // measure accepted candidates (on a GPU)
  bool wall = false;          // also time a foreign module as its caller sees it (on a GPU)
  bool quick_timing = false;  // times within 4% instead of 2%: one of thousands (execute/timing.h)
  uint64_t seed = 0;
  bool compile_only = false;  // stop after the LaunchPlan: "accepted" then means that it compiled
  double timeout_s = 60;      // for each stage of one candidate
  // Asked between candidates, in any thread: once it is true, those that have not been run yet are errors of code "interrupted".
  std::function<bool()> enough;
};

struct Judgement {
  Verdict verdict;
  std::optional<LaunchPlan> plan;   // when the candidate compiled
};

// What is judged: a proposal for a fragment.  Both outlive the call.
struct Candidate {
  const Fragment* fragment = nullptr;
  const Proposal* proposal = nullptr;
};

class Judge {
 public:
  virtual ~Judge() = default;
  // One judgement a candidate, in order.  Candidates compile in parallel and are executed as they come; those of one
  // fragment should be neighbours, since they share its reference values.  `finished` is called as each is done, from
  // the calling thread.  A candidate that crashes or hangs costs itself alone.  When Interrupted() (base/interrupt.h)
  // or `enough` turns true the rest are errors of code "interrupted".
  virtual std::vector<Judgement> JudgeAll(const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                          const std::function<void(size_t index, const Judgement&)>& finished) = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_CORE_JUDGE_H_
