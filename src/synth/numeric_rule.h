// What an operator does to the numbers in its operands: the part of an operator's meaning that shapes do not show.
//
// A rule is a function of single numbers, for pointwise operators, and a word for how results arise from many of them
// (a sum, a choice, an average).  The element types that an operator accepts and gives (element_type.h) and the estimate
// of spread along the graph (conditioning.h) are both evaluated from it.  An operator without an entry follows its kind.
#ifndef DRTRITON_SYNTH_NUMERIC_RULE_H_
#define DRTRITON_SYNTH_NUMERIC_RULE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "graph/registry.h"
#include "synth/element_type.h"
#include "synth/numeric_traits.h"

namespace drtriton {

// How one result comes from the numbers that the function gave (or from those of the operand, where there is none).
enum class Gather : uint8_t {
  kOne,       // from one of them each: pointwise
  kChoice,    // one of many: a maximum, a copy, a lookup
  kPadded,    // likewise, or 0
  kMean,      // an average of many
  kSum,       // a sum of many
  kProduct,   // a product of many
  kMixture,   // a sum of many with weights of both signs: linear layers, convolution
  kStandard,  // brought to mean 0 and deviation 1
  kShare,     // softmax
  kLogShare,  // log_softmax
  kSpread,    // a norm or deviation
  kLogSum,    // logsumexp
  kIndex,     // a position among them
  kCount,     // how many there are
  kTruth,     // whether any or all hold
  kTable,     // entries of a learned table: embedding
};

// `arguments`: one number for each argument of the schema, in its order; tensors give one of their elements, an absent
// argument NaN.
using NumberFunction = double (*)(const double* arguments);

struct NumericRule {
  NumberFunction function = nullptr;
  std::vector<Gather> gather = {Gather::kOne};  // one for each result; the last one counts for those behind
  // What an argument accepts beyond what the function can digest, by its position in the schema; 0: no more.
  std::array<TypeMask, 8> accepts = {};
  uint8_t index_arguments = 0;   // bits: arguments that hold positions
  uint8_t silent_arguments = 0;  // bits: tensors whose numbers do not reach the result (only their positions do)
  bool distinct = false;         // gives nothing of interest when two operands are the same tensor: a loss
  NumericTraits traits;
  const OperatorInfo* info = nullptr;
};

// What a function is given for a word among the arguments: 1 for "trunc", 0 for every other.
double WordNumber(std::string_view word);

// nullptr: the operator is not in the space, and `reason` says why ("gives random numbers").
const NumericRule* RuleOf(const OperatorInfo& info, std::string_view* reason);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_NUMERIC_RULE_H_
