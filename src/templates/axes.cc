// See axes.h.  Tested by axes_test.cc.
#include "templates/axes.h"

namespace drtriton {

AxisList AxisTable::Fresh(int64_t size) {
  if (size == 1) return {};
  entries_.push_back({size, {}});
  return {static_cast<AxisId>(entries_.size() - 1)};
}

void AxisTable::ResolveInto(AxisId axis, AxisList& out) const {
  const Entry& entry = entries_[static_cast<size_t>(axis)];
  if (entry.becomes.empty()) {
    out.push_back(axis);
    return;
  }
  for (AxisId part : entry.becomes) ResolveInto(part, out);
}

AxisList AxisTable::Resolve(const AxisList& axes) const {
  AxisList out;
  for (AxisId axis : axes) ResolveInto(axis, out);
  return out;
}

int64_t AxisTable::Product(const AxisList& axes) const {
  int64_t product = 1;
  for (AxisId axis : axes) product *= size(axis);
  return product;
}

// Works from the innermost axes outwards.  Where sizes differ, the larger axis is split so that its inner part has the
// size of the smaller one; its outer part is compared next.
bool AxisTable::Unify(const AxisList& a, const AxisList& b) {
  AxisList left = Resolve(a), right = Resolve(b);
  while (!left.empty() && !right.empty()) {
    AxisId x = left.back(), y = right.back();
    if (x == y) {
      left.pop_back();
      right.pop_back();
      continue;
    }
    bool split_left = size(x) > size(y);
    AxisId large = split_left ? x : y, small = split_left ? y : x;
    if (size(large) == size(small)) {
      entries_[static_cast<size_t>(y)].becomes = {x};
    } else if (size(small) > 0 && size(large) % size(small) == 0) {
      AxisId outer = Fresh(size(large) / size(small)).front();
      entries_[static_cast<size_t>(large)].becomes = {outer, small};
    } else {
      return false;
    }
    left = Resolve(left);
    right = Resolve(right);
  }
  return left.empty() && right.empty();
}

}  // namespace drtriton
