// Mutants of Triton source: what a wrong kernel might look like.
//
// Only text inside @triton.jit functions changes, one place at a time: a mask is left out or lets one more element
// through, a loop ends early, a stride or offset is off by one, sums are kept in a smaller type, a barrier or an atomic
// operation is gone, a dot drops precision, an operator or a constant is another.
#ifndef DRTRITON_BENCH_SOURCE_MUTANTS_H_
#define DRTRITON_BENCH_SOURCE_MUTANTS_H_

#include <string>
#include <vector>

namespace drtriton {

struct SourceMutant {
  std::string kind;    // "mask", "bound", "stride", "accumulator", "race", "precision", "operator", "constant"
  int line = 0;        // of the file, from 1
  std::string change;  // "`mask=i < n` -> nothing"
  std::string source;  // the whole file
  // The original with an assertion, or with NaN in place of what a change concerns; empty: no such check.  Where it is
  // accepted under the interpreter, the mutant equals the original at these shapes by `rule`.
  std::string probe;
  std::string rule;
};

// In the order of lines.
std::vector<SourceMutant> MakeSourceMutants(const std::string& source);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_SOURCE_MUTANTS_H_
