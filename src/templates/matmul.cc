// The matmul family: reads the problem, orders schedules, writes one proposal a schedule.
#include "templates/matmul.h"

#include <algorithm>

#include "templates/family.h"
#include "templates/matmul_source.h"

namespace drtriton {
namespace {

std::string Summary(const Lowered& lowered, const MatmulSchedule& schedule) {
  std::string text;
  for (const std::string& name : lowered.operators) text += (text.empty() ? "" : ", ") + name;
  return text + " (" + Describe(schedule) + ").";
}

class MatmulFamily : public Family {
 public:
  std::string Name() const override { return "matmul"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    auto read = ReadMatmul(lowered);
    if (auto* reason = std::get_if<std::string>(&read)) return *reason;
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    const auto read = ReadMatmul(lowered);
    const MatmulProblem& problem = std::get<MatmulProblem>(read);
    std::vector<Proposal> proposals;
    for (const MatmulSchedule& schedule : MatmulSchedules(problem, device, max_count)) {
      proposals.push_back(MatmulProposal(problem, schedule, device));
    }
    return proposals;
  }

  void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const override {
    const auto read = ReadMatmul(part);
    const MatmulProblem& problem = std::get<MatmulProblem>(read);
    const std::vector<MatmulSchedule> schedules = MatmulSchedules(problem, device, static_cast<int>(choice) + 1);
    const MatmulSchedule& schedule = schedules[std::min(choice, schedules.size() - 1)];
    for (KernelPlan& plan : WriteMatmul(problem, schedule, device, module)) proposal.kernels.push_back(std::move(plan));
    proposal.estimated_us += schedule.estimated_us;
  }
};

}  // namespace

Proposal MatmulProposal(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  ModuleSource module(*problem.lowered);
  Proposal proposal;
  proposal.proposer = "templates";
  proposal.kernels = WriteMatmul(problem, schedule, device, module);
  proposal.source = module.Text(Summary(*problem.lowered, schedule));
  proposal.estimated_us = schedule.estimated_us;
  return proposal;
}

std::unique_ptr<Family> MakeMatmulFamily() { return std::make_unique<MatmulFamily>(); }

}  // namespace drtriton
