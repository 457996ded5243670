// Decoder: writes tokens with the language model, many sequences at once.
//
// Continuous batching: a sequence that ends frees its slot for the next one that waits, while the others go on.  The samples of
// one request share the computation of their prompt.  On a GPU a step of all slots is captured once as a CUDA graph and
// replayed.  No torch in this header.
#ifndef DRTRITON_POLICY_DECODER_H_
#define DRTRITON_POLICY_DECODER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/weights.h"

namespace drtriton {

struct DecoderOptions {
  std::string device = "cpu";   // "cpu", "cuda"
  bool half = false;            // arithmetic in bf16 instead of fp32
  int64_t slots = 16;           // sequences at once
  int64_t capacity = 0;         // tokens a slot, prompt and answer; 0: the model's context
  bool graphs = true;           // CUDA graphs, on a GPU
};

// Several answers to one prompt.
struct SampleRequest {
  std::vector<int64_t> prompt;        // at least one token
  int64_t samples = 1;
  int64_t most_tokens = 1;            // of an answer
  double temperature = 1;             // 0: the most likely token always
  double top_p = 1;
  uint64_t seed = 0;                  // with the sample's index, decides what is drawn
  std::vector<int64_t> stop_tokens;   // any of them ends an answer, and is its last token
};

struct FinishedSample {
  int64_t request = 0;               // what Submit() returned
  int64_t sample = 0;                // from 0
  std::vector<int64_t> tokens;
  std::vector<float> logprobs;       // of each token, under the model itself (temperature 1)
  bool stopped = false;              // by a stop token; else the answer is as long as it may be
};

class Decoder {
 public:
  // Throws UserError when there is no GPU for "cuda".
  Decoder(const ModelWeights& weights, const DecoderOptions& options);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // Puts a request behind those that wait.  Throws UserError when it cannot be answered: no token, a token outside the
  // vocabulary, prompt and answer longer than a slot, numbers out of range.
  int64_t Submit(SampleRequest request);

  // Starts what waits where slots are free, then writes one token in each running sequence; returns those that ended.
  std::vector<FinishedSample> Step();
  bool idle() const;

  // Submits all and steps until they are done; in the order of requests and samples.  Call it on an idle decoder.
  std::vector<FinishedSample> Answer(std::vector<SampleRequest> requests);

  // The logits of every position of a sequence, [tokens][vocabulary], without the cache.
  std::vector<std::vector<float>> LogitsOf(const std::vector<int64_t>& tokens);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drtriton

#endif  // DRTRITON_POLICY_DECODER_H_
