// The power of a problem's inputs: which mutants of its Program (mutants.h) the numerics contract refuses on them.
#ifndef DRTRITON_EXECUTE_POWER_H_
#define DRTRITON_EXECUTE_POWER_H_

#include <string>
#include <vector>

#include "execute/mutants.h"
#include "execute/problem.h"

namespace drtriton {

struct MutantOutcome {
  enum class Kind : uint8_t {
    kRejected,   // `set` told it apart
    kSurvived,   // every set accepted it
    kUnusable,   // it cannot be evaluated: no mutant
    kUntried,    // the time was up
    kVoid,       // it is the Program itself: elements end in the same places (moved_elements.h); no mutant
  };
  Kind kind = Kind::kUntried;
  std::string set;
};

// How long measuring may take.  By the clock, or by an estimate, so that the same problem always gets the same inputs.
struct PowerLimit {
  double seconds = 3600;
  double estimated_seconds = 1e9;
};

// Evaluates mutants in the user's precision, as a candidate would compute them, set by set until each is refused; those
// that no set refuses and no rule excuses meet further sets (input_sets.h), which stay with the problem where they
// helped.  One outcome a mutant.
std::vector<MutantOutcome> MeasurePower(Problem& problem, const std::vector<Mutant>& mutants, const PowerLimit& limit);

// Sentences about mutants that survived without a rule: at most three, then a count.
std::vector<std::string> DescribeSurvivors(const Program& program, const std::vector<Mutant>& mutants, const std::vector<MutantOutcome>& outcomes);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_POWER_H_
