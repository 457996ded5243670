// ModelConfig: the size of a language model, and the order of its parameters in memory.  No torch here.
//
// The model is Llama's: embedding; in each layer RMS norm, grouped-query attention with rotary positions, RMS norm,
// SwiGLU; a last RMS norm; the output matrix, which may be the embedding itself.  No biases.  Its JSON is the
// `config.json` that Hugging Face's LlamaForCausalLM reads and writes, with one member of ours.
#ifndef DRTRITON_POLICY_MODEL_CONFIG_H_
#define DRTRITON_POLICY_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace drtriton {

// The default is the size that is shipped: 27.8 million parameters.
struct ModelConfig {
  int64_t vocabulary = 8192;
  int64_t width = 512;         // of the residual stream
  int64_t layers = 8;
  int64_t heads = 8;           // query heads
  int64_t kv_heads = 4;        // key and value heads; divides `heads`
  int64_t head_size = 64;      // even; heads * head_size need not equal `width`
  int64_t hidden = 1408;       // of SwiGLU
  int64_t context = 4096;      // most tokens of a sequence, prompt and answer together
  double rope_theta = 10000;
  double norm_epsilon = 1e-6;
  bool tied = true;            // the output matrix is the embedding
  int64_t end_token = -1;      // the id that ends an answer; -1: unknown
  std::string tokenizer;       // what names the tokenizer for good (TokenVocabulary); empty: unknown

  bool operator==(const ModelConfig&) const = default;
};

// Throws UserError "<where>: <what>" unless such a model can exist.
void CheckModelConfig(const ModelConfig& config, const std::string& where);

// Hugging Face's layout.  `dtype` is what the weights beside it are stored in ("float32", "bfloat16").
Json ToHuggingFace(const ModelConfig& config, const std::string& dtype);

// Throws UserError "<where> ..." for anything that this model does not compute as LlamaForCausalLM would: another kind of
// model, biases, scaled rotary positions, another activation.  `where` names the file.
ModelConfig FromHuggingFace(const Json& json, const std::string& where);

// One parameter: a matrix [rows, columns], or a vector of `rows` elements where columns is 0.
struct ModelParameter {
  std::string name;        // Hugging Face's: "model.layers.0.self_attn.q_proj.weight"
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t offset = 0;      // elements from the beginning of the flat storage

  int64_t count() const { return rows * (columns == 0 ? 1 : columns); }
};

// All parameters in the order in which they lie, without gaps, in one flat piece of memory: the matrices first (they decay
// during training), then the norms' vectors (they do not).  q, k and v of a layer are neighbours, as are gate and
// up, so each group is also one matrix, and one product.
struct ModelLayout {
  std::vector<ModelParameter> parameters;
  int64_t matrix_count = 0;   // elements of all matrices
  int64_t count = 0;          // elements of all parameters
};
ModelLayout LayoutOf(const ModelConfig& config);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_MODEL_CONFIG_H_
