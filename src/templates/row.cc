// The row family behind the Family interface.  See row.h.
#include "templates/row.h"

#include <algorithm>

#include "templates/family.h"

namespace drtriton {
namespace {

class RowFamily : public Family {
 public:
  std::string Name() const override { return "row"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    if (lowered.Has(LoweredKind::kMatmul)) return "it holds a matrix product";
    if (lowered.Has(LoweredKind::kScan)) return "it scans";
    if (lowered.Has(LoweredKind::kWindow)) return "it holds a convolution or pooling";
    auto problem = AnalyseRows(lowered);
    if (const auto* reason = std::get_if<std::string>(&problem)) return *reason;
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    const RowProblem problem = std::get<RowProblem>(AnalyseRows(lowered));
    std::vector<Proposal> proposals;
    for (const RowSchedule& schedule : RowSchedules(lowered, problem, device)) {
      if (static_cast<int>(proposals.size()) >= max_count) break;
      ModuleSource module(lowered);
      Proposal proposal;
      proposal.proposer = "templates";
      AppendRows(lowered, problem, schedule, device, module, proposal);
      proposal.source = module.Text(proposal.kernels.front().why);
      proposals.push_back(std::move(proposal));
    }
    return proposals;
  }

  void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const override {
    const RowProblem problem = std::get<RowProblem>(AnalyseRows(part));
    const std::vector<RowSchedule> schedules = RowSchedules(part, problem, device);
    AppendRows(part, problem, schedules[std::min(choice, schedules.size() - 1)], device, module, proposal);
  }
};

}  // namespace

std::unique_ptr<Family> MakeRowFamily() { return std::make_unique<RowFamily>(); }

}  // namespace drtriton
