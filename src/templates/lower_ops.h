// The operators that lowering knows: for each, how it decomposes into the primitive steps of Draft.
#ifndef DRTRITON_TEMPLATES_LOWER_OPS_H_
#define DRTRITON_TEMPLATES_LOWER_OPS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "templates/draft.h"

namespace drtriton {

// One node being lowered: its arguments as terms, numbers and dimensions.
class OpCall {
 public:
  OpCall(Draft& draft, const Node& node) : draft(draft), node(node) {}

  Draft& draft;
  const Node& node;

  size_t size() const { return node.args.size(); }
  const Attr& arg(size_t i) const { return node.args.at(i); }
  bool Given(size_t i) const { return i < node.args.size() && !node.args[i].IsNone(); }
  Term Tensor(size_t i) const { return draft.Get(node.args.at(i)); }
  // A tensor, or a number as a literal of `dtype`.
  Term Operand(size_t i, DType dtype) const;
  double Number(size_t i, double otherwise) const { return Given(i) ? arg(i).AsDouble() : otherwise; }
  int64_t Int(size_t i, int64_t otherwise) const { return Given(i) ? arg(i).AsInt() : otherwise; }
  bool Flag(size_t i, bool otherwise) const { return Given(i) ? arg(i).AsDouble() != 0 : otherwise; }
  Term Literal(double value, DType dtype) const { return draft.Literal(Attr(value), dtype); }

  // Type of result `output`; of the first one that is used when it is not.
  const Value& Result(size_t output = 0) const;
  DType type(size_t output = 0) const { return Result(output).dtype; }
  bool Used(size_t output) const { return output < node.outputs.size() && node.outputs[output] >= 0; }
  void Define(Term term, size_t output = 0) const;
};

using Handler = std::function<void(const OpCall&)>;
using HandlerTable = std::map<std::string, Handler>;

// Each adds its operators, keyed by name with overload ("aten.relu.default").
void LowerPointwise(HandlerTable& table);      // lower_pointwise.cc
void LowerActivations(HandlerTable& table);     // lower_activation.cc
void LowerReductions(HandlerTable& table);      // lower_reduction.cc
void LowerNormalizations(HandlerTable& table);  // lower_norm.cc
void LowerProducts(HandlerTable& table);        // lower_matmul.cc
void LowerWindows(HandlerTable& table);         // lower_window.cc; behind LowerReductions
void LowerMovement(HandlerTable& table);         // lower_movement.cc
void LowerResampling(HandlerTable& table);       // lower_resample.cc
void LowerRearrangement(HandlerTable& table);    // lower_rearrange.cc
void LowerScatters(HandlerTable& table);         // lower_scatter.cc
void LowerOrder(HandlerTable& table);            // lower_order.cc
void LowerEinsum(HandlerTable& table);           // lower_einsum.cc
void LowerLookups(HandlerTable& table);          // lower_lookup.cc

void LowerScans(HandlerTable& table);            // lower_scan.cc
void LowerAttention(HandlerTable& table);        // lower_attention.cc
void LowerFunctions(HandlerTable& table);        // lower_function.cc
void LowerLosses(HandlerTable& table);           // lower_loss.cc

// Operators on a tensor without elements whose results have some (lower_empty.cc).  False where its handler knows better.
bool LowerOfEmpty(const OpCall& call);

// Steps that several tables use (lower_reduction.cc).
std::vector<int64_t> AllDims(const Term& term);
// The mean over `dims`, accumulated and given in `type`.
Term MeanOf(const OpCall& call, const Term& x, const std::vector<int64_t>& dims, bool keep, DType type);
Term LogSoftmaxOf(const OpCall& call, const Term& x, int64_t dim, DType type);

// PyTorch's dtype of an operation on these arguments: tensors of rank 0 and numbers only decide the category.
DType ComputeType(const OpCall& call, const std::vector<size_t>& arguments);

// A dimension in [0, rank).
inline int64_t WrapDim(int64_t dim, int64_t rank) { return dim < 0 ? dim + rank : dim; }

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_LOWER_OPS_H_
