// The loss of the language model on one pack of sequences.  Includes torch headers: keep it out of others.
#ifndef DRTRITON_TRAIN_PACK_LOSS_H_
#define DRTRITON_TRAIN_PACK_LOSS_H_

#include <ATen/core/Tensor.h>

#include "policy/language_model.h"
#include "train/token_data.h"

namespace drtriton {

// Sums of cross entropies in nats, fp32.
struct PackLoss {
  at::Tensor weighted;   // each times its weight; differentiable with respect to the parameters
  at::Tensor sums;       // [3]: the same without gradient, that of the plan's tokens, that of the code's, unweighted
};

// The model in the precision `type`: parameters are cast once a call, the loss itself is fp32.  `flat` is the model's
// parameters, fp32, on the device that computes.
class LossFunction {
 public:
  LossFunction(ModelConfig config, at::Device device, at::ScalarType type);
  PackLoss Of(const at::Tensor& flat, const TokenPack& pack) const;

 private:
  ModelConfig config_;
  at::Device device_;
  at::ScalarType type_;
  RotaryTable rotary_;
};

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_PACK_LOSS_H_
