// The inverse of CallText(): one Python expression -> the operator and its arguments.
#ifndef DRTRITON_GRAPH_CALL_PARSER_H_
#define DRTRITON_GRAPH_CALL_PARSER_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "graph/program.h"
#include "graph/python_expression.h"

namespace drtriton {

using IdOf = std::function<std::optional<ValueId>(const std::string&)>;  // nullopt: no such value

// `schema` is the text behind a call of an operator that the registry does not know, else empty.  The node has op, args
// (all of the schema) and schema, no outputs.  Throws UserError naming what is not understood.
Node ParseCall(const PyExpr& expr, const IdOf& id_of, const std::string& schema);

// A literal, a value's name, a list of such, `torch.float32` and its like.  Throws UserError.
Attr AttrFromPython(const PyExpr& expr, const IdOf& id_of);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_CALL_PARSER_H_
