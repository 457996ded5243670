// Causal attention over several documents that lie behind each other in one batch, without padding.
//
// Shapes: T tokens of all documents, H query heads, K key and value heads (K divides H: grouped queries), D head size.
// Includes torch headers: keep it out of others.
#ifndef DRTRITON_POLICY_ATTENTION_H_
#define DRTRITON_POLICY_ATTENTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace drtriton {

// How tokens see each other.  The model rotates queries and keys before it asks.
class Attention {
 public:
  virtual ~Attention() = default;
  // q [T, H, D], k and v [T, K, D], all of one dtype; returns [T, H, D].  `layer` counts from 0.
  virtual at::Tensor Attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) = 0;
};

// Where documents begin and end in a batch: `starts` holds the first token of each and then T.  Every document has a token.
struct DocumentBounds {
  std::vector<int64_t> starts;

  int64_t tokens() const { return starts.back(); }
  int64_t longest() const;
  at::Tensor Positions(at::Device device) const;   // int64 [T]: of each token within its document
};

// A token sees itself and what stands before it in its document.  Differentiable.  On a GPU in bf16 it is one
// variable-length flash attention; elsewhere PyTorch's attention is called document by document.
class PackedAttention final : public Attention {
 public:
  PackedAttention(DocumentBounds bounds, at::Device device);
  at::Tensor Attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) override;

 private:
  at::Tensor ByDocument(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) const;

  DocumentBounds bounds_;
  int64_t longest_;
  at::Tensor starts_;   // int32, on the device
};

// True where the variable-length flash kernel takes such tensors.
bool HasFlashAttention(const at::Tensor& q);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_ATTENTION_H_
