#include "train/trainer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/cuda.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/seconds.h"
#include "policy/weights.h"
#include "train/checkpoint.h"
#include "train/metrics_log.h"
#include "train/optimizer.h"
#include "train/pack_loss.h"
#include "train/ranks.h"

namespace drtriton {
namespace {

constexpr int kMostFailuresInARow = 10;   // steps without a finite gradient before the run gives up

at::Device ChooseDevice(const std::string& name) {
  const bool has_gpu = name != "cpu" && torch::cuda::is_available();
  if (name == "cuda" && !has_gpu) throw UserError("run.device is \"cuda\", but PyTorch finds no usable GPU");
  return has_gpu ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(LocalRank())) : at::Device(at::kCPU);
}

std::vector<float> ToVector(const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
  return {host.data_ptr<float>(), host.data_ptr<float>() + host.numel()};
}

at::Tensor FromVector(const std::vector<float>& values) { return at::tensor(values, at::kFloat); }

// The token-weighted means of what some packs gave, over all processes.
class LossMeans {
 public:
  void Add(const TokenPack& pack, const at::Tensor& sums) {
    sums_ = sums_.defined() ? sums_ + sums : sums;
    const auto plan = std::accumulate(pack.plan.begin(), pack.plan.end(), int64_t{0});
    weight_ += pack.TotalWeight();
    plan_tokens_ += plan;
    code_tokens_ += static_cast<int64_t>(pack.plan.size()) - plan;
  }

  struct Means {
    double loss = 0;
    double plan = 0;
    double code = 0;
  };
  Means Take(Ranks& ranks, at::Device device) const {
    at::Tensor all = at::zeros({6}, at::kDouble).to(device);
    if (sums_.defined()) all.slice(0, 0, 3).copy_(sums_);
    all.slice(0, 3).copy_(at::tensor({weight_, static_cast<double>(plan_tokens_), static_cast<double>(code_tokens_)}, at::kDouble));
    ranks.Sum(all);
    all = all.to(at::kCPU);
    const auto* value = all.data_ptr<double>();
    const auto mean = [&](int sum, int count) { return value[count] == 0 ? 0 : value[sum] / value[count]; };
    return {mean(0, 3), mean(1, 4), mean(2, 5)};
  }

 private:
  at::Tensor sums_;
  double weight_ = 0;
  int64_t plan_tokens_ = 0;
  int64_t code_tokens_ = 0;
};

}  // namespace

class Trainer::Impl {
 public:
  explicit Impl(Recipe recipe);
  int64_t step() const { return step_; }
  bool Run(const std::function<bool()>& stop);
  void Leave() { ranks_->Leave(); }

 private:
  void CheckContinues(const Checkpoint& checkpoint) const;
  void Begin(std::optional<Checkpoint> checkpoint);
  ModelWeights StartingWeights() const;
  void Step();
  at::Tensor Backward(const std::vector<TokenPack>& packs, double total_weight, LossMeans& means);
  void CheckFailures() const;
  void ShowProgress(double loss, double seconds, double tokens_per_s);
  std::vector<TokenPack> NextPacks(double& total_weight);
  void Evaluate();
  void Save();
  bool StopTogether(bool stop);
  Json Curve() const;

  Recipe recipe_;
  at::Device device_;
  std::unique_ptr<Ranks> ranks_;
  TokenData data_;
  std::optional<TokenData> held_out_;
  ModelConfig config_;
  at::Tensor flat_;            // fp32 parameters, a leaf
  std::optional<LossFunction> loss_;
  std::optional<Optimizer> optimizer_;
  std::optional<DataOrder> order_;
  std::optional<MetricsLog> metrics_;
  int64_t step_ = 0;
  int64_t tokens_ = 0;
  int64_t saved_step_ = -1;
  int failures_ = 0;           // in a row
  double seconds_a_step_ = 0;
};

Trainer::Impl::Impl(Recipe recipe)
    : recipe_(std::move(recipe)), device_(ChooseDevice(recipe_.device)), ranks_(RanksFromEnvironment(device_)), data_(recipe_.train, recipe_.longest) {
  if (!recipe_.evaluate.empty()) held_out_.emplace(recipe_.evaluate, recipe_.longest);
  if (held_out_ && held_out_->vocabulary() != data_.vocabulary()) {
    throw UserError("data.evaluate was written with another tokenizer than data.train");
  }
  std::error_code problem;
  std::filesystem::create_directories(recipe_.out, problem);
  if (problem) throw UserError("cannot write " + recipe_.out.string() + ": " + problem.message());
  Begin(NewestCheckpoint(recipe_.out));
}

Json Trainer::Impl::Curve() const {
  Json curve = CurveOf(recipe_);
  curve["processes"] = ranks_->size();
  curve["tokenizer"] = data_.vocabulary().tokenizer;
  curve["sequences"] = data_.size();
  return curve;
}

void Trainer::Impl::CheckContinues(const Checkpoint& checkpoint) const {
  const Json curve = Curve();
  for (const auto& [key, value] : curve.items()) {
    if (checkpoint.curve.value(key, Json()) != value) {
      throw UserError(recipe_.out.string() + " holds a run with another " + key + " (" + checkpoint.curve.value(key, Json()).dump() + ", not " +
                      value.dump() + "); choose another run.out or remove its checkpoints");
    }
  }
}

ModelWeights Trainer::Impl::StartingWeights() const {
  const TokenVocabulary& vocabulary = data_.vocabulary();
  if (!recipe_.from.empty()) {
    ModelWeights weights = ReadModel(recipe_.from);
    const std::string& tokenizer = weights.config.tokenizer;
    if ((!tokenizer.empty() && tokenizer != vocabulary.tokenizer) || weights.config.vocabulary < vocabulary.size) {
      throw UserError("the data was written with another tokenizer than that of the model in " + recipe_.from.string());
    }
    if (recipe_.longest > weights.config.context) throw UserError("data.longest is above the context of the model in " + recipe_.from.string());
    weights.config.tokenizer = vocabulary.tokenizer;
    return weights;
  }
  ModelWeights weights{recipe_.model, {}};
  weights.config.vocabulary = vocabulary.size;
  weights.config.tokenizer = vocabulary.tokenizer;
  weights.values = ToVector(InitialParameters(weights.config, static_cast<uint64_t>(recipe_.seed)));
  return weights;
}

void Trainer::Impl::Begin(std::optional<Checkpoint> checkpoint) {
  std::vector<float> parameters;
  DataPosition position;
  if (checkpoint) {
    CheckContinues(*checkpoint);
    config_ = checkpoint->config;
    parameters = std::move(checkpoint->parameters);
    position = checkpoint->position;
    step_ = saved_step_ = checkpoint->step;
    tokens_ = checkpoint->tokens;
    Info("continuing " + recipe_.out.string() + " after step " + std::to_string(step_));
  } else {
    ModelWeights weights = StartingWeights();
    config_ = weights.config;
    parameters = std::move(weights.values);
  }
  flat_ = FromVector(parameters).to(device_).requires_grad_();
  loss_.emplace(config_, device_, recipe_.precision == "bf16" ? at::kBFloat16 : at::kFloat);
  optimizer_.emplace(recipe_, flat_.detach(), LayoutOf(config_).matrix_count, *ranks_);
  if (checkpoint) optimizer_->Restore(checkpoint->updates, checkpoint->first_moments, checkpoint->second_moments);
  order_.emplace(data_, static_cast<uint64_t>(recipe_.seed), recipe_.tokens, position);
  if (ranks_->rank() == 0) metrics_.emplace(recipe_.out / "metrics.jsonl", step_);
  if (ranks_->rank() != 0) return;
  Info(std::to_string(data_.size()) + " sequences, " + std::to_string(data_.token_count()) + " tokens (" + std::to_string(data_.left_out()) +
       " sequences left out); " + std::to_string(flat_.size(0)) + " parameters on " + device_.str());
}

// ---- One step

// The packs of this process; `total_weight` is that of all processes' packs.
std::vector<TokenPack> Trainer::Impl::NextPacks(double& total_weight) {
  std::vector<TokenPack> mine;
  total_weight = 0;
  for (int64_t i = 0; i < recipe_.accumulate * ranks_->size(); ++i) {
    TokenPack pack = MakePack(data_, order_->NextPack(), recipe_.plan_weight, recipe_.code_weight);
    total_weight += pack.TotalWeight();
    tokens_ += static_cast<int64_t>(pack.ids.size());
    if (i % ranks_->size() == ranks_->rank()) mine.push_back(std::move(pack));
  }
  return mine;
}

// Leaves the gradient of the mean loss in flat_.grad(), the same in all processes; returns its norm.
at::Tensor Trainer::Impl::Backward(const std::vector<TokenPack>& packs, double total_weight, LossMeans& means) {
  flat_.mutable_grad() = at::Tensor();
  for (const TokenPack& pack : packs) {
    const PackLoss loss = loss_->Of(flat_, pack);
    (loss.weighted / (total_weight > 0 ? total_weight : 1)).backward();
    means.Add(pack, loss.sums);
  }
  const c10::AutoGradMode no_gradients(false);
  ranks_->Sum(flat_.mutable_grad());
  return at::linalg_vector_norm(flat_.grad());
}

void Trainer::Impl::Step() {
  const auto begin = std::chrono::steady_clock::now();
  const int64_t tokens_before = tokens_;
  double total_weight = 0;
  const std::vector<TokenPack> packs = NextPacks(total_weight);
  LossMeans means;
  const at::Tensor norm = Backward(packs, total_weight, means);
  const c10::AutoGradMode no_gradients(false);
  const double rate = LearningRate(recipe_, step_);
  const LossMeans::Means loss = means.Take(*ranks_, device_);
  const auto norm_value = norm.item<double>();
  const bool finite = std::isfinite(loss.loss) && std::isfinite(norm_value);
  if (finite) optimizer_->Update(flat_.mutable_grad(), norm, rate);
  ++step_;
  failures_ = finite ? 0 : failures_ + 1;
  const double seconds = SecondsSince(begin);
  const double tokens_per_s = static_cast<double>(tokens_ - tokens_before) / seconds;
  if (metrics_) {
    metrics_->Add({{"step", step_}, {"epoch", order_->position().epoch}, {"loss", loss.loss}, {"plan_loss", loss.plan}, {"code_loss", loss.code},
                   {"gradient_norm", norm_value}, {"learning_rate", rate}, {"updated", finite}, {"tokens", tokens_},
                   {"seconds", seconds}, {"tokens_per_s", tokens_per_s}});
  }
  if (metrics_) ShowProgress(loss.loss, seconds, tokens_per_s);
  if (!finite) CheckFailures();
}

void Trainer::Impl::CheckFailures() const {
  Warn("step " + std::to_string(step_) + ": the loss or its gradient is not finite; the parameters stay as they are");
  if (failures_ < kMostFailuresInARow) return;
  throw UserError("the loss or its gradient was not finite in " + std::to_string(failures_) + " steps in a row, up to step " + std::to_string(step_) +
                  "; lower optimizer.learning_rate (the last checkpoint in " + recipe_.out.string() + " is of step " +
                  std::to_string(std::max<int64_t>(saved_step_, 0)) + ")");
}

void Trainer::Impl::ShowProgress(double loss, double seconds, double tokens_per_s) {
  // A mean of the last steps, so that the time left does not jump.
  seconds_a_step_ = seconds_a_step_ == 0 ? seconds : 0.95 * seconds_a_step_ + 0.05 * seconds;
  const double left_s = seconds_a_step_ * static_cast<double>(recipe_.steps - step_);
  char line[160];
  std::snprintf(line, sizeof(line), "step %lld of %lld, loss %.4f, %.0f tokens/s, %.0f %s left", static_cast<long long>(step_),
                static_cast<long long>(recipe_.steps), loss, tokens_per_s, left_s < 120 ? left_s : left_s / 60, left_s < 120 ? "s" : "min");
  SetProgress(line);
}

// ---- Evaluation, checkpoints, the end

void Trainer::Impl::Evaluate() {
  const c10::AutoGradMode no_gradients(false);
  const auto begin = std::chrono::steady_clock::now();
  LossMeans means;
  const int64_t count = std::min(held_out_->size(), recipe_.evaluate_sequences);
  DataOrder order(*held_out_, /*seed=*/0, recipe_.tokens, {});   // the same sequences each time
  for (int64_t taken = 0, pack_index = 0; taken < count; ++pack_index) {
    std::vector<int64_t> sequences = order.NextPack();
    if (taken + static_cast<int64_t>(sequences.size()) > count) sequences.resize(static_cast<size_t>(count - taken));
    taken += static_cast<int64_t>(sequences.size());
    if (pack_index % ranks_->size() != ranks_->rank()) continue;
    const TokenPack pack = MakePack(*held_out_, sequences, recipe_.plan_weight, recipe_.code_weight);
    means.Add(pack, loss_->Of(flat_, pack).sums);
  }
  const LossMeans::Means loss = means.Take(*ranks_, device_);
  if (!metrics_) return;
  metrics_->Add({{"step", step_}, {"evaluation", {{"loss", loss.loss}, {"plan_loss", loss.plan}, {"code_loss", loss.code}, {"sequences", count},
                                                  {"seconds", SecondsSince(begin)}}}});
  char line[120];
  std::snprintf(line, sizeof(line), "step %lld: evaluation loss %.4f (plan %.4f, code %.4f)", static_cast<long long>(step_), loss.loss, loss.plan, loss.code);
  Info(line);
}

void Trainer::Impl::Save() {
  Checkpoint checkpoint;
  checkpoint.first_moments = optimizer_->FirstMoments();
  checkpoint.second_moments = optimizer_->SecondMoments();
  saved_step_ = step_;
  if (ranks_->rank() != 0) return;
  checkpoint.step = step_;
  checkpoint.updates = optimizer_->updates();
  checkpoint.tokens = tokens_;
  checkpoint.position = order_->position();
  checkpoint.config = config_;
  checkpoint.curve = Curve();
  checkpoint.parameters = ToVector(flat_);
  WriteCheckpoint(recipe_.out, checkpoint, recipe_.keep);
}

// All processes stop when one of them wants to.
bool Trainer::Impl::StopTogether(bool stop) {
  if (ranks_->size() == 1) return stop;
  at::Tensor count = at::full({1}, stop ? 1.0 : 0.0, flat_.options().requires_grad(false));
  ranks_->Sum(count);
  return count.item<double>() > 0;
}

bool Trainer::Impl::Run(const std::function<bool()>& stop) {
  while (step_ < recipe_.steps) {
    Step();
    const bool last = step_ == recipe_.steps;
    if (held_out_ && (last || step_ % recipe_.evaluate_every == 0)) Evaluate();
    const bool stopped = !last && StopTogether(stop());
    if (last || stopped || step_ % recipe_.checkpoint_every == 0) Save();
    if (stopped) return false;
  }
  ClearProgress();
  if (ranks_->rank() == 0) WriteModel(recipe_.out / "model", {config_, ToVector(flat_)}, WeightFormat::kFloat32);
  return true;
}

Trainer::Trainer(Recipe recipe) : impl_(std::make_unique<Impl>(std::move(recipe))) {}
Trainer::~Trainer() = default;
int64_t Trainer::step() const { return impl_->step(); }

bool Trainer::Run(const std::function<bool()>& stop) {
  try {
    const bool done = impl_->Run(stop);
    impl_->Leave();
    return done;
  } catch (const c10::OutOfMemoryError&) {
    throw UserError("the device has not enough memory for a step; lower batch.tokens (and raise batch.accumulate) in the recipe");
  }
}

}  // namespace drtriton
