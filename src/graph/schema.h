// Schema: the signature of an ATen operator, parsed from PyTorch's own text,
//   aten::softmax.int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor
#ifndef DRTRITON_GRAPH_SCHEMA_H_
#define DRTRITON_GRAPH_SCHEMA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/attr.h"

namespace drtriton {

enum class ArgType : uint8_t {
  kTensor,
  kInt,  // SymInt too: shapes are static
  kFloat,
  kBool,
  kScalar,  // int, float or bool
  kString,
  kDType,
  kLayout,
  kDevice,
  kMemoryFormat,
  kOther,  // Generator, Storage, Stream ...: always None in our programs
};

struct SchemaArgument {
  std::string name;
  ArgType type = ArgType::kOther;
  bool is_list = false;           // Tensor[], int[2]
  int list_size = 0;              // the 2 of int[2], where one int stands for all; 0: any length
  bool is_optional = false;       // `?`: may be None
  bool item_is_optional = false;  // Tensor?[]
  bool keyword_only = false;      // behind the `*`
  bool written = false;           // Tensor(a!): the operator writes to it
  std::optional<Attr> default_value;
};

struct SchemaResult {
  std::string name;  // often empty
  bool is_tensor = true;
  bool is_list = false;
};

struct Schema {
  std::string name;  // "aten.softmax.int"; overload "default" where the text has none
  std::vector<SchemaArgument> arguments;
  std::vector<SchemaResult> results;

  // Position of an argument, or -1.
  int Find(std::string_view argument) const;
  // Whether any argument is written to.
  bool Mutates() const;
};

// Throws UserError naming the text when it is not a schema.
Schema ParseSchema(std::string_view text);

// Whether two attributes mean the same to an argument: `int[2] padding=0` is the same as [0, 0], and Scalar 1 as 1.
bool SameArgument(const SchemaArgument& argument, const Attr& a, const Attr& b);

// True when `value` may be passed for `argument` as far as its type goes.  A number may stand for a Tensor (PyTorch
// wraps it), an int for a float.
bool Accepts(const SchemaArgument& argument, const Attr& value);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_SCHEMA_H_
