// The staged family: parts of a fragment (stages.h), each written by the family that fits, in one module.
#include <algorithm>

#include "base/error.h"
#include "templates/family.h"
#include "templates/source.h"
#include "templates/stages.h"

namespace drtriton {
namespace {

constexpr size_t kMostParts = 12;

class StagedFamily : public Family {
 public:
  StagedFamily() {
    families_.push_back(MakePointwiseFamily());
    families_.push_back(MakeRowFamily());
    families_.push_back(MakeMatmulFamily());
    families_.push_back(MakeScanFamily());
  }

  std::string Name() const override { return "staged"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    StagePlan plan = CutIntoStages(lowered);
    if (plan.parts.size() < 2) return "it is one stage";
    if (plan.parts.size() > kMostParts) return "it takes more than " + std::to_string(kMostParts) + " stages";
    for (const Lowered& part : plan.parts) {
      std::string reason;
      if (FamilyFor(part, &reason) == nullptr) return reason;
    }
    return std::nullopt;
  }

  int64_t BytesBetweenKernels(const Lowered& lowered) const override {
    const StagePlan plan = CutIntoStages(lowered);
    int64_t bytes = 0;
    for (size_t i = lowered.buffers.size(); i < plan.whole.buffers.size(); ++i) {
      const BufferSpec& buffer = plan.whole.buffers[i];
      bytes += 2 * ElementCount(buffer.shape) * ElementBytes(buffer.dtype);
    }
    return bytes;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    StagePlan plan = CutIntoStages(lowered);
    std::vector<Proposal> proposals;
    for (size_t choice = 0; choice < static_cast<size_t>(max_count); ++choice) {
      ModuleSource module(plan.whole);
      Proposal proposal;
      proposal.proposer = "templates";
      for (const Lowered& part : plan.parts) FamilyFor(part, nullptr)->Append(part, device, choice, module, proposal);
      proposal.source = module.Text("In " + std::to_string(plan.parts.size()) + " stages. " + proposal.kernels.front().why);
      const bool again = std::any_of(proposals.begin(), proposals.end(), [&](const Proposal& p) { return p.source == proposal.source; });
      if (again) break;   // no part has another schedule left
      proposals.push_back(std::move(proposal));
    }
    return proposals;
  }

 private:
  const Family* FamilyFor(const Lowered& part, std::string* reason) const {
    for (const auto& family : families_) {
      std::optional<std::string> why_not = family->WhyNot(part);
      if (!why_not) return family.get();
      if (reason != nullptr && (reason->empty() || family->Name() == "row")) *reason = *why_not;
    }
    return nullptr;
  }

  std::vector<std::unique_ptr<Family>> families_;
};

}  // namespace

void Family::Append(const Lowered&, const DeviceSpec&, size_t, ModuleSource&, Proposal&) const {
  throw InternalError("the family " + Name() + " writes whole fragments only");
}

std::unique_ptr<Family> MakeStagedFamily() { return std::make_unique<StagedFamily>(); }

}  // namespace drtriton
