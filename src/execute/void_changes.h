// Changes to a node that shapes alone make void: the changed node carries out the same computation, element by element.
// They are no mutants (mutants.h).  A stride that is never taken, a resampling to the same size, dropout that is off.
#ifndef DRTRITON_EXECUTE_VOID_CHANGES_H_
#define DRTRITON_EXECUTE_VOID_CHANGES_H_

#include "graph/program.h"

namespace drtriton {

// Whether `after`, whose results have the forms of `before`'s and take their place, computes the same as `before` at these
// shapes.  `users` is program.Users().
bool IsVoidChange(const Program& program, const std::vector<std::vector<int32_t>>& users, const Node& before, const Node& after);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_VOID_CHANGES_H_
