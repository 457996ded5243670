// See layout.h.
#include "templates/layout.h"

#include <algorithm>
#include <cstdlib>

namespace drtriton {

std::vector<const Access*> AllAccesses(const Lowered& lowered) {
  std::vector<const Access*> all;
  for (const LoweredNode& node : lowered.nodes) {
    if (node.kind == LoweredKind::kLoad) all.push_back(&node.access);
  }
  for (const LoweredStore& store : lowered.stores) all.push_back(&store.access);
  return all;
}

int64_t StrideOf(const Access& access, AxisId axis) {
  for (size_t i = 0; i < access.axes.size(); ++i) {
    if (access.axes[i] == axis) return access.strides[i];
  }
  return 0;
}

bool DependsOn(const AxisList& axes, AxisId axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

AxisList Without(const AxisList& axes, const AxisList& removed) {
  AxisList kept;
  for (AxisId axis : axes) {
    if (!DependsOn(removed, axis)) kept.push_back(axis);
  }
  return kept;
}

AxisList Common(const AxisList& a, const AxisList& b) {
  AxisList both;
  for (AxisId axis : a) {
    if (DependsOn(b, axis)) both.push_back(axis);
  }
  return both;
}

AxisList OrderedBy(const Access& access, AxisList axes) {
  auto rank = [&](AxisId axis) {
    return DependsOn(access.axes, axis) ? std::abs(StrideOf(access, axis)) : INT64_MAX;
  };
  std::stable_sort(axes.begin(), axes.end(), [&](AxisId a, AxisId b) { return rank(a) > rank(b); });
  return axes;
}

int RunCount(const Lowered& lowered, const Access& access, const AxisList& axes) {
  int runs = 0;
  int64_t expected = -1;
  bool touched = false;
  for (size_t i = axes.size(); i-- > 0;) {
    int64_t stride = StrideOf(access, axes[i]);
    touched = touched || stride != 0;
    if (stride != expected) ++runs;
    expected = stride * lowered.size(axes[i]);
  }
  return touched ? runs : 0;
}

AxisList ContiguousRun(const Lowered& lowered, const Access& access, const AxisList& axes) {
  AxisList run;
  for (int64_t expected = 1;;) {
    bool grown = false;
    for (AxisId axis : axes) {
      if (StrideOf(access, axis) != expected || DependsOn(run, axis)) continue;
      run.insert(run.begin(), axis);
      expected *= lowered.size(axis);
      grown = true;
      break;
    }
    if (!grown) return run;
  }
}

}  // namespace drtriton
