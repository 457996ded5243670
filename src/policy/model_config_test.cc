#include "policy/model_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace drtriton {
namespace {

TEST(ModelConfigTest, TheDefaultIsAtMostThirtyMillionParameters) {
  const ModelLayout layout = LayoutOf(ModelConfig());
  EXPECT_EQ(layout.count, 27795968);
  EXPECT_EQ(layout.count - layout.matrix_count, 17 * 512);
}

TEST(ModelConfigTest, TheLayoutHasNoGapsAndFusesNeighbours) {
  ModelConfig config;
  config.tied = false;
  int64_t offset = 0;
  for (const ModelParameter& parameter : LayoutOf(config).parameters) {
    EXPECT_EQ(parameter.offset, offset) << parameter.name;
    offset += parameter.count();
  }
  EXPECT_EQ(LayoutOf(config).count, offset);
  EXPECT_EQ(LayoutOf(config).count - LayoutOf(ModelConfig()).count, 8192 * 512);
}

TEST(ModelConfigTest, HuggingFaceRoundTrip) {
  ModelConfig config{.vocabulary = 100, .width = 48, .layers = 3, .heads = 6, .kv_heads = 2, .head_size = 16, .hidden = 96,
                     .context = 77, .rope_theta = 5e5, .norm_epsilon = 1e-5, .tied = false, .end_token = 3, .tokenizer = "abc"};
  EXPECT_EQ(FromHuggingFace(ToHuggingFace(config, "float32"), "config.json"), config);
}

TEST(ModelConfigTest, OlderFilesAreRead) {
  const Json json = Json::parse(R"({"model_type": "llama", "vocab_size": 100, "hidden_size": 64, "num_hidden_layers": 1,
    "num_attention_heads": 4, "intermediate_size": 32, "rope_theta": 500.0, "eos_token_id": [2, 3], "rope_scaling": null})");
  const ModelConfig config = FromHuggingFace(json, "config.json");
  EXPECT_EQ(config.kv_heads, 4);
  EXPECT_EQ(config.head_size, 16);
  EXPECT_EQ(config.rope_theta, 500.0);
  EXPECT_EQ(config.end_token, 2);
  EXPECT_FALSE(config.tied);
}

TEST(ModelConfigTest, RefusesWhatItWouldComputeDifferently) {
  const std::pair<const char*, const char*> changes[] = {
      {R"({"model_type": "gpt2"})", "no Llama"},
      {R"({"attention_bias": true})", "biases"},
      {R"({"rope_parameters": {"rope_type": "yarn"}})", "scaled rotary"},
      {R"({"rope_scaling": {"factor": 2}})", "scaled rotary"},
      {R"({"hidden_act": "gelu"})", "gelu"},
      {R"({"num_key_value_heads": 3})", "kv_heads has to divide heads"},
      {R"({"head_dim": 3})", "head_size has to be even"},
      {R"({"vocab_size": "many"})", "vocab_size is not an integer"},
      {R"({"eos_token_id": 8192})", "end token"},
  };
  for (const auto& [change, mention] : changes) {
    Json json = ToHuggingFace(ModelConfig(), "float32");
    json.update(Json::parse(change));
    try {
      FromHuggingFace(json, "config.json");
      FAIL() << change;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(mention), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace drtriton
