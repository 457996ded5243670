// Mutants: Programs that differ from a given one in one operator, as a wrong candidate might.
//
// An operator is dropped (its result replaced by an input of the same form, cast or expanded where that is all that
// differs), swapped for a sibling (a maximum for a minimum, GELU for ReLU), loses an optional tensor (a bias), sees its
// operands in another order, or has a constant changed.  Inputs on which the numerics contract (numerics.h) accepts a
// mutant's results are too weak to judge candidates, unless the mutant equals the Program by a named algebraic rule.
//
// Operators that move nothing but views and copies, and random ones, are left alone, as are changes that shapes make void
// (void_changes.h).  Order: by node, then by kind.
#ifndef DRTRITON_EXECUTE_MUTANTS_H_
#define DRTRITON_EXECUTE_MUTANTS_H_

#include <string>
#include <vector>

#include "graph/program.h"

namespace drtriton {

struct Mutant {
  int32_t node = -1;       // whose place `replacement` takes, with the same outputs
  Node replacement;
  std::string change;      // "relu dropped", "eps: 1e-05 -> 0.0001"
  std::string rule;        // by which it is equal to the original for all inputs; empty: none is known
};

// Every mutant that fits: results keep their dtypes and shapes.
std::vector<Mutant> MakeMutants(const Program& program);

// The Program with the mutant's node.
Program WithMutant(const Program& program, const Mutant& mutant);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_MUTANTS_H_
