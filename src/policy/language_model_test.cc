#include "policy/language_model.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace drtriton {
namespace {

const ModelConfig kSmall = {.vocabulary = 60, .width = 32, .layers = 2, .heads = 4, .kv_heads = 2, .head_size = 8, .hidden = 48, .context = 40};

at::Tensor LogitsOf(const at::Tensor& flat, const at::Tensor& ids, const DocumentBounds& bounds) {
  const ModelTensors model = SplitModel(kSmall, flat);
  PackedAttention attention(bounds, at::kCPU);
  const RotaryTable rotary(kSmall, at::kCPU, at::kFloat);
  return Logits(model, HiddenStates(kSmall, model, rotary, ids, bounds.Positions(at::kCPU), attention));
}

at::Tensor Ids(int64_t count) { return (at::arange(count, at::kLong) * 7 + 3).remainder(kSmall.vocabulary); }

TEST(LanguageModelTest, ViewsShareTheFlatMemoryInTheOrderOfTheLayout) {
  for (const bool tied : {true, false}) {
    ModelConfig config = kSmall;
    config.tied = tied;
    const at::Tensor flat = at::arange(LayoutOf(config).count, at::kFloat);
    const ModelTensors model = SplitModel(config, flat);
    const std::map<std::string, at::Tensor> firsts = {
        {"model.embed_tokens.weight", model.embedding[0][0]},
        {"lm_head.weight", model.head[0][0]},
        {"model.layers.1.self_attn.k_proj.weight", model.layers[1].qkv[32][0]},
        {"model.layers.1.self_attn.v_proj.weight", model.layers[1].qkv[48][0]},
        {"model.layers.1.mlp.up_proj.weight", model.layers[1].gate_up[48][0]},
        {"model.layers.1.mlp.down_proj.weight", model.layers[1].down[0][0]},
        {"model.layers.1.post_attention_layernorm.weight", model.layers[1].post_norm[0]},
        {"model.norm.weight", model.norm[0]},
    };
    for (const ModelParameter& parameter : LayoutOf(config).parameters) {
      const auto found = firsts.find(parameter.name);
      if (found == firsts.end()) continue;
      EXPECT_EQ(found->second.item<float>(), static_cast<float>(parameter.offset)) << parameter.name;
    }
  }
}

TEST(LanguageModelTest, InitialParametersDependOnTheSeedAlone) {
  const at::Tensor a = InitialParameters(kSmall, 5);
  EXPECT_TRUE(a.equal(InitialParameters(kSmall, 5)));
  EXPECT_FALSE(a.equal(InitialParameters(kSmall, 6)));
  EXPECT_TRUE(SplitModel(kSmall, a).norm.equal(at::ones({32})));
}

TEST(LanguageModelTest, DocumentsOfOneBatchDoNotSeeEachOther) {
  const at::Tensor flat = InitialParameters(kSmall, 1);
  const at::Tensor ids = Ids(30);
  const at::Tensor packed = LogitsOf(flat, ids, {{0, 11, 12, 30}});
  for (const auto& [begin, end] : std::vector<std::pair<int64_t, int64_t>>{{0, 11}, {11, 12}, {12, 30}}) {
    const at::Tensor alone = LogitsOf(flat, ids.slice(0, begin, end), {{0, end - begin}});
    EXPECT_TRUE(packed.slice(0, begin, end).allclose(alone, 1e-5, 1e-6)) << begin;
  }
}

TEST(LanguageModelTest, ATokenDoesNotSeeWhatFollows) {
  const at::Tensor flat = InitialParameters(kSmall, 1);
  at::Tensor ids = Ids(20);
  const at::Tensor before = LogitsOf(flat, ids, {{0, 20}});
  ids[15] = 1;
  const at::Tensor after = LogitsOf(flat, ids, {{0, 20}});
  EXPECT_TRUE(before.slice(0, 0, 15).allclose(after.slice(0, 0, 15), 1e-6, 1e-7));
  EXPECT_FALSE(before.slice(0, 15).allclose(after.slice(0, 15), 1e-3, 1e-4));
}

TEST(LanguageModelTest, GradientsAgreeWithDifferences) {
  const at::Tensor weights = InitialParameters(kSmall, 3).to(at::kDouble) * 5;   // far from linear
  const at::Tensor ids = Ids(12);
  const DocumentBounds bounds{{0, 5, 12}};
  const auto loss = [&](const at::Tensor& flat) {
    const ModelTensors model = SplitModel(kSmall, flat);
    PackedAttention attention(bounds, at::kCPU);
    const RotaryTable rotary(kSmall, at::kCPU, at::kDouble);
    return at::linear(HiddenStates(kSmall, model, rotary, ids, bounds.Positions(at::kCPU), attention), model.head).sin().mean();
  };
  at::Tensor flat = weights.clone().requires_grad_();
  loss(flat).backward();
  at::Tensor direction = at::cos(at::arange(weights.size(0), at::kDouble));
  const c10::AutoGradMode no_gradients(false);
  constexpr double kStep = 1e-6;
  const double difference = (loss(weights + kStep * direction) - loss(weights - kStep * direction)).item<double>() / (2 * kStep);
  EXPECT_NEAR(flat.grad().dot(direction).item<double>(), difference, 1e-6 * std::abs(difference) + 1e-8);
}

}  // namespace
}  // namespace drtriton
