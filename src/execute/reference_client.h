// ReferenceClient: the conversation with drtriton-reference (reference_session.h), with its failures as our exceptions.
//
// The process is started by the constructor and works on its start-up while the caller goes on.  One that dies, or whose GPU
// context breaks (a vendor step of a candidate can do that), is replaced: what was loaded and prepared is loaded and prepared
// again, to the same bits, and a request that needs nothing else is repeated once.  Not thread-safe.
#ifndef DRTRITON_EXECUTE_REFERENCE_CLIENT_H_
#define DRTRITON_EXECUTE_REFERENCE_CLIENT_H_

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "core/fragment.h"
#include "core/verdict.h"
#include "execute/child.h"
#include "execute/executor.h"
#include "execute/gpu_gate.h"

namespace drtriton {

// A prepared fragment.
struct PreparedProblem {
  int id = -1;
  std::vector<std::string> sets;
  std::vector<std::string> weak;   // what is weak about them, one sentence each
  bool slow = false;               // making one input set takes seconds
  double seconds = 0;              // the first one took
  std::vector<std::string> on_cpu; // operators without a float64 kernel on the GPU, of all problems so far
  bool mutates = false;            // a run changes its inputs
};

// Another reference process took the place of the one that a request reached: what that one had been told of a plan and its
// buffers is gone.  The request was not carried out.
struct ReferenceRestarted {
  std::string how;   // the first one ended
};

class ReferenceClient {
 public:
  ReferenceClient();                               // on the CPU
  explicit ReferenceClient(const GpuPlace& place);

  void LoadProgram(const Program& program, const std::filesystem::path& tensors, uint64_t seed);
  std::optional<std::string> CheckAgainstModule();
  PreparedProblem Prepare(const Fragment& fragment, uint64_t seed);
  std::vector<MutantReport> MeasurePower(int problem, double seconds);
  void Release(int problem);
  Json CompareResults(const std::filesystem::path& tensors);

  // Any request; throws UserError or InternalError for a failure in its reply.  A failure "memory" is a UserError, and so is a
  // process that ended with the repeated request too.  Throws ReferenceRestarted for what cannot be repeated.
  Json Ask(const Json& request);

 private:
  Json Converse(const Json& request);   // throws ChildEnded
  void Revive();

  std::vector<std::string> arguments_;
  std::map<std::string, std::string> environment_;
  std::unique_ptr<ConversingChild> child_;   // null: ended
  Json load_;                                // the last request to load; null: none
  struct Kept {
    Json request;
    int theirs = -1;   // the process's number of the problem
  };
  std::map<int, Kept> prepared_;             // by our number
  int next_problem_ = 0;
};

// Adds a comparison's numbers to a verdict, and makes it a rejection at stage kNumerics (kRun for results of another
// form or illegal access) when it says so.  Returns whether the candidate is still right.
bool TakeComparison(const Json& comparison, Verdict* verdict);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_REFERENCE_CLIENT_H_
