// Rewrites: a Program as a better one with the same results.
//
// The rules (rules.h) are applied wherever they fit, again and again until none does.  A rewritten Program is an
// alternative like any other candidate: what is made of it is judged against the original.
#ifndef DRTRITON_REWRITE_REWRITE_H_
#define DRTRITON_REWRITE_REWRITE_H_

#include <optional>
#include <string>
#include <vector>

#include "graph/program.h"

namespace drtriton {

enum class Rewrites : uint8_t {
  kExact,   // those that change no bit of any result (but the sign of a zero)
  kAll,
};

struct Rewritten {
  Program program;                  // the same leaves; results in the same order, dtypes, shapes and strides
  std::vector<std::string> rules;   // names of the rules that were used, in order of their first use
};

// nullopt: no rule fits.
std::optional<Rewritten> Rewrite(const Program& program, Rewrites which);

// Names of the rules among `which`, for documentation and tests.
std::vector<std::string> RuleNames(Rewrites which);

}  // namespace drtriton

#endif  // DRTRITON_REWRITE_REWRITE_H_
