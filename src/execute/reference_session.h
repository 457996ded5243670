// ReferenceSession: what drtriton-reference does with its requests.
//
// JSON lines; a reply is an object, a failure {"error": {"kind": "user"|"memory"|"internal"|"sticky", "reason"}}; after
// "sticky" the GPU context is of no use, and whoever asks takes another process.
//   (at start)                                          {"ready": true}
//   {"cmd": "load", "program", "tensors", "seed"}       {}
//   {"cmd": "check_module"}                             {"difference": sentence|null}
//   {"cmd": "compare_results", "tensors"}               comparison
//   {"cmd": "prepare", "fragment", "parent_inputs", "parent_results", "fills", "seed"}   {"problem", "sets": [...], "weak": [...], "slow", "seconds", "on_cpu": [...]}
//   {"cmd": "power", "problem", "seconds"}              {"mutants": [{"node", "change", "rule", "outcome", "set"}], "sets": [...]}
//   {"cmd": "release", "problem"}                       {}
//   without a GPU:
//   {"cmd": "write_inputs", "problem", "set", "tensors"}     {}
//   {"cmd": "compare_file", "problem", "set", "tensors"}     comparison
//   on a GPU, on the runner's buffers:
//   {"cmd": "attach", "handle"}, {"cmd": "detach"}      {}
//   {"cmd": "plan", "problem", "plan"}                  {} or {"misfit": {"code", "reason"}}; makes the plan current
//   {"cmd": "place", "set"}                             {}   writes the plan's inputs
//   {"cmd": "steps", "first", "last"}                   {}   copies, fills and vendor steps
//   {"cmd": "compare", "set", "poison"}                 comparison; where it is right, with "remember": true the results are
//                                                       remembered, and with "place": n set n is written
//   {"cmd": "remember"}, {"cmd": "same"}                {}, {"same": bool, "reason"}   "remember" also takes "tensors", a file
//   {"cmd": "ready_eager", "problem"}, {"cmd": "ready_steps", "first", "last"}   {}   what timing needs
//   {"cmd": "time_eager", "problem", "count"}, {"cmd": "time_steps", "first", "last", "count"}   {"times_ms", "captured"}
//   {"cmd": "trim"}                                     {}
// A comparison is {"right", "code", "reason", "rel_err", "ref_rel_err"}.
#ifndef DRTRITON_EXECUTE_REFERENCE_SESSION_H_
#define DRTRITON_EXECUTE_REFERENCE_SESSION_H_

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "core/launch_plan.h"
#include "execute/evaluator.h"
#include "execute/gpu_gate.h"
#include "execute/loaded_program.h"
#include "execute/plan_layout.h"
#include "execute/problem.h"
#include "execute/reference_device.h"

namespace drtriton {

class ReferenceSession {
 public:
  // `sharers` reference processes work on the device; their gate (gpu_gate.h) is in this folder.
  ReferenceSession(at::Device device, int sharers, const std::filesystem::path& gate);
  // Never throws; what goes wrong is in the reply.
  Json Handle(const Json& request);

 private:
  using Handler = Json (ReferenceSession::*)(const Json&);
  static const std::map<std::string, Handler>& Handlers();
  Json HandleInGate(const Json& request);
  void GiveWay();   // lets who waits to measure time do so, between two evaluations

  Json Load(const Json& request);
  Json CheckModule(const Json& request);
  Json CompareResults(const Json& request);
  Json Prepare(const Json& request);
  Json Power(const Json& request);
  Json Release(const Json& request);
  Json WriteInputs(const Json& request);
  Json CompareFile(const Json& request);
  Json Attach(const Json& request);
  Json Detach(const Json& request);
  Json UsePlan(const Json& request);
  Json Place(const Json& request);
  Json Steps(const Json& request);
  Json ComparePlan(const Json& request);
  Json Remember(const Json& request);
  Json Same(const Json& request);
  Json ReadyEager(const Json& request);
  Json TimeEager(const Json& request);
  Json ReadySteps(const Json& request);
  Json TimeSteps(const Json& request);
  Json Trim(const Json& request);

  void AddWeakMutants(Problem& problem, std::vector<std::string>* weak) const;
  void PlaceSet(size_t index);
  TimedWork& EagerOf(const Json& request);
  TimedWork& StepsOf(const Json& request);
  bool IsBroken() const;
  Problem& ProblemOf(const Json& request);
  LoadedProgram& Loaded();
  at::Tensor ViewOf(const TensorView& view) const;
  std::optional<Json> CheckMemory(const InputSet& set, uint8_t poison);
  void CarryOut(const PlanStep& step);

  GpuGate gate_;
  bool shares_gate_ = false;   // and may leave it for a moment.  Of timing the client is alone in the gate.
  Evaluator evaluator_;
  MemoryBudget budget_;   // of input sets; as much again goes to intermediate values
  std::unique_ptr<LoadedProgram> loaded_;
  std::map<int, std::unique_ptr<Problem>> problems_;
  int next_problem_ = 0;

  std::unique_ptr<MappedBuffers> buffers_;
  LaunchPlan plan_;
  PlanLayout layout_;
  Problem* problem_ = nullptr;              // of the current plan
  std::vector<at::Tensor> remembered_;
  std::unique_ptr<TimedWork> eager_;        // of problem `eager_problem_`
  int eager_problem_ = -1;
  std::map<std::pair<size_t, size_t>, std::unique_ptr<TimedWork>> timed_steps_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_REFERENCE_SESSION_H_
