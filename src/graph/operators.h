// The families of the operator table, each a file; registry.cc joins them in this order.
#ifndef DRTRITON_GRAPH_OPERATORS_H_
#define DRTRITON_GRAPH_OPERATORS_H_

#include <string>
#include <utility>
#include <vector>

#include "graph/call.h"
#include "graph/registry.h"

namespace drtriton {

std::vector<OperatorSpec> ArithmeticOperators();   // operators_arithmetic.cc: arithmetic, comparison, logic, selection
std::vector<OperatorSpec> UnaryOperators();        // operators_unary.cc: elementary functions and activations
std::vector<OperatorSpec> ReductionOperators();    // operators_reduction.cc: reductions, scans, sorting
std::vector<OperatorSpec> NormOperators();         // operators_norm.cc: normalisation and softmax
std::vector<OperatorSpec> MatmulOperators();       // operators_matmul.cc: matrix products, einsum, attention
std::vector<OperatorSpec> ViewOperators();         // operators_view.cc
std::vector<OperatorSpec> IdentityOperators();     // operators_identity.cc: alias, contiguous, to, dropout
std::vector<OperatorSpec> MovementOperators();     // operators_movement.cc: copies, joins, padding, lookups
std::vector<OperatorSpec> CreationOperators();     // operators_creation.cc: constants, ranges, random numbers
std::vector<OperatorSpec> ConvolutionOperators();  // operators_convolution.cc: convolution, pooling, resizing
std::vector<OperatorSpec> LossOperators();         // operators_loss.cc

using Rule = std::vector<InferredValue> (*)(const Call&);
using FlopsRule = double (*)(const Call&);

// Adds rows of one kind to a table; schemas come without "aten::".  What a row has beside that is set on the result:
// add(...).glue = true.
class RowAdder {
 public:
  RowAdder(std::vector<OperatorSpec>& table, OpKind kind) : table_(table), kind_(kind) {}

  OperatorSpec& operator()(std::string schema, std::string form, std::string domain, Rule infer,
                           FlopsRule flops = nullptr) const {
    table_.push_back({.schema_text = "aten::" + std::move(schema),
                      .form = std::move(form),
                      .kind = kind_,
                      .domain = std::move(domain),
                      .infer = infer,
                      .flops = flops});
    return table_.back();
  }

 private:
  std::vector<OperatorSpec>& table_;
  OpKind kind_;
};

// The rule of every pointwise operator: operands broadcast, their types combine as `result_type` says, strides as
// TensorIterator chooses them.  (operators_arithmetic.cc)
std::vector<InferredValue> InferPointwise(const Call& call);

// The rule of view operators: what spec.view gives, else a contiguous copy of the same shape.  (operators_view.cc)
std::vector<InferredValue> InferView(const Call& call);
// The view rule of operators that give their first tensor back.  (operators_view.cc)
std::optional<std::vector<StridedView>> ViewWhole(const Call& call);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_OPERATORS_H_
