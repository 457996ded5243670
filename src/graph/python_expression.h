// The small part of Python that our flat programs are written in, as a syntax tree: names, literals, tuples and lists,
// attributes, calls, unary and binary operators.
#ifndef DRTRITON_GRAPH_PYTHON_EXPRESSION_H_
#define DRTRITON_GRAPH_PYTHON_EXPRESSION_H_

#include <string>
#include <string_view>
#include <vector>

#include "graph/attr.h"

namespace drtriton {

struct PyKeyword;

struct PyExpr {
  enum class Kind : uint8_t {
    kName,       // text
    kLiteral,    // literal: None, bool, int, float, str
    kTuple,      // items
    kList,       // items
    kDict,       // keys, items
    kAttribute,  // items[0].text
    kCall,       // items[0](items[1...], keywords)
    kUnary,      // text items[0]
    kBinary,     // items[0] text items[1]
  };
  Kind kind = Kind::kName;
  std::string text;
  Attr literal;
  std::vector<PyExpr> items;
  std::vector<std::string> keys;
  std::vector<PyKeyword> keywords;
};

// One `name=value` of a call.
struct PyKeyword {
  std::string name;
  PyExpr value;
};

// Throws UserError naming the text and the place.
PyExpr ParsePyExpr(std::string_view text);

// "torch.ops.aten.add.Tensor" for a chain of attributes on a name, else "".
std::string DottedName(const PyExpr& expr);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_PYTHON_EXPRESSION_H_
