// The row family behind the Family interface.  See row.h.
#include "templates/row.h"

#include "templates/family.h"

namespace drtriton {
namespace {

class RowFamily : public Family {
 public:
  std::string Name() const override { return "row"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    if (lowered.Has(LoweredKind::kMatmul)) return "it holds a matrix product";
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
      proposals.push_back(WriteRows(lowered, problem, schedule, device));
    }
    return proposals;
  }
};

}  // namespace

std::unique_ptr<Family> MakeRowFamily() { return std::make_unique<RowFamily>(); }

}  // namespace drtriton
