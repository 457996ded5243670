// Calls that people write in another way than the registry's forms (graph/call_text.h) can say: subscripts, losses with
// their reduction's name, pooling that gives indices.
#ifndef DRTRITON_SYNTH_MODULE_CALLS_H_
#define DRTRITON_SYNTH_MODULE_CALLS_H_

#include <string>

#include "graph/call_text.h"
#include "graph/program.h"

namespace drtriton {

// Appends the call of a node as an expression: as a person writes it where this file knows better, else CallText().
void AppendCall(std::string& out, const Node& node, const NameOf& name_of);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_MODULE_CALLS_H_
