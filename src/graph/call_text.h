// One call as Python text: `F.gelu(x, approximate='tanh')`, `x + y`, `torch.ops.ns.f.default(x, 3)`.
//
// Canonical: a call has one text.  Arguments that have their default are left out, a list whose items are equal and
// that may be given as one int is (`stride=2`), other lists of ints are tuples.
#ifndef DRTRITON_GRAPH_CALL_TEXT_H_
#define DRTRITON_GRAPH_CALL_TEXT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"
#include "graph/registry.h"

namespace drtriton {

using NameOf = std::function<std::string(ValueId)>;

// The call of a node as an expression.  Operators that the registry does not know, and calls that no form of theirs can
// express, are written `torch.ops.ns.name.overload(...)`.  Throws UserError for an unknown operator without schema.
std::string CallText(const Node& node, const NameOf& name_of);
void AppendCallText(std::string& out, const Node& node, const NameOf& name_of);

// A literal as Python writes it; `1e-05`, `'tanh'`, `torch.float32`, `(1, 2)`.
std::string PythonText(const Attr& attr, const NameOf& name_of);

// A form of a row of the registry (OperatorSpec::form), cut into pieces.
struct FormPiece {
  std::string text;    // literal, when argument < 0
  int argument = -1;   // a hole: the argument's position in the schema
  bool splat = false;  // {*argument}
  int group = -1;      // the [] it stands in, -1: none
};
struct Form {
  std::string callable;  // "torch.amax" or ".view": a call after the schema; empty where `pieces` say it all
  std::vector<FormPiece> pieces;
  int groups = 0;
};
// The alternatives of a row, without the torch.ops one.  Computed once.
const std::vector<Form>& FormsOf(const OperatorInfo& info);

// Arguments that change nothing about a result and are not printed: pin_memory=False, layout=strided, non_blocking.
bool IsInsignificant(const SchemaArgument& argument, const Attr& value);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_CALL_TEXT_H_
