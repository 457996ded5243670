#include "policy/decoder.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>

#include "base/error.h"
#include "policy/language_model.h"
#include "policy/sampling.h"

namespace drtriton {
namespace {

// Weights far enough from nothing that tokens differ, and one is often clearly the likeliest.
const ModelWeights& SmallWeights() {
  static const ModelWeights weights = [] {
    ModelWeights made;
    made.config = {.vocabulary = 50, .width = 32, .layers = 2, .heads = 4, .kv_heads = 2, .head_size = 8, .hidden = 48, .context = 64};
    at::Tensor flat = InitialParameters(made.config, 11);
    flat.slice(0, 0, LayoutOf(made.config).matrix_count).mul_(12);
    made.values.assign(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
    return made;
  }();
  return weights;
}

SampleRequest Request(std::vector<int64_t> prompt, int64_t samples, int64_t most_tokens, double temperature = 1, uint64_t seed = 3) {
  return {.prompt = std::move(prompt), .samples = samples, .most_tokens = most_tokens, .temperature = temperature, .seed = seed};
}

std::vector<float> LogSoftmax(const std::vector<float>& logits) {
  const float largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit - largest));
  std::vector<float> result;
  for (const float logit : logits) result.push_back(logit - largest - static_cast<float>(std::log(sum)));
  return result;
}

TEST(DecoderTest, LogprobsOfTheCacheAreThoseWithoutIt) {
  Decoder decoder(SmallWeights(), {.slots = 3});
  const std::vector<int64_t> prompt = {4, 9, 1, 30, 2};
  for (const FinishedSample& sample : decoder.Answer({Request(prompt, 5, 20)})) {
    std::vector<int64_t> whole = prompt;
    whole.insert(whole.end(), sample.tokens.begin(), sample.tokens.end());
    const auto logits = decoder.LogitsOf(whole);
    ASSERT_EQ(sample.tokens.size(), 20u);
    for (size_t i = 0; i < sample.tokens.size(); ++i) {
      const auto wanted = LogSoftmax(logits[prompt.size() + i - 1])[static_cast<size_t>(sample.tokens[i])];
      EXPECT_NEAR(sample.logprobs[i], wanted, 1e-4) << i;
    }
  }
}

TEST(DecoderTest, GreedyTakesTheLikeliest) {
  Decoder decoder(SmallWeights(), {.slots = 1});
  const std::vector<int64_t> prompt = {7, 7, 8};
  const auto answers = decoder.Answer({Request(prompt, 1, 12, 0)});
  std::vector<int64_t> whole = prompt;
  for (const int64_t token : answers[0].tokens) {
    const std::vector<float> logits = decoder.LogitsOf(whole).back();
    EXPECT_GT(logits[static_cast<size_t>(token)], *std::max_element(logits.begin(), logits.end()) - 1e-3F);
    whole.push_back(token);
  }
}

std::vector<SampleRequest> MixedRequests() {
  std::vector<SampleRequest> requests;
  for (int64_t i = 0; i < 7; ++i) {
    std::vector<int64_t> prompt;
    for (int64_t k = 0; k <= 2 * i; ++k) prompt.push_back((5 * i + 3 * k) % 50);
    requests.push_back(Request(std::move(prompt), 1 + i % 3, 5 + 3 * i, i % 2 == 0 ? 0.8 : 0, static_cast<uint64_t>(i)));
  }
  requests[3].top_p = 0.7;
  return requests;
}

// How far the choice of token `place` of an answer is from another one: of the two largest logits, or of the uniform number
// from where another token's share begins.  Kernels of other batch sizes round otherwise, and decide a tie otherwise.
double MarginOf(Decoder& decoder, const SampleRequest& request, const FinishedSample& answer, size_t place) {
  std::vector<int64_t> tokens = request.prompt;
  tokens.insert(tokens.end(), answer.tokens.begin(), answer.tokens.begin() + static_cast<int64_t>(place));
  std::vector<float> logits = decoder.LogitsOf(tokens).back();
  if (request.temperature == 0) {
    std::sort(logits.begin(), logits.end(), std::greater<>());
    return logits[0] - logits[1];
  }
  for (float& logit : logits) logit /= static_cast<float>(request.temperature);
  const double uniform = UniformNumbers(request.seed, answer.sample, request.most_tokens)[place];
  double margin = 1;
  double sum = 0;
  for (const float logprob : LogSoftmax(logits)) {
    sum += std::exp(static_cast<double>(logprob));
    margin = std::min(margin, std::abs(sum - uniform));
  }
  return margin;
}

// Equal, or equal up to a token that was all but a tie.
void ExpectSameAnswer(Decoder& decoder, const SampleRequest& request, const FinishedSample& answer, const FinishedSample& wanted) {
  ASSERT_EQ(answer.tokens.size(), wanted.tokens.size());
  for (size_t place = 0; place < wanted.tokens.size(); ++place) {
    if (answer.tokens[place] != wanted.tokens[place]) {
      EXPECT_LT(MarginOf(decoder, request, wanted, place), 1e-3) << "token " << place;
      return;
    }
    EXPECT_NEAR(answer.logprobs[place], wanted.logprobs[place], 1e-4);
  }
}

TEST(DecoderTest, WhatIsDrawnDoesNotDependOnWhatIsDecodedBesideIt) {
  Decoder one(SmallWeights(), {.slots = 1});
  const std::vector<SampleRequest> requests = MixedRequests();
  const auto alone = one.Answer(requests);
  for (const int64_t slots : {2, 5, 16}) {   // samples wait, start and end beside each other
    Decoder many(SmallWeights(), {.slots = slots});
    const auto together = many.Answer(requests);
    ASSERT_EQ(together.size(), alone.size());
    size_t i = 0;
    for (const SampleRequest& request : requests) {
      for (int64_t sample = 0; sample < request.samples; ++sample, ++i) {
        SCOPED_TRACE(std::to_string(slots) + " slots, answer " + std::to_string(i));
        ASSERT_EQ(alone[i].sample, sample);
        ExpectSameAnswer(one, request, together[i], alone[i]);
      }
    }
    EXPECT_EQ(i, alone.size());
    EXPECT_TRUE(many.idle());
  }
}

TEST(DecoderTest, TheSeedDecides) {
  Decoder decoder(SmallWeights(), {.slots = 4});
  const auto first = decoder.Answer({Request({1, 2, 3}, 4, 15)});
  const auto again = decoder.Answer({Request({1, 2, 3}, 4, 15)});
  const auto other = decoder.Answer({Request({1, 2, 3}, 4, 15, 1, /*seed=*/4)});
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].tokens, again[i].tokens);
    EXPECT_NE(first[i].tokens, other[i].tokens);
    EXPECT_NE(first[i].tokens, first[(i + 1) % 4].tokens);
  }
}

TEST(DecoderTest, AStopTokenEndsAnAnswerAndIsItsLast) {
  Decoder decoder(SmallWeights(), {.slots = 2});
  const auto free = decoder.Answer({Request({1, 2, 3}, 2, 30)});
  SampleRequest request = Request({1, 2, 3}, 2, 30);
  request.stop_tokens = {free[0].tokens[4], free[1].tokens[9]};
  for (const FinishedSample& sample : decoder.Answer({request})) {
    const auto& whole = free[static_cast<size_t>(sample.sample)].tokens;
    const auto end = std::find_if(whole.begin(), whole.end(), [&](int64_t token) { return token == request.stop_tokens[0] || token == request.stop_tokens[1]; });
    EXPECT_EQ(sample.tokens, std::vector<int64_t>(whole.begin(), end + 1));
    EXPECT_TRUE(sample.stopped);
  }
  EXPECT_FALSE(free[0].stopped);
}

TEST(DecoderTest, SamplesFollowTheModelsProbabilities) {
  Decoder decoder(SmallWeights(), {.slots = 64});
  const std::vector<int64_t> prompt = {3, 1};
  const std::vector<float> logprobs = LogSoftmax(decoder.LogitsOf(prompt).back());
  constexpr int64_t kSamples = 4000;
  std::vector<double> counts(50);
  for (const FinishedSample& sample : decoder.Answer({Request(prompt, kSamples, 1)})) ++counts[static_cast<size_t>(sample.tokens[0])];
  for (size_t token = 0; token < counts.size(); ++token) {
    const double probability = std::exp(static_cast<double>(logprobs[token]));
    const double deviation = std::sqrt(kSamples * probability * (1 - probability));
    EXPECT_NEAR(counts[token], kSamples * probability, 5 * deviation + 1) << token;
  }
}

TEST(DecoderTest, TopPLeavesOutTheUnlikely) {
  Decoder decoder(SmallWeights(), {.slots = 64});
  const std::vector<int64_t> prompt = {3, 1};
  const std::vector<float> logprobs = LogSoftmax(decoder.LogitsOf(prompt).back());
  SampleRequest request = Request(prompt, 500, 1);
  request.top_p = 0.5;
  for (const FinishedSample& sample : decoder.Answer({request})) {
    double likelier = 0;   // what stands before the token
    for (const float logprob : logprobs) likelier += logprob > sample.logprobs[0] + 1e-6F ? std::exp(static_cast<double>(logprob)) : 0;
    EXPECT_LT(likelier, 0.5);
  }
}

TEST(DecoderTest, BFloat16Decodes) {
  Decoder decoder(SmallWeights(), {.half = true, .slots = 4});
  for (const FinishedSample& sample : decoder.Answer({Request({5, 6}, 6, 10)})) EXPECT_EQ(sample.tokens.size(), 10u);
}

TEST(DecoderTest, RefusesWhatCannotBeAnswered) {
  Decoder decoder(SmallWeights(), {.slots = 1, .capacity = 20});
  const std::pair<SampleRequest, const char*> cases[] = {
      {Request({}, 1, 1), "has to have a token"},
      {Request({50}, 1, 1), "token 50"},
      {Request({-1}, 1, 1), "token -1"},
      {Request({1}, 0, 1), "at least one answer"},
      {Request({1, 2}, 1, 19), "do not fit into 20"},
      {Request({1}, 1, 1, -1), "temperature"},
  };
  for (const auto& [request, mention] : cases) {
    try {
      decoder.Submit(request);
      FAIL() << mention;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(mention), std::string::npos) << error.what();
    }
  }
  EXPECT_TRUE(decoder.idle());
}

}  // namespace
}  // namespace drtriton
