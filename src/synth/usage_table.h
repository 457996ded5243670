// Which operators follow which in real modules: the counts behind the law `usage` (scripts/count_usage.py).
#ifndef DRTRITON_SYNTH_USAGE_TABLE_H_
#define DRTRITON_SYNTH_USAGE_TABLE_H_

#include <vector>

namespace drtriton {

// A path of one to three operators along the tensors of a module: places in UsageNames().
struct UsagePath {
  int operators[3];  // -1: the module's inputs, where a path begins; -2: the path is shorter
  int count;
};

const std::vector<const char*>& UsageNames();  // "aten.linear.default"
const std::vector<UsagePath>& UsagePaths();

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_USAGE_TABLE_H_
