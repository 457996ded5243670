// Arithmetic on positions (int64), and moves along one dimension, for the operators that move data.
#ifndef DRTRITON_TEMPLATES_LOWER_INDEX_H_
#define DRTRITON_TEMPLATES_LOWER_INDEX_H_

#include <optional>
#include <string>

#include "templates/draft.h"

namespace drtriton {

inline Term Int(Draft& draft, int64_t value) { return draft.Literal(Attr(value), DType::kInt64); }

inline Term IntOp(Draft& draft, const std::string& function, const Term& a, const Term& b) {
  return draft.Pointwise(function, DType::kInt64, {a, b});
}

inline Term IntOp(Draft& draft, const std::string& function, const Term& a, int64_t b) {
  return IntOp(draft, function, a, Int(draft, b));
}

// Of two positions.
inline Term Compare(Draft& draft, const std::string& comparison, const Term& a, const Term& b) {
  return draft.Pointwise(comparison, DType::kBool, {a, b}, DType::kInt64);
}

inline Term Compare(Draft& draft, const std::string& comparison, const Term& a, int64_t b) {
  return Compare(draft, comparison, a, Int(draft, b));
}

inline Term Both(Draft& draft, const std::optional<Term>& a, const Term& b) {
  return a ? draft.Pointwise("bitwise_and", DType::kBool, {*a, b}) : b;
}

// lower_movement.cc
Term FlipAlong(Draft& draft, const Term& x, int64_t dim);
// Element i comes from i - shift, around the end.
Term RollAlong(Draft& draft, const Term& x, int64_t dim, int64_t shift);
// Each element `times` times over.
Term RepeatEach(Draft& draft, Term x, int64_t dim, int64_t times);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_LOWER_INDEX_H_
