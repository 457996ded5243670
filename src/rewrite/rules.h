// The rules: each a rewrite that a good engineer would make by hand, named for the report.
//
// A rule looks at one node of the editor's source and at what feeds it.  Where it applies it appends the better form to
// the target and returns what stands for the node's results.  It need not compare dtypes and shapes: what does not fit,
// and what the registry refuses, is not taken.
#ifndef DRTRITON_REWRITE_RULES_H_
#define DRTRITON_REWRITE_RULES_H_

#include <optional>
#include <string_view>
#include <vector>

#include "rewrite/editor.h"

namespace drtriton {

struct Rule {
  const char* name;   // a phrase for the report: "reduction over one element"
  // Whether every result is bit for bit the same (but for the sign of zero): such rules replace, others add an alternative.
  bool exact = false;
  std::optional<std::vector<ValueId>> (*apply)(Editor&, int32_t node) = nullptr;
};

std::vector<Rule> KnownResultRules();   // known_result_rules.cc: operators whose result is known
std::vector<Rule> ChainRules();         // chain_rules.cc: chains of scalars, of reductions and of products
std::vector<Rule> LinearRules();        // linear_rules.cc: reductions behind linear maps
std::vector<Rule> ConvolutionRules();   // convolution_rules.cc: reductions behind convolutions and batch norm

// What several of them use.

// The node that made the operand `argument`, if it is one of `op` and nothing else reads it; else nullptr.
const Node* OnlyFrom(const Editor& editor, const Attr& argument, std::string_view op);

// The dimensions that an argument `dim` of a reduction names, ascending, from 0 on; all of them for None and [].
std::vector<int64_t> ReducedDims(const Node& node, int64_t rank);

// A reduction to a sum or a mean, whatever its overload; dtype is that of its operand.
struct LinearReduction {
  bool mean = false;
  ValueId operand = -1;
  std::vector<int64_t> dims;   // ascending
  bool keepdim = false;
  int64_t count = 1;           // elements in each sum
};
std::optional<LinearReduction> AsLinearReduction(const Editor& editor, const Node& node);

// Adds sum or mean of `operand`, a value of the target, over `dims`, which stay with size 1.
ValueId AddReduction(Editor& editor, const LinearReduction& reduction, ValueId operand, const std::vector<int64_t>& dims);

// `id`, whose reduced dimensions have size 1, in the shape of the reduction's result.
ValueId InShapeOf(Editor& editor, ValueId id, ValueId result_in_source);

bool IsFloat(const Editor& editor, ValueId id);

}  // namespace drtriton

#endif  // DRTRITON_REWRITE_RULES_H_
