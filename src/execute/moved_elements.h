// Mutants (mutants.h) that only move elements otherwise, and in the end not even that: a pad of which one side is read, a shuffle
// of groups of one, an order that a sum does not see.
//
// Instead of numbers, each element of each value is a name.  Operators that move elements move names; a function of single
// elements makes another name of each; the first element of a scan is the operand's; everything else has names of its own.
// Where a mutant gives all other operators the names that the Program gives them, and all results too, it computes the
// Program's function whatever the numbers are.  Sums and the like are given the same names when those that they put
// together are, in whatever order; of numbers that are equal by name, a maximum is either one.
#ifndef DRTRITON_EXECUTE_MOVED_ELEMENTS_H_
#define DRTRITON_EXECUTE_MOVED_ELEMENTS_H_

#include <cstdint>

#include "execute/evaluator.h"
#include "execute/mutants.h"

namespace drtriton {

class MovedElements {
 public:
  // Both outlive it.  Programs with a large value are not looked at: EndTheSame() is false for them.
  MovedElements(const Evaluator& evaluator, const Program& program);

  bool EndTheSame(const Mutant& mutant) const;

 private:
  at::Tensor NamesOf(ValueId id, TensorMap* names) const;
  void Visit(const Node& node, uint64_t function, uint64_t own, TensorMap* names) const;
  bool ReadsTheSame(const Node& node, const TensorMap& one, const TensorMap& other) const;

  const Evaluator& evaluator_;
  const Program& program_;
  bool small_ = true;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_MOVED_ELEMENTS_H_
