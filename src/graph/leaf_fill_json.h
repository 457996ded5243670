// Lists of LeafFill <-> JSON: a list of [kind, a, b].
#ifndef DRTRITON_GRAPH_LEAF_FILL_JSON_H_
#define DRTRITON_GRAPH_LEAF_FILL_JSON_H_

#include <vector>

#include "base/json.h"
#include "graph/leaf_fill.h"

namespace drtriton {

// Keys of stored verdicts are made of its text: one list always gives the same bytes.
Json ToJson(const std::vector<LeafFill>& fills);

// Throws UserError where the JSON is no such list.
std::vector<LeafFill> LeafFillsFromJson(const Json& json);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_LEAF_FILL_JSON_H_
