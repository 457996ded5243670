// Program: a typed, functional DAG of ATen operators.
//
// Semantics.  A Program means what the same calls mean in eager PyTorch: dtype promotion, overflow (wraps), NaN and
// inf, broadcasting and reduction order are PyTorch's.  It is functional: no node writes to a value.  What a module
// does in place is listed in `mutations`, carried out after all nodes have run.  Views are ordinary nodes; whether an
// output shares memory with an input is stated by OutputLeaf::alias_of, never implied.  Nodes are listed in an order in
// which they can be evaluated.  Shapes are static.
#ifndef DRTRITON_GRAPH_PROGRAM_H_
#define DRTRITON_GRAPH_PROGRAM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/attr.h"
#include "graph/dtype.h"

namespace drtriton {

using Shape = std::vector<int64_t>;  // sizes or strides, outermost first, in elements

int64_t ElementCount(const Shape& shape);                     // 1 for rank 0
Shape ContiguousStrides(const Shape& shape);                  // PyTorch's: a size of 0 counts as 1
bool IsContiguous(const Shape& shape, const Shape& strides);  // dimensions of size 1 may have any stride
// Elements between the first and one past the last that a view touches; 0 when it is empty.
int64_t StorageExtent(const Shape& shape, const Shape& strides);

enum class ValueKind : uint8_t {
  kInput,      // a tensor argument of forward()
  kParameter,  // `target` is its name in state_dict()
  kBuffer,     // likewise; may be the target of a mutation
  kConstant,   // a tensor made in the constructor or in forward() that is neither; its data travels beside the Program
  kNode,       // result of a node
};

struct Value {
  std::string name;  // a Python identifier, unique in its Program
  DType dtype = DType::kFloat32;
  Shape shape;
  Shape strides;  // of the tensor that eager PyTorch produces on the Program's device
  ValueKind kind = ValueKind::kNode;
  int32_t node = -1;         // producing node, for kNode
  int32_t output_index = 0;  // which of its results
  std::string target;        // state_dict() name for kParameter and kBuffer; constant's name for kConstant

  int64_t Elements() const { return ElementCount(shape); }
  int64_t Bytes() const { return Elements() * ElementBytes(dtype); }
};

struct Node {
  std::string op;                // "aten.linear.default": namespace.name.overload
  AttrList args;                 // every argument of the schema in its order, defaults filled in
  std::vector<ValueId> outputs;  // a result nobody uses may be -1
  std::string schema;            // PyTorch's schema text; always there after import, so that unknown operators print

  // Ids of all values among the arguments, in order, lists included, repeats kept.
  std::vector<ValueId> Inputs() const;
};

// A tree of lists, tuples and dicts whose leaves are tensors or constants: the arguments or the result of forward().
struct Tree {
  enum class Kind : uint8_t { kValue, kLiteral, kList, kTuple, kDict };
  Kind kind = Kind::kValue;
  ValueId value = -1;                     // kValue
  Attr literal;                           // kLiteral: None, bool, int, float, str
  std::vector<Tree> children;             // kList, kTuple, kDict
  std::vector<std::string> keys;          // kDict: one a child
  std::optional<std::string> class_name;  // kDict/kTuple: a ModelOutput or namedtuple, importable as "module:Class"
  // For an output leaf that shares memory with an input, parameter or buffer (or an earlier output): that value.
  ValueId alias_of = -1;

  // Leaves of kind kValue, left to right.
  std::vector<ValueId> Values() const;
};

struct Mutation {
  ValueId target = -1;  // an input or a buffer
  ValueId value = -1;   // what it holds after the call
};

// Facts about how the module was run when it was imported; results are only promised for these.
struct RunContext {
  bool training = false;               // module.training
  bool matmul_tf32 = false;            // torch.backends.cuda.matmul.allow_tf32 after importing the module
  bool cudnn_tf32 = true;              // torch.backends.cudnn.allow_tf32
  bool reduced_precision_bf16 = true;  // torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction
  bool reduced_precision_fp16 = true;
};

class Program {
 public:
  std::string name = "model";
  std::string device = "cuda";  // the device its strides hold for: "cuda" or "cpu"
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;  // kInput values in the order of `arguments`' leaves
  Tree arguments;               // a tuple (positional) or a dict (keywords)
  Tree result;
  std::vector<Mutation> mutations;
  RunContext context;

  const Value& value(ValueId id) const { return values.at(static_cast<size_t>(id)); }
  Value& value(ValueId id) { return values.at(static_cast<size_t>(id)); }

  // Values that are not results of nodes, in order of `values`.
  std::vector<ValueId> Leaves() const;
  // Values that must be computed: leaves of `result` and values of `mutations`, without repeats, in that order.
  std::vector<ValueId> Results() const;
  // For each value, the nodes that read it, ascending.
  std::vector<std::vector<int32_t>> Users() const;

  // Throws InternalError naming the first broken rule: ids in range, nodes in evaluation order, unique names, every
  // value's producer linking back to it.
  void Validate() const;
};

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_PROGRAM_H_
