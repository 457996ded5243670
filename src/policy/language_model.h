// The language model's arithmetic (model_config.h says what it is), over tokens that lie behind each other without padding.
//
// All parameters are views of one flat tensor, so that an optimizer, a checkpoint or a reduction over processes handles one
// piece of memory.  Includes torch headers: keep it out of others.
//
// Shapes: T tokens, W width, V vocabulary.
#ifndef DRTRITON_POLICY_LANGUAGE_MODEL_H_
#define DRTRITON_POLICY_LANGUAGE_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "policy/attention.h"
#include "policy/model_config.h"

namespace drtriton {

// Parameters as the arithmetic wants them: what is multiplied with the same input is one matrix.
struct LayerTensors {
  at::Tensor input_norm;   // [W]
  at::Tensor qkv;          // [(heads + 2 kv_heads) * head_size, W]
  at::Tensor out;          // [W, heads * head_size]
  at::Tensor post_norm;    // [W]
  at::Tensor gate_up;      // [2 * hidden, W]
  at::Tensor down;         // [W, hidden]
};
struct ModelTensors {
  at::Tensor embedding;    // [V, W]
  std::vector<LayerTensors> layers;
  at::Tensor norm;         // [W]
  at::Tensor head;         // [V, W]; the embedding itself where they are tied
};

// Views of `flat`, [LayoutOf(config).count].  Differentiable with respect to it, in one operator.
ModelTensors SplitModel(const ModelConfig& config, const at::Tensor& flat);

// Initial parameters, fp32 on the CPU: normal with deviation 0.02 (what writes to the residual stream: divided by the root
// of twice the layers), norms 1.  The same seed gives the same values everywhere.
at::Tensor InitialParameters(const ModelConfig& config, uint64_t seed);

// Cosines and sines of every position, [context, head_size / 2] each, in `type`.
struct RotaryTable {
  RotaryTable(const ModelConfig& config, at::Device device, at::ScalarType type);
  at::Tensor cosines;
  at::Tensor sines;
};

// The last hidden states, [T, W], normalised, in the parameters' dtype.  `ids` and `positions` are int64 [T].
at::Tensor HiddenStates(const ModelConfig& config, const ModelTensors& model, const RotaryTable& rotary, const at::Tensor& ids,
                        const at::Tensor& positions, Attention& attention);

// fp32 [.., V] of hidden states [.., W].
at::Tensor Logits(const ModelTensors& model, const at::Tensor& hidden);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_LANGUAGE_MODEL_H_
