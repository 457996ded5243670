// The staged family: parts of a fragment (stages.h), each written by the family that fits, in one module.
#include "templates/family.h"
#include "templates/parts.h"

namespace drtriton {
namespace {

constexpr size_t kMostParts = 12;

class StagedFamily : public Family {
 public:
  StagedFamily() : writer_({pointwise_.get(), row_.get(), matmul_.get(), scan_.get()}) {}

  std::string Name() const override { return "staged"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    StagePlan plan = CutIntoStages(lowered);
    if (plan.parts.size() < 2) return "it is one stage";
    if (plan.parts.size() > kMostParts) return "it takes more than " + std::to_string(kMostParts) + " stages";
    return writer_.WhyNot(plan);
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
    return writer_.Propose(CutIntoStages(lowered), device, max_count, "stages");
  }

 private:
  const std::unique_ptr<Family> pointwise_ = MakePointwiseFamily(), row_ = MakeRowFamily(), matmul_ = MakeMatmulFamily(),
                                scan_ = MakeScanFamily();
  const PartsWriter writer_;
};

}  // namespace

std::unique_ptr<Family> MakeStagedFamily() { return std::make_unique<StagedFamily>(); }

}  // namespace drtriton
