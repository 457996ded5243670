// Element types: what the constraint problem knows of the numbers in a tensor beside its shape.
//
// A program is of no use when one of its values is NaN, infinite or the same everywhere, and much of that is decided by
// signs alone: sqrt of a log_softmax is NaN, the sign of an exp is 1.  So each value of a program has one of fifteen
// element types, a family of dtypes and a region of numbers, and each operator a relation between those of its operands
// and of its results (operator_space.h).  The relation is found by evaluating the operator's function on the points below.
#ifndef DRTRITON_SYNTH_ELEMENT_TYPE_H_
#define DRTRITON_SYNTH_ELEMENT_TYPE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace drtriton {

enum class Family : uint8_t { kFloat, kInt, kBool };

enum class ElementType : uint8_t {
  kReal,           // both signs
  kPositive,       // above 0
  kUnit,           // between 0 and 1
  kSigned,         // between -1 and 1
  kNegative,       // below 0
  kAboveOne,       // above 1
  kRealZeros,      // both signs, many of them exactly 0
  kPositiveZeros,  // 0 or above, many exactly 0
  kWhole,          // whole numbers, as floats
  kCounting,       // 0, 1, 2 ... as floats
  kBit,            // 0 and 1 as floats
  kInteger,        // integers
  kNatural,        // 0, 1, 2 ...
  kIndex,          // likewise, below a bound that is a size of the program
  kBool,
};
inline constexpr int kElementTypes = 15;

// A set of element types, one bit each.
using TypeMask = uint16_t;
inline constexpr TypeMask kAnyType = (1 << kElementTypes) - 1;
constexpr TypeMask MaskOf(ElementType type) { return static_cast<TypeMask>(1U << static_cast<unsigned>(type)); }
TypeMask MaskOf(Family family);

Family FamilyOf(ElementType type);
std::string_view Name(ElementType type);

// Numbers that stand for the type: spread over it, with repeats where the type has ties.
std::span<const double> PointsOf(ElementType type);

// The narrowest type of this family that holds all these numbers; nullopt when one is not finite, or when they are all
// the same.
std::optional<ElementType> Classify(std::span<const double> numbers, Family family);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_ELEMENT_TYPE_H_
