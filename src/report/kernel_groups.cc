#include "report/kernel_groups.h"

#include <map>
#include <utility>

#include "report/html.h"

namespace drtriton {

std::vector<std::string> KernelGroup::Operators() const {
  std::vector<std::string> names;
  for (const KernelPlan& kernel : first().proposal.kernels) {
    for (const std::string& fused : kernel.fuses) names.push_back(OperatorName(fused));
  }
  if (!names.empty()) return names;
  for (const Node& node : first().fragment.program.nodes) names.push_back(OperatorName(node.op));
  return names;
}

double KernelGroup::TotalMs() const { return first().verdict.time_ms.value_or(0) * static_cast<double>(steps.size()); }

std::vector<KernelGroup> GroupKernels(const Composition& composition) {
  std::vector<KernelGroup> groups;
  std::map<std::pair<std::string, std::string>, size_t> known;
  for (const CompositionStep& step : composition.steps) {
    const auto* kernel = std::get_if<KernelStep>(&step);
    if (kernel == nullptr) continue;
    auto [place, fresh] = known.try_emplace({kernel->kind, kernel->proposal.source}, groups.size());
    if (fresh) groups.push_back({static_cast<int>(groups.size()) + 1, {}});
    groups[place->second].steps.push_back(kernel);
  }
  return groups;
}

}  // namespace drtriton
