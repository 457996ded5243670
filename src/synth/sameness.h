// Along which dimensions the elements of a value are all the same: what broadcasting, reductions and padding leave of a
// tensor's shape.  A standard deviation along such a dimension is 0, a softmax uniform, a position always the first.
//
// Dimensions are counted from the last, as broadcasting does; a set of them is a mask of bits.  Dimensions of size 1
// and those beyond a tensor's rank are in every such set.
#ifndef DRTRITON_SYNTH_SAMENESS_H_
#define DRTRITON_SYNTH_SAMENESS_H_

#include <array>
#include <cstdint>
#include <span>

#include "graph/program.h"
#include "synth/numeric_rule.h"

namespace drtriton {

using DimSet = uint8_t;
inline constexpr size_t kMostDims = 8;
inline constexpr DimSet kAllDims = 0xff;

// How the result of a call depends on its operands.  It is the same along its dimension d where, for each operand o,
// the operand is the same along all dimensions in of[o][d]; kVaries is never all the same.
struct Dependence {
  static constexpr uint16_t kVaries = 0x100;
  static constexpr size_t kOperands = 3;

  std::array<std::array<uint16_t, kMostDims>, kOperands> of = {};
  DimSet grouped = 0;  // dimensions of the first operand along which the elements of one result lie
  size_t rank = 0;     // of the result

  DimSet SameOf(std::span<const DimSet> operands) const;
};

// The dimensions of size 1, and those that the shape does not have.
DimSet UnitDims(const Shape& shape);

// Of the result `output` (not absent).  `operands`: the tensors whose numbers count, in order; `rule` null: glue.
Dependence DependenceOf(const Program& program, const Node& node, size_t output, const NumericRule* rule,
                        std::span<const ValueId> operands);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SAMENESS_H_
