#include "train/pack_loss.h"

#include <ATen/ATen.h>

#include <utility>
#include <vector>

namespace drtriton {
namespace {

template <typename T>
at::Tensor OnDevice(const std::vector<T>& values, at::Device device) {
  return at::tensor(values).to(device, /*non_blocking=*/true);
}

}  // namespace

LossFunction::LossFunction(ModelConfig config, at::Device device, at::ScalarType type)
    : config_(std::move(config)), device_(device), type_(type), rotary_(config_, device, type) {}

PackLoss LossFunction::Of(const at::Tensor& flat, const TokenPack& pack) const {
  const ModelTensors model = SplitModel(config_, flat.to(type_));
  const DocumentBounds bounds{pack.starts};
  PackedAttention attention(bounds, device_);
  const at::Tensor hidden = HiddenStates(config_, model, rotary_, OnDevice(pack.ids, device_), bounds.Positions(device_), attention);
  // Only tokens of an answer are worth the product with the vocabulary.
  const at::Tensor logits = Logits(model, hidden.index_select(0, OnDevice(pack.rows, device_)));
  const at::Tensor errors = at::cross_entropy_loss(logits, OnDevice(pack.targets, device_), {}, at::Reduction::None);
  PackLoss loss;
  loss.weighted = (errors * OnDevice(pack.weights, device_)).sum();
  const at::Tensor plan = OnDevice(pack.plan, device_).to(at::kFloat);
  const at::Tensor plain = errors.detach();
  const at::Tensor plan_sum = (plain * plan).sum();
  loss.sums = at::stack({loss.weighted.detach(), plan_sum, plain.sum() - plan_sum});
  return loss;
}

}  // namespace drtriton
