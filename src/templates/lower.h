// Lower: Fragment -> Lowered.
//
// Several readings of a leaf are possible where the fragment reads it more than once.  kShared takes all of them as one
// value, whose axes unify (x - x.view(n, -1).mean(1) reads x over one iteration space); kSeparate takes every view as a
// load of its own (x + x.T); kEach does so for every use (x @ x).  Callers try them in this order.
#ifndef DRTRITON_TEMPLATES_LOWER_H_
#define DRTRITON_TEMPLATES_LOWER_H_

#include <optional>
#include <string>
#include <variant>

#include "core/fragment.h"
#include "templates/lowered.h"

namespace drtriton {

enum class LeafReading : uint8_t { kShared, kSeparate, kEach };

// The reason for a fragment whose results are views of its inputs, or have no elements.
inline constexpr const char* kNothingComputed = "nothing is computed";

// The lowered fragment, or the reason, a clause naming the operator: "no template covers aten.sort.default".
// `fragment` must outlive the result.
std::variant<Lowered, std::string> Lower(const Fragment& fragment, LeafReading reading);

// Whether lowering knows this operator at all ("aten.relu.default").
bool CanLower(const std::string& op);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_LOWER_H_
