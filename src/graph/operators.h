// The families of the operator table, each a file; registry.cc joins them in this order.
#ifndef DRTRITON_GRAPH_OPERATORS_H_
#define DRTRITON_GRAPH_OPERATORS_H_

#include <string>
#include <utility>
#include <vector>

#include "graph/call.h"
#include "graph/registry.h"

namespace drtriton {

std::vector<OperatorSpec> ArithmeticOperators();  // operators_arithmetic.cc: arithmetic, comparison, logic, selection
std::vector<OperatorSpec> UnaryOperators();       // operators_unary.cc: elementary functions and activations
std::vector<OperatorSpec> ReductionOperators();   // operators_reduction.cc: reductions, scans, sorting
std::vector<OperatorSpec> NormOperators();        // operators_norm.cc: normalisation and softmax
std::vector<OperatorSpec> MatmulOperators();      // operators_matmul.cc: matrix products, einsum, attention
std::vector<OperatorSpec> ViewOperators();        // operators_view.cc
std::vector<OperatorSpec> PartOperators();        // operators_part.cc: slices, splits, diagonals
std::vector<OperatorSpec> IdentityOperators();    // operators_identity.cc: alias, contiguous, to, dropout
std::vector<OperatorSpec> MovementOperators();    // operators_movement.cc: copies, joins, padding
std::vector<OperatorSpec> RearrangementOperators();  // operators_rearrangement.cc: triangles, shuffles, windows
std::vector<OperatorSpec> LookupOperators();         // operators_lookup.cc: gather, scatter, indexing
std::vector<OperatorSpec> CreationOperators();       // operators_creation.cc: constants, ranges, random numbers
std::vector<OperatorSpec> ConvolutionOperators();    // operators_convolution.cc: convolution, pooling, resizing
std::vector<OperatorSpec> LossOperators();           // operators_loss.cc

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

using Views = std::optional<std::vector<StridedView>>;

// The rule of view operators: what spec.view gives.  (operators_view.cc)
std::vector<InferredValue> InferView(const Call& call);

// The same for views, of tensors of any dtype.
class ViewAdder {
 public:
  explicit ViewAdder(std::vector<OperatorSpec>& table) : add_(table, OpKind::kView) {}

  OperatorSpec& operator()(std::string schema, std::string form, const std::string& domain, Views (*view)(const Call&),
                           Rule infer = InferView) const {
    OperatorSpec& row = add_(std::move(schema), std::move(form), "a; " + domain, infer);
    row.view = view;
    return row;
  }

 private:
  RowAdder add_;
};

// The rule of every pointwise operator: operands broadcast, their types combine as `result_type` says, strides as
// TensorIterator chooses them.  (operators_arithmetic.cc)
std::vector<InferredValue> InferPointwise(const Call& call);

// The first tensor as a view of itself, which view rules narrow, permute and stretch.  (operators_view.cc)
StridedView WholeView(const Call& call);
// The view rule of operators that give their first tensor back.
Views ViewWhole(const Call& call);

// The view rules of slice, select and diagonal; what scatters into such a part asks them too.  (operators_part.cc)
Views ViewSliced(const Call& call);
Views ViewSelected(const Call& call);
Views ViewDiagonal(const Call& call);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_OPERATORS_H_
