// Axes: the loop dimensions that the values of a fragment share.
//
// Every dimension of every value is written as a product of axes, outermost first; a dimension of size 1 is the empty
// product.  Operators relate axes instead of moving data: a permute reorders them, an expand adds one that the operand
// does not depend on, an elementwise operator unifies its operands' axes, and a reshape splits an axis in two where
// the sizes demand it (group_norm's C becomes G x C/G).  What remains after lowering is one iteration space in which
// every load and store is a sum of index times stride.
#ifndef DRTRITON_TEMPLATES_AXES_H_
#define DRTRITON_TEMPLATES_AXES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace drtriton {

using AxisId = int32_t;
using AxisList = std::vector<AxisId>;   // a product, outermost first

class AxisTable {
 public:
  // A new axis; the empty product for size 1.
  AxisList Fresh(int64_t size);

  // Makes the two products equal by merging and splitting axes.  False when their sizes do not factor alike (2x3 against
  // 3x2) or differ.  What was unified before a failure stays so; the caller gives up.
  bool Unify(const AxisList& a, const AxisList& b);
  // Whether Unify() would succeed; changes nothing.
  bool CanUnify(const AxisList& a, const AxisList& b) const { return AxisTable(*this).Unify(a, b); }

  // The product in terms of axes that are neither merged away nor split.
  AxisList Resolve(const AxisList& axes) const;

  int64_t size(AxisId axis) const { return entries_[static_cast<size_t>(axis)].size; }
  int64_t Product(const AxisList& axes) const;

 private:
  struct Entry {
    int64_t size;
    AxisList becomes;   // empty: a live axis; one: merged into it; two: split into outer and inner
  };
  void ResolveInto(AxisId axis, AxisList& out) const;

  std::vector<Entry> entries_;
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_AXES_H_
