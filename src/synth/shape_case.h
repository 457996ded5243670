// A shape case: one way to call an operator, as far as shapes go, with its sizes left open.
//
// Sizes are letters; the dimensions of the operands are products of letters ("2K", "G*C"), those of the results follow
// from them.  How they follow is read off the registry's shape rule: it is evaluated at a range of sizes, and each
// dimension is fitted as a product, as a sum of two, or as floor((a * letter + b) / c), which covers windows, strides,
// slices and padding.  What fits none of these is no case; what fits is used only from the smallest size on at which it
// agrees with the rule everywhere.
#ifndef DRTRITON_SYNTH_SHAPE_CASE_H_
#define DRTRITON_SYNTH_SHAPE_CASE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/registry.h"

namespace drtriton {

inline constexpr int kMaxLetters = 10;
inline constexpr int kMaxResults = 4;  // results of one node

// coefficient * product of letters
struct SizeTerm {
  int32_t coefficient = 1;
  int8_t count = 0;
  std::array<int8_t, 5> letters = {};

  bool IsConstant() const { return count == 0; }
  bool IsLetter() const { return count == 1 && coefficient == 1; }
  int64_t At(const std::vector<int64_t>& sizes) const;
  friend bool operator==(const SizeTerm&, const SizeTerm&) = default;
};

// A dimension of a result.
struct ResultDim {
  enum class Kind : uint8_t { kTerm, kAffine, kSum };
  Kind kind = Kind::kTerm;
  SizeTerm term;                   // kTerm; kSum: the first
  SizeTerm other;                  // kSum: the second
  int8_t letter = -1;          // kAffine: floor((a * letter + b) / c)
  int32_t a = 1, b = 0, c = 1;

  int64_t At(const std::vector<int64_t>& sizes) const;
};

// A tensor argument: its position in the schema, and in the list there (-1: no list).
struct TensorSlot {
  int argument = -1;
  int item = -1;
  friend bool operator==(const TensorSlot&, const TensorSlot&) = default;
};

struct ParameterTensor {
  TensorSlot slot;
  std::vector<SizeTerm> shape;
  bool statistic = false;  // running_mean, running_var: a buffer, float32 always
};

struct ShapeCase {
  int letters = 0;
  std::array<char, kMaxLetters> names = {};  // as in the domain; what sizes are drawn by
  std::array<int32_t, kMaxLetters> least = {};
  std::array<int32_t, kMaxLetters> most = {};                  // 0: no limit
  std::vector<std::vector<SizeTerm>> slots;                        // shapes of the wired tensors; unused for broadcast ones
  std::vector<std::vector<ResultDim>> results;                 // likewise
  std::vector<ParameterTensor> parameters;
  std::vector<std::pair<int, Attr>> arguments;                 // position in the schema, value
  std::vector<std::pair<TensorSlot, SizeTerm>> sizes;              // arguments that are sizes, filled in last
  std::vector<std::optional<SizeTerm>> index_limits;               // by slot: the positions that it holds lie below this
  std::vector<std::optional<SizeTerm>> bounds;                     // by result: it holds positions below this
  int shape_class = 0;  // cases of one form with equal classes pose the same conditions on shapes
};

// The node and its leaves for these sizes: values in the order of `slots`, then the parameters.  `dtypes`: one a slot.
// Broadcast slots have the shapes given in `broadcast`, by slot.
struct Trial {
  Program program;
  Node node;
};
Trial MakeTrial(const OperatorInfo& info, const std::vector<TensorSlot>& slots, const ShapeCase& shape_case,
                const std::vector<int64_t>& sizes, const std::vector<DType>& dtypes,
                const std::vector<Shape>& broadcast = {});

// Fits the results' dimensions and finds the least sizes.  False when the rule refuses the case, does not fit or gives more
// than kMaxResults.
bool FitResults(const OperatorInfo& info, const std::vector<TensorSlot>& slots, const std::vector<DType>& dtypes,
                ShapeCase& shape_case);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SHAPE_CASE_H_
