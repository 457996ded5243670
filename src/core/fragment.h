// Fragment: a convex piece of a Program that one proposal should implement, as a Program of its own.
#ifndef DRTRITON_CORE_FRAGMENT_H_
#define DRTRITON_CORE_FRAGMENT_H_

#include <string>
#include <vector>

#include "graph/leaf_fill.h"
#include "graph/program.h"

namespace drtriton {

struct Fragment {
  std::string id;                       // unique in its Program, a Python identifier: "f03_linear_gelu"
  // Stands alone: leaves keep their kind, name and target; values computed outside become kInput.  Its `inputs` list is
  // all of its leaves (parameters too), in the order in which `launch` takes them; `result` is a tuple of its results.
  Program program;
  std::vector<int32_t> nodes;           // nodes of the parent, ascending
  std::vector<ValueId> parent_inputs;   // parent value of each program.inputs
  std::vector<ValueId> parent_results;  // parent value of each result
  // How each of program.inputs is drawn where there are no parent values; empty: by what kind of value it is.
  std::vector<LeafFill> fills;

  const std::vector<ValueId>& Inputs() const { return program.inputs; }
  std::vector<ValueId> Results() const { return program.Results(); }
};

// Extracts `nodes` of `parent` as a Fragment.  A value counts as a result when a node outside, the parent's result tree
// or a mutation reads it.  Throws InternalError when the set is empty or not convex (a path leaves it and returns).
Fragment ExtractFragment(const Program& parent, std::vector<int32_t> nodes, std::string id);

// The Program as one Fragment: what `verify` judges.  It keeps its arguments, result tree and mutations, so that a
// candidate module can be called as the original is; mutated values are results, behind the result tree's leaves.
Fragment WholeProgram(const Program& program);

bool IsConvex(const Program& parent, const std::vector<int32_t>& nodes);

}  // namespace drtriton

#endif  // DRTRITON_CORE_FRAGMENT_H_
