// The convolution family: direct kernels.
#include "templates/direct_convolution.h"
#include "templates/family.h"

namespace drtriton {
namespace {

class ConvolutionFamily : public Family {
 public:
  std::string Name() const override { return "convolution"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    auto read = ReadWindow(lowered);
    if (auto* reason = std::get_if<std::string>(&read)) return *reason;
    if (std::get<WindowProblem>(read).function() != "convolution") return "it pools";
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    const auto read = ReadWindow(lowered);
    const WindowProblem& problem = std::get<WindowProblem>(read);
    std::vector<Proposal> proposals;
    for (const WindowSchedule& schedule : DirectSchedules(problem, device)) {
      if (static_cast<int>(proposals.size()) >= max_count) break;
      proposals.push_back(WriteDirect(problem, schedule, device));
    }
    return proposals;
  }
};

}  // namespace

std::unique_ptr<Family> MakeConvolutionFamily() { return std::make_unique<ConvolutionFamily>(); }

}  // namespace drtriton
