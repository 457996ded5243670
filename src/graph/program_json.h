// Program <-> JSON, the wire format between the importer, our processes and the store.  docs/formats.md specifies it.
#ifndef DRTRITON_GRAPH_PROGRAM_JSON_H_
#define DRTRITON_GRAPH_PROGRAM_JSON_H_

#include "base/json.h"
#include "graph/attr.h"
#include "graph/program.h"

namespace drtriton {

Json ToJson(const Attr& attr);
Json ToJson(const Program& program);

// Throw UserError naming the member that is missing, of the wrong type or out of range.  What they return passed
// Program::Validate().
Attr AttrFromJson(const Json& json);
Program ProgramFromJson(const Json& json);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_PROGRAM_JSON_H_
