// Scalar functions as Triton text: the table from a function's name to the expression that computes it.
//
// Each entry works on registers (lowered.h) and keeps PyTorch's semantics: NaN propagates through maximum, minimum, clamp
// and relu; integers wrap; floor division and remainder round towards minus infinity, fmod and trunc towards zero;
// division is correctly rounded in float32.  Formulas that lose digits near zero (tanh, expm1, log1p, softplus) go
// through helpers, small @triton.jit functions that are put into the file only when used.  What Triton has no operation for
// (inverse trigonometric functions, the error function's kin, Bessel functions) is libdevice's, which our interpreter knows.
#ifndef DRTRITON_TEMPLATES_EXPRESSION_H_
#define DRTRITON_TEMPLATES_EXPRESSION_H_

#include <set>
#include <string>
#include <vector>

#include "graph/attr.h"
#include "graph/dtype.h"

namespace drtriton {

// Names of the helpers that a file needs; HelperSource() prints them.
using HelperSet = std::set<std::string>;

// Whether the table has `function` for operands of register type `compute`.
bool HasFunction(const std::string& function, DType compute);

// The expression.  `operands` are atoms: variable names, literals or parenthesised text, all of register type `compute`
// but for the condition of "where" and the source of "cast".  `result` is the type that "cast" converts to.
std::string FunctionText(const std::string& function, DType compute, DType result, const std::vector<std::string>& operands,
                         HelperSet& helpers);

// Approximate cost of one evaluation in float32 instructions, for the cost model.
double FunctionCost(const std::string& function);

// A literal as Python text inside a kernel: 0.5, -3, True, float("inf").
std::string LiteralText(const Attr& value, DType dtype);

// The reduction of `value` over tile dimension `axis`, keeping dimensions when `keep_dims`; `function` as in LoweredNode.
std::string ReduceText(const std::string& function, const std::string& value, int axis, bool keep_dims, DType dtype,
                       HelperSet& helpers);
// The elementwise step of the same reduction, for accumulators of a loop.
std::string CombineText(const std::string& function, const std::string& a, const std::string& b, DType dtype,
                        HelperSet& helpers);
// The neutral element as a literal: 0.0 for sum, float("-inf") for max.
std::string NeutralText(const std::string& function, DType dtype);

// Source text of the helpers, in a fixed order, helpers of helpers included.
std::string HelperSource(const HelperSet& helpers);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_EXPRESSION_H_
