// Keys and values of the tokens that were seen, kept so that each new token costs one token's work.
//
// The cache has slots; a slot holds one sequence of at most `capacity` tokens.  Shapes as in attention.h.  Includes torch
// headers: keep it out of others.
#ifndef DRTRITON_POLICY_KV_CACHE_H_
#define DRTRITON_POLICY_KV_CACHE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "policy/attention.h"
#include "policy/model_config.h"

namespace drtriton {

class KvCache {
 public:
  KvCache(const ModelConfig& config, int64_t slots, int64_t capacity, at::Device device, at::ScalarType type);

  int64_t slots() const { return slots_; }
  int64_t capacity() const { return capacity_; }
  // [slots * capacity, K, D] of a layer; slot s begins at row s * capacity.
  const at::Tensor& keys(int64_t layer) const { return keys_[static_cast<size_t>(layer)]; }
  const at::Tensor& values(int64_t layer) const { return values_[static_cast<size_t>(layer)]; }

  // Copies the first `tokens` tokens of a slot into others: sequences that begin alike are computed once.
  void Share(int64_t from, const std::vector<int64_t>& to, int64_t tokens);

 private:
  int64_t slots_;
  int64_t capacity_;
  std::vector<at::Tensor> keys_;
  std::vector<at::Tensor> values_;
};

// Attention over whole prompts that also fills the cache: document i goes into slots[i].
class PromptAttention final : public Attention {
 public:
  PromptAttention(KvCache& cache, DocumentBounds bounds, std::vector<int64_t> slots, at::Device device);
  at::Tensor Attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) override;

 private:
  KvCache& cache_;
  DocumentBounds bounds_;
  std::vector<int64_t> slots_;
  PackedAttention packed_;
};

// Attention of one new token in each of the slots 0 .. n - 1: its key and value are written at positions[i] of slot i, then
// it sees everything up to itself.  Reads nothing back to the host, so that its steps can be captured in a CUDA graph;
// `longest` bounds positions + 1.
class NextTokenAttention final : public Attention {
 public:
  NextTokenAttention(KvCache& cache, const at::Tensor& positions, int64_t longest);
  at::Tensor Attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) override;

 private:
  at::Tensor Flash(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values) const;
  at::Tensor Masked(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values) const;

  KvCache& cache_;
  int64_t count_;
  int64_t longest_;
  at::Tensor rows_;      // int64 [n]: where the new tokens go
  at::Tensor mask_;      // bool [n, 1, 1, longest]: what each may see
  at::Tensor q_starts_;  // int32 [n + 1]
  at::Tensor k_starts_;  // int32 [n + 1]
  at::Tensor lengths_;   // int32 [n]
};

}  // namespace drtriton

#endif  // DRTRITON_POLICY_KV_CACHE_H_
