// Which results share memory with what a Program is given, as far as its views tell.
#ifndef DRTRITON_GRAPH_ALIASES_H_
#define DRTRITON_GRAPH_ALIASES_H_

#include "graph/program.h"

namespace drtriton {

// The leaf that `id` is a view of, through any number of views; -1: none.
ValueId SharedLeaf(const Program& program, ValueId id);

// Sets alias_of of every result, as importing the module would: for Programs that no module was run for.
void StateAliases(Program& program);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_ALIASES_H_
