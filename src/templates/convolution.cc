// The convolution family: implicit products on tensor cores, and direct sums where those do not fit or do not pay.
#include <algorithm>

#include "templates/direct_convolution.h"
#include "templates/family.h"
#include "templates/implicit_gemm.h"

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
    const std::vector<GemmSchedule> products = GemmSchedules(problem, device, max_count);
    const std::vector<WindowSchedule> direct = DirectSchedules(problem, device);
    std::vector<Proposal> proposals;
    size_t product = 0, sum = 0;
    while (static_cast<int>(proposals.size()) < max_count && (product < products.size() || sum < direct.size())) {
      bool take_sum = product == products.size() ||
                      (sum < direct.size() && direct[sum].estimated_us < products[product].estimated_us);
      // The two models are not measured against each other: where they are close, one of the first two is of either kind.
      if (product + sum == 1 && !products.empty() && !direct.empty()) {
        const double ratio = direct[0].estimated_us / products[0].estimated_us;
        if (ratio > 0.25 && ratio < 4) take_sum = sum == 0;
      }
      proposals.push_back(take_sum ? WriteDirect(problem, direct[sum++], device) : WriteGemm(problem, products[product++], device));
    }
    return proposals;
  }
};

}  // namespace

std::unique_ptr<Family> MakeConvolutionFamily() { return std::make_unique<ConvolutionFamily>(); }

}  // namespace drtriton
