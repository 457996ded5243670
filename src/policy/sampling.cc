#include "policy/sampling.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

namespace drtriton {
namespace {

// Less than 1 by so much that its product with a sum of probabilities is below the sum, rounded as it may be.
constexpr double kBelowOne = 1.0 - 1.0 / (1 << 20);

// The first index of each row whose running sum exceeds uniform * sum; it has a positive weight.
at::Tensor Invert(const at::Tensor& weights, const at::Tensor& uniform) {
  const at::Tensor sums = weights.cumsum(-1);
  const at::Tensor wanted = (uniform * kBelowOne).unsqueeze(1) * sums.slice(-1, -1);
  return (sums <= wanted).sum(-1);
}

// Probabilities without the unlikely tokens, in the same order, so that a row with top_p 1 is drawn as without this.
at::Tensor Narrowed(const at::Tensor& probabilities, const at::Tensor& top_p) {
  const auto [sorted, order] = at::sort(probabilities, /*stable=*/true, /*dim=*/-1, /*descending=*/true);
  // A token stays when those before it do not yet have the wanted probability; so the first one stays always.
  const at::Tensor stays = at::logical_or(sorted.cumsum(-1) - sorted < top_p, top_p >= 1);
  return probabilities * at::zeros_like(stays).scatter(1, order, stays);
}

}  // namespace

DrawnTokens DrawTokens(const at::Tensor& logits, const SamplingRows& rows, bool narrow) {
  const at::Tensor temperature = at::where(rows.temperature > 0, rows.temperature, at::ones_like(rows.temperature));
  const at::Tensor probabilities = at::softmax(logits / temperature.unsqueeze(1), -1);
  const at::Tensor weights = narrow ? Narrowed(probabilities, rows.top_p.unsqueeze(1)) : probabilities;
  const at::Tensor drawn = Invert(weights, rows.uniform);
  DrawnTokens result;
  result.tokens = at::where(rows.temperature > 0, drawn, logits.argmax(-1));
  result.logprobs = at::log_softmax(logits, -1).gather(1, result.tokens.unsqueeze(1)).squeeze(1);
  return result;
}

std::vector<float> UniformNumbers(uint64_t seed, int64_t index, int64_t count) {
  // Odd multipliers keep streams of neighbouring seeds and indices apart.
  const uint64_t stream = seed * 0x9e3779b97f4a7c15ULL + static_cast<uint64_t>(index) * 0xd1342543de82ef95ULL + 1;
  const at::Tensor numbers = at::rand({count}, at::detail::createCPUGenerator(stream), at::kFloat);
  return {numbers.data_ptr<float>(), numbers.data_ptr<float>() + count};
}

}  // namespace drtriton
