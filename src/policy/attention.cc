#include "policy/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr int64_t kLargestFlashHead = 256;

// [L, heads, D] as attention operators want it: [1, heads, L, D].
at::Tensor HeadsFirst(const at::Tensor& tensor) { return tensor.transpose(0, 1).unsqueeze(0); }

}  // namespace

int64_t DocumentBounds::longest() const {
  int64_t longest = 0;
  for (size_t i = 1; i < starts.size(); ++i) longest = std::max(longest, starts[i] - starts[i - 1]);
  return longest;
}

at::Tensor DocumentBounds::Positions(at::Device device) const {
  at::Tensor positions = at::empty({tokens()}, at::kLong);
  auto* value = positions.data_ptr<int64_t>();
  for (size_t i = 1; i < starts.size(); ++i) {
    for (int64_t at = starts[i - 1]; at < starts[i]; ++at) *value++ = at - starts[i - 1];
  }
  return positions.to(device);
}

bool HasFlashAttention(const at::Tensor& q) {
  const bool half = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  return q.is_cuda() && half && q.size(-1) % 8 == 0 && q.size(-1) <= kLargestFlashHead;
}

PackedAttention::PackedAttention(DocumentBounds bounds, at::Device device) : bounds_(std::move(bounds)), longest_(bounds_.longest()) {
  Require(bounds_.starts.size() >= 2 && bounds_.starts.front() == 0, "PackedAttention: no documents");
  const auto& starts = bounds_.starts;
  Require(std::adjacent_find(starts.begin(), starts.end(), std::greater_equal<>()) == starts.end(), "PackedAttention: an empty document");
  starts_ = at::tensor(starts, at::kLong).to(at::kInt).to(device);
}

at::Tensor PackedAttention::Attend(int64_t /*layer*/, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  if (!HasFlashAttention(q)) return ByDocument(q, k, v);
  return std::get<0>(at::_flash_attention_forward(q, k, v, starts_, starts_, longest_, longest_, /*dropout_p=*/0.0,
                                                  /*is_causal=*/true, /*return_debug_mask=*/false));
}

at::Tensor PackedAttention::ByDocument(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const {
  std::vector<at::Tensor> results;
  for (size_t i = 1; i < bounds_.starts.size(); ++i) {
    const auto piece = [&](const at::Tensor& tensor) { return HeadsFirst(tensor.slice(0, bounds_.starts[i - 1], bounds_.starts[i])); };
    const at::Tensor result = at::scaled_dot_product_attention(piece(q), piece(k), piece(v), /*attn_mask=*/{}, /*dropout_p=*/0.0,
                                                               /*is_causal=*/true, /*scale=*/std::nullopt, /*enable_gqa=*/true);
    results.push_back(result.squeeze(0).transpose(0, 1));
  }
  return at::cat(results);
}

}  // namespace drtriton
