// The convolution family: implicit products on tensor cores, and direct sums where those do not fit or do not pay.
#include <algorithm>

#include "templates/direct_convolution.h"
#include "templates/family.h"
#include "templates/implicit_gemm.h"

namespace drtriton {
namespace {

using Choice = std::variant<GemmSchedule, WindowSchedule>;

// At most `max_count`, best estimate first.
std::vector<Choice> Choices(const WindowProblem& problem, const DeviceSpec& device, size_t max_count) {
  const std::vector<GemmSchedule> products = GemmSchedules(problem, device, static_cast<int>(max_count));
  const std::vector<WindowSchedule> direct = DirectSchedules(problem, device);
  std::vector<Choice> choices;
  size_t product = 0, sum = 0;
  while (choices.size() < max_count && (product < products.size() || sum < direct.size())) {
    bool take_sum = product == products.size() ||
                    (sum < direct.size() && direct[sum].estimated_us < products[product].estimated_us);
    // The two models are not measured against each other: where they are close, one of the first two is of either kind.
    if (product + sum == 1 && !products.empty() && !direct.empty()) {
      const double ratio = direct[0].estimated_us / products[0].estimated_us;
      if (ratio > 0.25 && ratio < 4) take_sum = sum == 0;
    }
    if (take_sum) {
      choices.emplace_back(direct[sum++]);
    } else {
      choices.emplace_back(products[product++]);
    }
  }
  return choices;
}

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
    for (const Choice& choice : Choices(problem, device, static_cast<size_t>(max_count))) {
      const auto* direct = std::get_if<WindowSchedule>(&choice);
      proposals.push_back(direct != nullptr ? WriteDirect(problem, *direct, device)
                                            : WriteGemm(problem, std::get<GemmSchedule>(choice), device));
    }
    return proposals;
  }

  void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const override {
    const auto read = ReadWindow(part);
    const WindowProblem& problem = std::get<WindowProblem>(read);
    const Choice chosen = Choices(problem, device, choice + 1).back();
    if (const auto* direct = std::get_if<WindowSchedule>(&chosen)) return AppendDirect(problem, *direct, device, module, proposal);
    AppendGemm(problem, std::get<GemmSchedule>(chosen), device, module, proposal);
  }
};

}  // namespace

std::unique_ptr<Family> MakeConvolutionFamily() { return std::make_unique<ConvolutionFamily>(); }

}  // namespace drtriton
