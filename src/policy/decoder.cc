#include "policy/decoder.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/cuda.h>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "base/error.h"
#include "policy/captured_step.h"
#include "policy/kv_cache.h"
#include "policy/language_model.h"
#include "policy/sampling.h"

namespace drtriton {
namespace {

constexpr int64_t kPromptTokens = 32768;   // most tokens of prompts that are computed at once

at::Device DeviceNamed(const std::string& name) {
  if (name != "cuda") return at::kCPU;
  if (!torch::cuda::is_available()) throw UserError("the language model was asked for on a GPU, but PyTorch finds no usable one");
  return {at::kCUDA, 0};
}

// A sequence in a slot.
struct RunningSample {
  const SampleRequest* request = nullptr;
  FinishedSample result;
  std::vector<float> uniforms;   // one a token
};

// A request and how many of its samples were started.
struct OpenRequest {
  SampleRequest request;
  int64_t number = 0;
  int64_t started = 0;
  int64_t finished = 0;
};

int64_t PowerOfTwoFrom(int64_t count, int64_t most) {
  int64_t power = 1;
  while (power < count) power *= 2;
  return std::min(power, most);
}

}  // namespace

class Decoder::Impl {
 public:
  Impl(const ModelWeights& weights, const DecoderOptions& options);
  int64_t Submit(SampleRequest request);
  std::vector<FinishedSample> Step();
  bool idle() const { return requests_.empty(); }
  std::vector<std::vector<float>> LogitsOf(const std::vector<int64_t>& tokens);

 private:
  // A prompt that is computed now and the slots of its samples.
  struct Start {
    OpenRequest* open = nullptr;
    std::vector<int64_t> slots;
  };
  void Check(const SampleRequest& request) const;
  std::vector<int64_t> FreeSlots() const;
  std::vector<Start> ChooseStarts();
  void StartPrompts(std::vector<FinishedSample>& finished);
  void NextTokens(std::vector<FinishedSample>& finished);
  void Compute(int64_t rows, int64_t longest, bool narrow);
  void SetRow(int64_t row, const RunningSample& sample);
  DrawnTokens Draw(const at::Tensor& logits, int64_t rows, bool narrow);
  void Take(int64_t slot, int64_t token, float logprob, std::vector<FinishedSample>& finished);
  bool IsNarrow() const;

  ModelConfig config_;
  DecoderOptions options_;
  at::Device device_;
  ModelTensors model_;
  RotaryTable rotary_;
  KvCache cache_;
  std::vector<std::optional<RunningSample>> running_;   // by slot
  std::deque<std::unique_ptr<OpenRequest>> requests_;   // in order; finished ones leave
  int64_t next_number_ = 0;
  // What a step reads and writes, always in the same memory: rows are slots.
  at::Tensor host_ints_;      // int64 [2, slots]: ids, positions
  at::Tensor host_numbers_;   // fp32 [3, slots]: uniform, temperature, top_p
  at::Tensor ints_;
  at::Tensor numbers_;
  at::Tensor drawn_tokens_;   // int64 [slots]
  at::Tensor drawn_logprobs_; // fp32 [slots]
  std::map<std::pair<int64_t, bool>, std::unique_ptr<CapturedStep>> captured_;   // by rows and narrowness
};

Decoder::Impl::Impl(const ModelWeights& weights, const DecoderOptions& options)
    : config_(weights.config),
      options_(options),
      device_(DeviceNamed(options.device)),
      rotary_(config_, device_, options.half ? at::kBFloat16 : at::kFloat),
      cache_(config_, options.slots, options.capacity > 0 ? options.capacity : config_.context, device_, options.half ? at::kBFloat16 : at::kFloat),
      running_(static_cast<size_t>(options.slots)) {
  Require(cache_.capacity() <= config_.context, "Decoder: slots longer than the model's context");
  const auto type = options.half ? at::kBFloat16 : at::kFloat;
  model_ = SplitModel(config_, at::tensor(weights.values, at::kFloat).to(device_, type));
  const auto host = at::TensorOptions().pinned_memory(device_.is_cuda());
  host_ints_ = at::zeros({2, options.slots}, host.dtype(at::kLong));
  host_numbers_ = at::ones({3, options.slots}, host.dtype(at::kFloat));
  ints_ = host_ints_.to(device_, /*non_blocking=*/false, /*copy=*/true);
  numbers_ = host_numbers_.to(device_, /*non_blocking=*/false, /*copy=*/true);
  drawn_tokens_ = at::zeros({options.slots}, ints_.options());
  drawn_logprobs_ = at::zeros({options.slots}, numbers_.options());
}

// ---- Requests

void Decoder::Impl::Check(const SampleRequest& request) const {
  if (request.prompt.empty()) throw UserError("a prompt has to have a token");
  for (const int64_t token : request.prompt) {
    if (token < 0 || token >= config_.vocabulary) throw UserError("the prompt holds token " + std::to_string(token) + ", but the model's vocabulary is " + std::to_string(config_.vocabulary));
  }
  if (request.samples < 1 || request.most_tokens < 1) throw UserError("a request has to ask for at least one answer of at least one token");
  if (static_cast<int64_t>(request.prompt.size()) + request.most_tokens > cache_.capacity()) {
    throw UserError("a prompt of " + std::to_string(request.prompt.size()) + " tokens and an answer of " + std::to_string(request.most_tokens) +
                    " do not fit into " + std::to_string(cache_.capacity()) + " tokens");
  }
  if (!(request.temperature >= 0 && request.temperature < 1000)) throw UserError("the temperature has to be between 0 and 1000");
  if (!(request.top_p > 0 && request.top_p <= 1)) throw UserError("top_p has to be above 0 and at most 1");
}

int64_t Decoder::Impl::Submit(SampleRequest request) {
  Check(request);
  requests_.push_back(std::make_unique<OpenRequest>(OpenRequest{std::move(request), next_number_}));
  return next_number_++;
}

std::vector<FinishedSample> Decoder::Impl::Step() {
  const c10::AutoGradMode no_gradients(false);
  std::vector<FinishedSample> finished;
  StartPrompts(finished);
  NextTokens(finished);
  return finished;
}

// ---- Prompts

std::vector<int64_t> Decoder::Impl::FreeSlots() const {
  std::vector<int64_t> slots;
  for (size_t i = 0; i < running_.size(); ++i) {
    if (!running_[i]) slots.push_back(static_cast<int64_t>(i));
  }
  return slots;
}

std::vector<Decoder::Impl::Start> Decoder::Impl::ChooseStarts() {
  const std::vector<int64_t> slots = FreeSlots();
  std::vector<Start> starts;
  size_t used = 0;
  int64_t tokens = 0;
  for (const auto& open : requests_) {
    if (used == slots.size()) break;
    const int64_t waiting = open->request.samples - open->started;
    if (waiting == 0) continue;
    tokens += static_cast<int64_t>(open->request.prompt.size());
    if (!starts.empty() && tokens > kPromptTokens) break;
    const auto count = std::min(static_cast<size_t>(waiting), slots.size() - used);
    starts.push_back({open.get(), {slots.begin() + static_cast<int64_t>(used), slots.begin() + static_cast<int64_t>(used + count)}});
    used += count;
  }
  return starts;
}

// Computes prompts into the first slot of each, copies that into the others, and draws all first tokens.
void Decoder::Impl::StartPrompts(std::vector<FinishedSample>& finished) {
  const std::vector<Start> starts = ChooseStarts();
  if (starts.empty()) return;
  std::vector<int64_t> ids;
  std::vector<int64_t> lasts;    // the last token of a prompt, once a sample
  std::vector<int64_t> firsts;   // first slots
  DocumentBounds bounds;
  for (const Start& start : starts) {
    const std::vector<int64_t>& prompt = start.open->request.prompt;
    bounds.starts.push_back(static_cast<int64_t>(ids.size()));
    ids.insert(ids.end(), prompt.begin(), prompt.end());
    firsts.push_back(start.slots.front());
    lasts.insert(lasts.end(), start.slots.size(), static_cast<int64_t>(ids.size()) - 1);
  }
  bounds.starts.push_back(static_cast<int64_t>(ids.size()));
  PromptAttention attention(cache_, bounds, firsts, device_);
  const at::Tensor hidden = HiddenStates(config_, model_, rotary_, at::tensor(ids).to(device_), bounds.Positions(device_), attention);
  const at::Tensor logits = Logits(model_, hidden.index_select(0, at::tensor(lasts).to(device_)));
  std::vector<int64_t> slots;
  for (const Start& start : starts) {
    OpenRequest& open = *start.open;
    cache_.Share(start.slots.front(), {start.slots.begin() + 1, start.slots.end()}, static_cast<int64_t>(open.request.prompt.size()));
    for (const int64_t slot : start.slots) {
      RunningSample sample;
      sample.request = &open.request;
      sample.result.request = open.number;
      sample.result.sample = open.started++;
      sample.uniforms = UniformNumbers(open.request.seed, sample.result.sample, open.request.most_tokens);
      SetRow(static_cast<int64_t>(slots.size()), sample);
      running_[static_cast<size_t>(slot)] = std::move(sample);
      slots.push_back(slot);
    }
  }
  const DrawnTokens drawn = Draw(logits, static_cast<int64_t>(slots.size()), IsNarrow());
  const at::Tensor tokens = drawn.tokens.to(at::kCPU);
  const at::Tensor logprobs = drawn.logprobs.to(at::kCPU);
  for (size_t i = 0; i < slots.size(); ++i) Take(slots[i], tokens.data_ptr<int64_t>()[i], logprobs.data_ptr<float>()[i], finished);
}

// ---- Tokens

bool Decoder::Impl::IsNarrow() const {
  return std::any_of(running_.begin(), running_.end(), [](const auto& sample) { return sample && sample->request->top_p < 1; });
}

// What decides the next token of a sample, in a row of the staging memory.
void Decoder::Impl::SetRow(int64_t row, const RunningSample& sample) {
  const std::vector<int64_t>& tokens = sample.result.tokens;
  auto* ints = host_ints_.data_ptr<int64_t>() + row;
  ints[0] = tokens.empty() ? 0 : tokens.back();
  ints[options_.slots] = tokens.empty() ? 0 : static_cast<int64_t>(sample.request->prompt.size() + tokens.size()) - 1;
  auto* numbers = host_numbers_.data_ptr<float>() + row;
  numbers[0] = sample.uniforms[tokens.size()];
  numbers[options_.slots] = static_cast<float>(sample.request->temperature);
  numbers[2 * options_.slots] = static_cast<float>(sample.request->top_p);
}

// Draws from logits by the first rows of the staging memory.
DrawnTokens Decoder::Impl::Draw(const at::Tensor& logits, int64_t rows, bool narrow) {
  const at::Tensor numbers = host_numbers_.slice(1, 0, rows).to(device_);
  return DrawTokens(logits, {numbers[0], numbers[1], numbers[2]}, narrow);
}

// One step of the slots 0 .. rows - 1, from and into the device's staging memory.
void Decoder::Impl::Compute(int64_t rows, int64_t longest, bool narrow) {
  const at::Tensor positions = ints_[1].slice(0, 0, rows);
  NextTokenAttention attention(cache_, positions, longest);
  const at::Tensor hidden = HiddenStates(config_, model_, rotary_, ints_[0].slice(0, 0, rows), positions, attention);
  const at::Tensor numbers = numbers_.slice(1, 0, rows);
  const DrawnTokens drawn = DrawTokens(Logits(model_, hidden), {numbers[0], numbers[1], numbers[2]}, narrow);
  drawn_tokens_.slice(0, 0, rows).copy_(drawn.tokens);
  drawn_logprobs_.slice(0, 0, rows).copy_(drawn.logprobs);
}

void Decoder::Impl::NextTokens(std::vector<FinishedSample>& finished) {
  host_ints_.zero_();   // a free slot computes something of no consequence
  int64_t rows = 0;
  int64_t longest = 0;
  for (size_t slot = 0; slot < running_.size(); ++slot) {
    if (!running_[slot]) continue;
    rows = static_cast<int64_t>(slot) + 1;
    SetRow(rows - 1, *running_[slot]);
    longest = std::max(longest, host_ints_.data_ptr<int64_t>()[options_.slots + rows - 1] + 1);
  }
  if (rows == 0) return;
  ints_.copy_(host_ints_, /*non_blocking=*/true);
  numbers_.copy_(host_numbers_, /*non_blocking=*/true);
  const bool narrow = IsNarrow();
  if (device_.is_cuda() && options_.graphs) {
    const int64_t bucket = PowerOfTwoFrom(rows, options_.slots);
    auto& step = captured_[{bucket, narrow}];
    if (!step) step = std::make_unique<CapturedStep>([&] { Compute(bucket, cache_.capacity(), narrow); });
    step->Replay();
  } else {
    Compute(rows, longest, narrow);
  }
  const at::Tensor tokens = drawn_tokens_.to(at::kCPU);
  const at::Tensor logprobs = drawn_logprobs_.to(at::kCPU);
  for (int64_t slot = 0; slot < rows; ++slot) {
    if (running_[static_cast<size_t>(slot)]) Take(slot, tokens.data_ptr<int64_t>()[slot], logprobs.data_ptr<float>()[slot], finished);
  }
}

// Adds a token to a slot's sample; one that ends leaves its slot.
void Decoder::Impl::Take(int64_t slot, int64_t token, float logprob, std::vector<FinishedSample>& finished) {
  std::optional<RunningSample>& sample = running_[static_cast<size_t>(slot)];
  FinishedSample& result = sample->result;
  result.tokens.push_back(token);
  result.logprobs.push_back(logprob);
  const std::vector<int64_t>& stops = sample->request->stop_tokens;
  result.stopped = std::find(stops.begin(), stops.end(), token) != stops.end();
  if (!result.stopped && static_cast<int64_t>(result.tokens.size()) < sample->request->most_tokens) return;
  const auto open = std::find_if(requests_.begin(), requests_.end(), [&](const auto& request) { return request->number == result.request; });
  const bool last = ++(*open)->finished == (*open)->request.samples;
  finished.push_back(std::move(result));
  sample.reset();
  if (last) requests_.erase(open);
}

std::vector<std::vector<float>> Decoder::Impl::LogitsOf(const std::vector<int64_t>& tokens) {
  const c10::AutoGradMode no_gradients(false);
  SampleRequest request{tokens};
  request.most_tokens = std::max<int64_t>(1, cache_.capacity() - static_cast<int64_t>(tokens.size()));
  Check(request);
  const DocumentBounds bounds{{0, static_cast<int64_t>(tokens.size())}};
  PackedAttention attention(bounds, device_);
  const at::Tensor hidden = HiddenStates(config_, model_, rotary_, at::tensor(tokens).to(device_), bounds.Positions(device_), attention);
  const at::Tensor logits = Logits(model_, hidden).to(at::kCPU).contiguous();
  std::vector<std::vector<float>> rows;
  for (int64_t i = 0; i < logits.size(0); ++i) {
    const float* row = logits.data_ptr<float>() + i * logits.size(1);
    rows.emplace_back(row, row + logits.size(1));
  }
  return rows;
}

Decoder::Decoder(const ModelWeights& weights, const DecoderOptions& options) : impl_(std::make_unique<Impl>(weights, options)) {}
Decoder::~Decoder() = default;
int64_t Decoder::Submit(SampleRequest request) { return impl_->Submit(std::move(request)); }
std::vector<FinishedSample> Decoder::Step() { return impl_->Step(); }
bool Decoder::idle() const { return impl_->idle(); }
std::vector<std::vector<float>> Decoder::LogitsOf(const std::vector<int64_t>& tokens) { return impl_->LogitsOf(tokens); }

std::vector<FinishedSample> Decoder::Answer(std::vector<SampleRequest> requests) {
  for (SampleRequest& request : requests) Submit(std::move(request));
  std::vector<FinishedSample> answers;
  while (!idle()) {
    for (FinishedSample& sample : Step()) answers.push_back(std::move(sample));
  }
  std::sort(answers.begin(), answers.end(), [](const auto& a, const auto& b) { return std::pair(a.request, a.sample) < std::pair(b.request, b.sample); });
  return answers;
}

}  // namespace drtriton
