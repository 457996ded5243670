// See parts.h.  Tested by stages_test.cc and segments_test.cc.
#include "templates/parts.h"

#include <algorithm>

#include "base/error.h"
#include "templates/source.h"

namespace drtriton {

std::optional<std::string> PartsWriter::WhyNot(const StagePlan& plan) const {
  for (const Lowered& part : plan.parts) {
    std::string reason;
    if (FamilyFor(part, &reason) == nullptr) return reason;
  }
  return std::nullopt;
}

std::vector<Proposal> PartsWriter::Propose(const StagePlan& plan, const DeviceSpec& device, int max_count,
                                           const std::string& unit) const {
  std::vector<Proposal> proposals;
  for (size_t choice = 0; choice < static_cast<size_t>(max_count); ++choice) {
    ModuleSource module(plan.whole);
    Proposal proposal;
    proposal.proposer = "templates";
    if (plan.parts.empty()) {
      proposal.source = module.Text("Nothing is computed: results are views, or have no elements.");
      return {std::move(proposal)};
    }
    for (const Lowered& part : plan.parts) FamilyFor(part, nullptr)->Append(part, device, choice, module, proposal);
    proposal.source = module.Text("In " + std::to_string(plan.parts.size()) + " " + unit + ". " + proposal.kernels.front().why);
    const bool again = std::any_of(proposals.begin(), proposals.end(), [&](const Proposal& p) { return p.source == proposal.source; });
    if (again) break;   // no part has another schedule left
    proposals.push_back(std::move(proposal));
  }
  return proposals;
}

const Family* PartsWriter::FamilyFor(const Lowered& part, std::string* reason) const {
  for (const Family* family : families_) {
    std::optional<std::string> why_not = family->WhyNot(part);
    if (!why_not) return family;
    if (reason != nullptr && (reason->empty() || family->Name() == "row")) *reason = *why_not;
  }
  return nullptr;
}

void Family::Append(const Lowered&, const DeviceSpec&, size_t, ModuleSource&, Proposal&) const {
  throw InternalError("the family " + Name() + " writes whole fragments only");
}

}  // namespace drtriton
