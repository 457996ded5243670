#include "pairs/proposed.h"

#include <set>
#include <utility>

#include "bench/sampled_fragment.h"
#include "language/canonical_fragment.h"
#include "synth/canonical.h"

namespace drtriton {

std::optional<ProposedProgram> ProposeFor(Sample sample, const TemplateProposer& expert, const DeviceSpec& device, int schedules) {
  ProposedProgram result;
  result.fragment = CanonicalFragment(SampledFragment(sample));
  if (expert.WhyNot(result.fragment)) return std::nullopt;
  std::set<std::string> sources;
  for (Proposal& proposal : expert.Propose(result.fragment, device, {.max_count = schedules, .seed = sample.seed})) {
    if (sources.insert(proposal.source).second) result.proposals.push_back(std::move(proposal));
  }
  if (result.proposals.empty()) return std::nullopt;
  result.id = CanonicalId(sample.program);
  result.split = SplitOf(sample.program, sample.operators);
  result.sample = std::move(sample);
  return result;
}

std::vector<std::string> FamiliesOf(const Proposal& proposal) {
  std::set<std::string> families;
  for (const KernelPlan& kernel : proposal.kernels) families.insert(kernel.family);
  return {families.begin(), families.end()};
}

}  // namespace drtriton
