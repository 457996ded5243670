// Arguments of a node in one of their equal forms: `dim=-1` of a matrix is `dim=1`, a slice from None starts at 0.
#ifndef DRTRITON_GRAPH_PLAIN_ARGUMENTS_H_
#define DRTRITON_GRAPH_PLAIN_ARGUMENTS_H_

#include "graph/program.h"
#include "graph/schema.h"

namespace drtriton {

// Whether the argument names a dimension, which may be counted from the end.
bool NamesDimension(const SchemaArgument& argument);

// What is added to a dimension that a node counts from the end: the rank of its first tensor, one more where the result
// has a new dimension.
int64_t DimensionCount(const Program& program, const Node& node);

// Every argument of the schema in its order, defaults filled in, dimensions counted from the front.  Throws UserError for
// an operator without a schema.
AttrList PlainArguments(const Program& program, const Node& node);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_PLAIN_ARGUMENTS_H_
