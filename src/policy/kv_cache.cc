#include "policy/kv_cache.h"

#include <ATen/ATen.h>

#include <tuple>
#include <utility>

#include "base/error.h"

namespace drtriton {

KvCache::KvCache(const ModelConfig& config, int64_t slots, int64_t capacity, at::Device device, at::ScalarType type)
    : slots_(slots), capacity_(capacity) {
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    keys_.push_back(at::zeros({slots * capacity, config.kv_heads, config.head_size}, at::TensorOptions().device(device).dtype(type)));
    values_.push_back(at::zeros_like(keys_.back()));
  }
}

void KvCache::Share(int64_t from, const std::vector<int64_t>& to, int64_t tokens) {
  for (const std::vector<at::Tensor>* tensors : {&keys_, &values_}) {
    for (const at::Tensor& tensor : *tensors) {
      const at::Tensor source = tensor.slice(0, from * capacity_, from * capacity_ + tokens);
      for (const int64_t slot : to) tensor.slice(0, slot * capacity_, slot * capacity_ + tokens).copy_(source);
    }
  }
}

// ---- Whole prompts

PromptAttention::PromptAttention(KvCache& cache, DocumentBounds bounds, std::vector<int64_t> slots, at::Device device)
    : cache_(cache), bounds_(bounds), slots_(std::move(slots)), packed_(std::move(bounds), device) {
  Require(slots_.size() + 1 == bounds_.starts.size(), "PromptAttention: a slot for each document");
  Require(bounds_.longest() <= cache.capacity(), "PromptAttention: a prompt longer than a slot");
}

at::Tensor PromptAttention::Attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  for (size_t i = 0; i < slots_.size(); ++i) {
    const int64_t begin = bounds_.starts[i];
    const int64_t end = bounds_.starts[i + 1];
    const int64_t row = slots_[i] * cache_.capacity();
    cache_.keys(layer).slice(0, row, row + end - begin).copy_(k.slice(0, begin, end));
    cache_.values(layer).slice(0, row, row + end - begin).copy_(v.slice(0, begin, end));
  }
  return packed_.Attend(layer, q, k, v);
}

// ---- One new token a slot

NextTokenAttention::NextTokenAttention(KvCache& cache, const at::Tensor& positions, int64_t longest)
    : cache_(cache), count_(positions.size(0)), longest_(longest) {
  const at::Tensor slots = at::arange(count_ + 1, positions.options());
  rows_ = slots.slice(0, 0, count_) * cache.capacity() + positions;
  mask_ = (at::arange(longest, positions.options()).unsqueeze(0) <= positions.unsqueeze(1)).view({count_, 1, 1, longest});
  q_starts_ = slots.to(at::kInt);
  k_starts_ = (slots * cache.capacity()).to(at::kInt);
  lengths_ = (positions + 1).to(at::kInt);
}

at::Tensor NextTokenAttention::Attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const at::Tensor& keys = cache_.keys(layer);
  const at::Tensor& values = cache_.values(layer);
  keys.index_copy_(0, rows_, k);
  values.index_copy_(0, rows_, v);
  return HasFlashAttention(q) ? Flash(q, keys, values) : Masked(q, keys, values);
}

at::Tensor NextTokenAttention::Flash(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values) const {
  return std::get<0>(at::_flash_attention_forward(q, keys, values, q_starts_, k_starts_, /*max_q=*/1, cache_.capacity(), /*dropout_p=*/0.0,
                                                  /*is_causal=*/false, /*return_debug_mask=*/false, /*scale=*/std::nullopt,
                                                  /*window_size_left=*/std::nullopt, /*window_size_right=*/std::nullopt, lengths_));
}

at::Tensor NextTokenAttention::Masked(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values) const {
  const auto of_slots = [&](const at::Tensor& tensor) {   // [n, K, longest, D]
    return tensor.slice(0, 0, count_ * cache_.capacity()).view({count_, cache_.capacity(), tensor.size(1), tensor.size(2)}).slice(1, 0, longest_).transpose(1, 2);
  };
  return at::scaled_dot_product_attention(q.unsqueeze(2), of_slots(keys), of_slots(values), mask_, /*dropout_p=*/0.0,
                                          /*is_causal=*/false, /*scale=*/std::nullopt, /*enable_gqa=*/true).squeeze(2);
}

}  // namespace drtriton
