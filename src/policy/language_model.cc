#include "policy/language_model.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <string_view>

#include "base/error.h"

namespace drtriton {
namespace {

// Takes pieces from the front of what a split gave.
class PieceTaker {
 public:
  explicit PieceTaker(std::vector<at::Tensor> pieces) : pieces_(std::move(pieces)) {}
  at::Tensor Matrix(int64_t columns) { return pieces_[next_++].view({-1, columns}); }
  at::Tensor Vector() { return pieces_[next_++]; }

 private:
  std::vector<at::Tensor> pieces_;
  size_t next_ = 0;
};

// Elements of each piece in the order of the layout; neighbours that are one matrix are one piece.
std::vector<int64_t> PieceSizes(const ModelConfig& config) {
  const int64_t width = config.width;
  std::vector<int64_t> sizes = {config.vocabulary * width};
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    sizes.insert(sizes.end(), {(config.heads + 2 * config.kv_heads) * config.head_size * width, config.heads * config.head_size * width,
                               2 * config.hidden * width, config.hidden * width});
  }
  if (!config.tied) sizes.push_back(config.vocabulary * width);
  sizes.insert(sizes.end(), static_cast<size_t>(2 * config.layers + 1), width);
  return sizes;
}

// x [T, heads, D] turned by its position: halves (a, b) become (a cos - b sin, b cos + a sin).  cosines, sines [T, 1, D / 2].
at::Tensor Rotate(const at::Tensor& x, const at::Tensor& cosines, const at::Tensor& sines) {
  const int64_t half = x.size(-1) / 2;
  const at::Tensor a = x.slice(-1, 0, half);
  const at::Tensor b = x.slice(-1, half);
  return at::cat({a * cosines - b * sines, b * cosines + a * sines}, -1);
}

}  // namespace

ModelTensors SplitModel(const ModelConfig& config, const at::Tensor& flat) {
  Require(flat.dim() == 1 && flat.size(0) == LayoutOf(config).count, "SplitModel: parameters of another model");
  PieceTaker pieces(flat.split_with_sizes(PieceSizes(config)));
  ModelTensors model;
  model.embedding = pieces.Matrix(config.width);
  model.layers.resize(static_cast<size_t>(config.layers));
  for (LayerTensors& layer : model.layers) {
    layer.qkv = pieces.Matrix(config.width);
    layer.out = pieces.Matrix(config.heads * config.head_size);
    layer.gate_up = pieces.Matrix(config.width);
    layer.down = pieces.Matrix(config.hidden);
  }
  model.head = config.tied ? model.embedding : pieces.Matrix(config.width);
  for (LayerTensors& layer : model.layers) {
    layer.input_norm = pieces.Vector();
    layer.post_norm = pieces.Vector();
  }
  model.norm = pieces.Vector();
  return model;
}

at::Tensor InitialParameters(const ModelConfig& config, uint64_t seed) {
  const ModelLayout layout = LayoutOf(config);
  at::Tensor flat = at::ones({layout.count}, at::kFloat);
  at::Generator random = at::detail::createCPUGenerator(seed);
  const double residual = 0.02 / std::sqrt(2.0 * static_cast<double>(config.layers));
  for (const ModelParameter& parameter : layout.parameters) {
    if (parameter.columns == 0) continue;
    const std::string_view name = parameter.name;
    const bool writes_residual = name.ends_with("o_proj.weight") || name.ends_with("down_proj.weight");
    flat.slice(0, parameter.offset, parameter.offset + parameter.count()).normal_(0.0, writes_residual ? residual : 0.02, random);
  }
  return flat;
}

RotaryTable::RotaryTable(const ModelConfig& config, at::Device device, at::ScalarType type) {
  const at::Tensor exponents = at::arange(0, config.head_size, 2, at::kFloat) / static_cast<double>(config.head_size);
  const at::Tensor frequencies = at::reciprocal(at::pow(config.rope_theta, exponents));
  const at::Tensor angles = at::outer(at::arange(config.context, at::kFloat), frequencies);
  cosines = angles.cos().to(type).to(device);
  sines = angles.sin().to(type).to(device);
}

at::Tensor HiddenStates(const ModelConfig& config, const ModelTensors& model, const RotaryTable& rotary, const at::Tensor& ids,
                        const at::Tensor& positions, Attention& attention) {
  const at::Tensor cosines = rotary.cosines.index_select(0, positions).unsqueeze(1);
  const at::Tensor sines = rotary.sines.index_select(0, positions).unsqueeze(1);
  const auto norm = [&](const at::Tensor& x, const at::Tensor& weight) { return at::rms_norm(x, {config.width}, weight, config.norm_epsilon); };
  const int64_t turned = config.heads + config.kv_heads;   // queries and keys are rotated, values are not
  at::Tensor x = at::embedding(model.embedding, ids);
  for (int64_t i = 0; i < config.layers; ++i) {
    const LayerTensors& layer = model.layers[static_cast<size_t>(i)];
    const at::Tensor qkv = at::linear(norm(x, layer.input_norm), layer.qkv).view({ids.size(0), -1, config.head_size});
    const at::Tensor qk = Rotate(qkv.slice(1, 0, turned), cosines, sines);
    const at::Tensor seen = attention.Attend(i, qk.slice(1, 0, config.heads), qk.slice(1, config.heads), qkv.slice(1, turned));
    x = x + at::linear(seen.reshape({ids.size(0), -1}), layer.out);
    const at::Tensor both = at::linear(norm(x, layer.post_norm), layer.gate_up);
    x = x + at::linear(at::silu(both.slice(1, 0, config.hidden)) * both.slice(1, config.hidden), layer.down);
  }
  return norm(x, model.norm);
}

at::Tensor Logits(const ModelTensors& model, const at::Tensor& hidden) { return at::linear(hidden, model.head).to(at::kFloat); }

}  // namespace drtriton
