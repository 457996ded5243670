#include "policy/model_config.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_reader.h"

namespace drtriton {
namespace {

constexpr int64_t kLargestSize = int64_t{1} << 24;  // of any dimension
constexpr const char* kTokenizerMember = "drtriton_tokenizer";

// The value of a member that may be missing or null.
template <typename Read, typename Value>
Value Optional(const JsonReader& json, const char* member, Value absent, Read read) {
  return json.Has(member) && !json.At(member).IsNull() ? read(json.At(member)) : absent;
}

int64_t OptionalSize(const JsonReader& json, const char* member, int64_t absent) {
  return Optional(json, member, absent, [](const JsonReader& value) { return value.Int(1, kLargestSize); });
}

bool OptionalFlag(const JsonReader& json, const char* member) {
  return Optional(json, member, false, [](const JsonReader& value) { return value.Bool(); });
}

// Newer files hold {"rope_parameters": {"rope_theta", "rope_type"}}, older ones "rope_theta" and "rope_scaling".
double RopeTheta(const JsonReader& json) {
  if (json.Has("rope_scaling") && !json.At("rope_scaling").IsNull()) json.Fail("asks for scaled rotary positions, which this model does not have");
  if (!json.Has("rope_parameters") || json.At("rope_parameters").IsNull()) {
    return Optional(json, "rope_theta", 10000.0, [](const JsonReader& value) { return value.Number(); });
  }
  const JsonReader rope = json.At("rope_parameters");
  if (rope.Has("rope_type") && rope.At("rope_type").String() != "default") {
    json.Fail("asks for scaled rotary positions, which this model does not have");
  }
  return Optional(rope, "rope_theta", 10000.0, [](const JsonReader& value) { return value.Number(); });
}

// A list of ends is legal there; ours has one.
int64_t EndToken(const JsonReader& json) {
  return Optional(json, "eos_token_id", int64_t{-1}, [](const JsonReader& value) {
    return value.json().is_array() ? value.At(size_t{0}).Int(0, kLargestSize) : value.Int(0, kLargestSize);
  });
}

class LayoutBuilder {
 public:
  void Matrix(const std::string& name, int64_t rows, int64_t columns) {
    Add({name, rows, columns});
    layout_.matrix_count = layout_.count;
  }
  void Vector(const std::string& name, int64_t rows) { Add({name, rows, 0}); }
  ModelLayout Take() { return std::move(layout_); }

 private:
  void Add(ModelParameter parameter) {
    parameter.offset = layout_.count;
    layout_.count += parameter.count();
    layout_.parameters.push_back(std::move(parameter));
  }

  ModelLayout layout_;
};

}  // namespace

void CheckModelConfig(const ModelConfig& config, const std::string& where) {
  const auto fail = [&](const std::string& what) { throw UserError(where + ": " + what); };
  const std::pair<const char*, int64_t> sizes[] = {
      {"vocabulary", config.vocabulary}, {"width", config.width},         {"layers", config.layers}, {"heads", config.heads},
      {"kv_heads", config.kv_heads},     {"head_size", config.head_size}, {"hidden", config.hidden}, {"context", config.context}};
  for (const auto& [name, size] : sizes) {
    if (size < 1 || size > kLargestSize) fail(std::string(name) + " has to be between 1 and " + std::to_string(kLargestSize));
  }
  if (config.heads % config.kv_heads != 0) fail("kv_heads has to divide heads");
  if (config.head_size % 2 != 0) fail("head_size has to be even");
  if (!(config.rope_theta > 0)) fail("rope_theta has to be positive");
  if (!(config.norm_epsilon > 0)) fail("norm_epsilon has to be positive");
  if (config.end_token >= config.vocabulary) fail("the end token is outside the vocabulary");
}

Json ToHuggingFace(const ModelConfig& config, const std::string& dtype) {
  Json json = {{"architectures", {"LlamaForCausalLM"}},
               {"model_type", "llama"},
               {"vocab_size", config.vocabulary},
               {"hidden_size", config.width},
               {"num_hidden_layers", config.layers},
               {"num_attention_heads", config.heads},
               {"num_key_value_heads", config.kv_heads},
               {"head_dim", config.head_size},
               {"intermediate_size", config.hidden},
               {"max_position_embeddings", config.context},
               {"rope_theta", config.rope_theta},
               {"rope_parameters", {{"rope_theta", config.rope_theta}, {"rope_type", "default"}}},
               {"rms_norm_eps", config.norm_epsilon},
               {"tie_word_embeddings", config.tied},
               {"attention_bias", false},
               {"mlp_bias", false},
               {"hidden_act", "silu"},
               {"bos_token_id", nullptr},
               {"eos_token_id", nullptr},
               {"dtype", dtype}};
  if (config.end_token >= 0) json["eos_token_id"] = config.end_token;
  if (!config.tokenizer.empty()) json[kTokenizerMember] = config.tokenizer;
  return json;
}

ModelConfig FromHuggingFace(const Json& json, const std::string& where) {
  const JsonReader reader(json, where);
  if (reader.At("model_type").String() != "llama") reader.Fail("describes no Llama model");
  if (OptionalFlag(reader, "attention_bias") || OptionalFlag(reader, "mlp_bias")) reader.Fail("asks for biases, which this model does not have");
  const std::string activation = Optional(reader, "hidden_act", std::string("silu"), [](const JsonReader& value) { return value.String(); });
  if (activation != "silu") reader.Fail("asks for the activation " + activation + ", but this model has silu");
  ModelConfig config;
  config.vocabulary = reader.At("vocab_size").Int(1, kLargestSize);
  config.width = reader.At("hidden_size").Int(1, kLargestSize);
  config.layers = reader.At("num_hidden_layers").Int(1, kLargestSize);
  config.heads = reader.At("num_attention_heads").Int(1, kLargestSize);
  config.kv_heads = OptionalSize(reader, "num_key_value_heads", config.heads);
  config.head_size = OptionalSize(reader, "head_dim", config.width / config.heads);
  config.hidden = reader.At("intermediate_size").Int(1, kLargestSize);
  config.context = OptionalSize(reader, "max_position_embeddings", 2048);
  config.rope_theta = RopeTheta(reader);
  config.norm_epsilon = Optional(reader, "rms_norm_eps", 1e-6, [](const JsonReader& value) { return value.Number(); });
  config.tied = OptionalFlag(reader, "tie_word_embeddings");
  config.end_token = EndToken(reader);
  config.tokenizer = Optional(reader, kTokenizerMember, std::string(), [](const JsonReader& value) { return value.String(); });
  CheckModelConfig(config, where);
  return config;
}

ModelLayout LayoutOf(const ModelConfig& config) {
  LayoutBuilder layout;
  const auto layer_name = [](int64_t layer, const char* rest) { return "model.layers." + std::to_string(layer) + "." + rest; };
  layout.Matrix("model.embed_tokens.weight", config.vocabulary, config.width);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    layout.Matrix(layer_name(layer, "self_attn.q_proj.weight"), config.heads * config.head_size, config.width);
    layout.Matrix(layer_name(layer, "self_attn.k_proj.weight"), config.kv_heads * config.head_size, config.width);
    layout.Matrix(layer_name(layer, "self_attn.v_proj.weight"), config.kv_heads * config.head_size, config.width);
    layout.Matrix(layer_name(layer, "self_attn.o_proj.weight"), config.width, config.heads * config.head_size);
    layout.Matrix(layer_name(layer, "mlp.gate_proj.weight"), config.hidden, config.width);
    layout.Matrix(layer_name(layer, "mlp.up_proj.weight"), config.hidden, config.width);
    layout.Matrix(layer_name(layer, "mlp.down_proj.weight"), config.width, config.hidden);
  }
  if (!config.tied) layout.Matrix("lm_head.weight", config.vocabulary, config.width);
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    layout.Vector(layer_name(layer, "input_layernorm.weight"), config.width);
    layout.Vector(layer_name(layer, "post_attention_layernorm.weight"), config.width);
  }
  layout.Vector("model.norm.weight", config.width);
  return layout.Take();
}

}  // namespace drtriton
