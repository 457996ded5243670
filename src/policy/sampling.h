// Choosing the next token from logits.  Includes torch headers: keep it out of others.
//
// A row is chosen by one uniform number of its own, so what is drawn for a sequence depends on its seed and never on what
// else is decoded beside it.  Nothing is read back to the host: the steps can be captured in a CUDA graph.
#ifndef DRTRITON_POLICY_SAMPLING_H_
#define DRTRITON_POLICY_SAMPLING_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace drtriton {

// How each of n rows is drawn, fp32 [n] each.
struct SamplingRows {
  at::Tensor uniform;       // in [0, 1)
  at::Tensor temperature;   // 0: the most likely token
  at::Tensor top_p;         // in (0, 1]: only the likeliest tokens that together have this probability
};

struct DrawnTokens {
  at::Tensor tokens;     // int64 [n]
  at::Tensor logprobs;   // fp32 [n]: the model's own (temperature 1, nothing left out)
};

// `logits` is fp32 [n, V].  Without `narrow` top_p counts as 1, which spares a sort.
DrawnTokens DrawTokens(const at::Tensor& logits, const SamplingRows& rows, bool narrow);

// `count` uniform numbers of the sequence that `seed` and `index` name; the same on every machine.
std::vector<float> UniformNumbers(uint64_t seed, int64_t index, int64_t count);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_SAMPLING_H_
