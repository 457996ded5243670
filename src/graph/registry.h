// The operator registry: the one place that knows, for each ATen operator, its schema, kind, dtype and shape rule,
// cost, and how a person writes it in PyTorch.
//
// It is a table (operators_*.cc, a file a family); adding an operator is adding a row.  From the row's `domain`, which
// says what arguments are legal, test cases are generated that compare the shape and dtype rule and the printed form
// with PyTorch's meta kernels.  An operator that is not in the table is never an error: FindOperator() gives nullptr,
// and such a node is carried as it is.  docs/operators.md lists the table.
//
// Everything here is immutable after its first use and may be called from any thread.
#ifndef DRTRITON_GRAPH_REGISTRY_H_
#define DRTRITON_GRAPH_REGISTRY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"
#include "graph/schema.h"

namespace drtriton {

enum class OpKind : uint8_t {
  kPointwise,      // each result element depends on one element of each (broadcast) input
  kReduction,      // dimensions are reduced away (or kept with size 1); arg reductions and norms too
  kScan,           // cumsum and its like
  kNormalisation,  // layer, RMS, group, instance and batch normalisation
  kSoftmax,        // softmax and log_softmax
  kMatmul,
  kView,      // the result shares memory with the input when strides allow
  kMovement,  // elements are only moved or copied: cat, flip, gather, pad, clone, dtype casts
  kCreation,  // no tensor input, or only its shape matters
  kConvolution,
  kPooling,
  kAttention,
  kLoss,
  kRandom,
  kOther,
};
inline constexpr int kOpKindCount = 15;
std::string_view Name(OpKind kind);  // "pointwise"

// What a rule knows of one result.  `strides` are those of the tensor that eager PyTorch gives; nullopt where the rule
// does not know them (they depend on the device or on a library).
struct InferredValue {
  DType dtype = DType::kFloat32;
  Shape shape;
  std::optional<Shape> strides;
};

// A view's result in terms of its input's elements: element i of the result is at `offset` + sum(i * strides) from the
// input's first element.
struct StridedView {
  ValueId base = -1;  // the node's input that is viewed
  Shape shape;
  Shape strides;
  int64_t offset = 0;
};

class Call;  // graph/call.h: one node, as rules see it

// How the result's dtype follows from the operands' (torch.result_type and the flags of TensorIterator).
enum class ResultType : uint8_t {
  kPromote,  // the promoted type
  kFloat,    // the promoted type; integers become float32
  kBool,
  kFirst,  // the first operand's type
};

// A row of the table, as written.
struct OperatorSpec {
  std::string schema_text;
  // How a person writes it.  "torch.amax" is a call with the schema's arguments (defaults left out), ".view" a method
  // of the first argument; a text with {argument} holes is filled in ({*argument}: a list's items), and a part in [] is
  // left out while its arguments have their defaults.  Alternatives are separated by ";;": the first that mentions
  // every argument that is not default wins, and `torch.ops.aten.name.overload(...)` is always the last one.
  // graph/call_text.h
  std::string form;
  OpKind kind = OpKind::kOther;
  // Legal arguments, from which test cases are drawn (graph/operator_cases.h).
  std::string domain;
  // Throws UserError naming what does not fit.
  std::vector<InferredValue> (*infer)(const Call&) = nullptr;
  // Floating-point operations of the call; by default one an element of the result (kPointwise), one an element of the
  // input (kReduction, kScan), eight an element (kNormalisation), five (kSoftmax), else none.
  double (*flops)(const Call&) = nullptr;
  // For views: one entry a result; nullopt where it cannot be expressed without a copy.
  std::optional<std::vector<StridedView>> (*view)(const Call&) = nullptr;
  // Pointwise only: the arguments that broadcast, comma separated; those behind a '?' do not take part in promotion.
  // Empty: all tensors.
  std::string operands;
  ResultType result_type = ResultType::kPromote;
  // Of its first tensor the operator reads only what the result holds: embedding, gather.
  bool fetches = false;
  // Not counted as an operator of a program (the printed list of glue): view, reshape, expand, unsqueeze, contiguous
  // ...
  bool glue = false;
};

struct OperatorInfo : OperatorSpec {
  std::string name;  // "aten.linear.default"
  Schema schema;
  std::vector<int> operand_indices;    // `operands` as positions; shape-only ones included
  std::vector<bool> operand_promotes;  // for each of operand_indices
};

// nullptr: not in the table.
const OperatorInfo* FindOperator(std::string_view op);
// The table, by family and in the order written.
const std::vector<OperatorInfo>& AllOperators();

// The schema of a node's operator: the table's, else parsed from node.schema (cached).  Throws UserError when the
// operator is unknown and the node has no schema.
const Schema& SchemaOf(const Node& node);

// An argument by its name in the schema; the schema's default when the node has fewer arguments.  Throws InternalError
// when the schema has no such argument.
const Attr& Argument(const Node& node, std::string_view name);

// dtype, shape and strides of every result.  Throws UserError naming the operator and what does not fit; for an
// operator that is not in the table, says so.
std::vector<InferredValue> InferOutputs(const Program& program, const Node& node);

// Floating-point operations of one evaluation, a multiply-add counting two.  0 for an unknown operator.
double NodeFlops(const Program& program, const Node& node);

// Bytes read plus bytes written when the node runs alone from memory: each input once (broadcast dimensions counted
// once, lookups counted by what they fetch), each result that is used once.  0 for a view that needs no copy.
int64_t NodeBytes(const Program& program, const Node& node);

// Whether the result may share memory with the input.
bool IsView(std::string_view op);
// The view that the node's result number `output` is, when it can be expressed without a copy.
std::optional<StridedView> ViewOf(const Program& program, const Node& node, size_t output = 0);

// Whether the node draws random numbers: dropout in training, rand and its like.  Unknown operators: whether their
// schema has a Generator.
bool IsRandom(const Node& node);

// Glue does not count as an operator of a program.
bool IsGlue(std::string_view op);

// Whether the operator's work is products of tensors, which libraries have fast kernels for: matmul, convolution,
// attention.
bool IsProduct(std::string_view op);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_REGISTRY_H_
