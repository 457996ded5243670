// ReferenceClient: the conversation with drtriton-reference (reference_session.h), with its failures as our exceptions.
//
// The process is started by the constructor and works on its start-up while the caller goes on.  A reference process
// that dies takes what it had prepared with it: InternalError, since no candidate can cause that but by exhausting
// memory, which is reported as such.  Not thread-safe.
#ifndef DRTRITON_EXECUTE_REFERENCE_CLIENT_H_
#define DRTRITON_EXECUTE_REFERENCE_CLIENT_H_

#include <filesystem>
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

  // Any request; throws UserError or InternalError for a failure in its reply.  A failure "memory" is a UserError.
  Json Ask(const Json& request);

 private:
  ConversingChild child_;
};

// Adds a comparison's numbers to a verdict, and makes it a rejection at stage kNumerics (kRun for results of another
// form or illegal access) when it says so.  Returns whether the candidate is still right.
bool TakeComparison(const Json& comparison, Verdict* verdict);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_REFERENCE_CLIENT_H_
