// A model's weights on disk: Hugging Face's layout (config.json and safetensors, fp32 or bf16) or our int8 shards.  No torch
// here: moving weights between files needs no libtorch.
#ifndef DRTRITON_POLICY_WEIGHTS_H_
#define DRTRITON_POLICY_WEIGHTS_H_

#include <filesystem>
#include <string_view>
#include <vector>

#include "policy/model_config.h"

namespace drtriton {

// A whole model in memory.  `values` has LayoutOf(config).count elements in that order.
struct ModelWeights {
  ModelConfig config;
  std::vector<float> values;
};

enum class WeightFormat { kFloat32, kBFloat16, kInt8 };
std::string_view Name(WeightFormat format);   // "fp32", "bf16", "int8"

// The model that `folder` holds: int8 shards where there are any, else config.json with model.safetensors, or with the files
// that model.safetensors.index.json names.  Throws UserError, one sentence naming the file, for anything missing, cut off,
// damaged, of another shape, or too much.
ModelWeights ReadModel(const std::filesystem::path& folder);

// Writes the model into `folder`, which is created; each file is replaced atomically, config.json last.  bf16 is rounded to the
// nearest.  Afterwards ReadModel() gives this model: int8 shards that would hide fp32 or bf16 values are removed.  Throws UserError naming the path and the reason.
void WriteModel(const std::filesystem::path& folder, const ModelWeights& weights, WeightFormat format);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_WEIGHTS_H_
