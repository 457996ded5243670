#include "train/optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "base/error.h"

namespace drtriton {

double LearningRate(const Recipe& recipe, int64_t step) {
  if (step < recipe.warmup_steps) return recipe.learning_rate * static_cast<double>(step + 1) / static_cast<double>(recipe.warmup_steps);
  const double last = static_cast<double>(std::max<int64_t>(recipe.steps - 1 - recipe.warmup_steps, 1));
  const double share = static_cast<double>(step - recipe.warmup_steps) / last;
  return recipe.final_rate + (recipe.learning_rate - recipe.final_rate) * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

Optimizer::Optimizer(const Recipe& recipe, at::Tensor parameters, int64_t matrix_count, Ranks& ranks)
    : recipe_(recipe), ranks_(ranks), parameters_(std::move(parameters)) {
  const int64_t count = parameters_.size(0);
  piece_ = (count + ranks.size() - 1) / ranks.size();
  begin_ = piece_ * ranks.rank();
  const int64_t end = std::min(begin_ + piece_, count);
  const Segment matrices{begin_, std::min(end, matrix_count), recipe.weight_decay};
  const Segment vectors{std::max(begin_, matrix_count), end, 0};
  for (const Segment& segment : {matrices, vectors}) {
    if (segment.begin < segment.end) segments_.push_back(segment);
  }
  first_ = at::zeros({piece_}, parameters_.options());
  second_ = at::zeros_like(first_);
  steps_ = at::zeros({}, parameters_.options());
}

void Optimizer::Update(at::Tensor& gradient, const at::Tensor& gradient_norm, double learning_rate) {
  gradient.mul_(at::clamp_max(recipe_.clip / (gradient_norm + 1e-6), 1.0));
  ++updates_;
  steps_.fill_(static_cast<double>(updates_));
  for (const Segment& segment : segments_) {
    const auto of_all = [&](const at::Tensor& tensor) { return std::vector<at::Tensor>{tensor.slice(0, segment.begin, segment.end)}; };
    const auto of_mine = [&](const at::Tensor& tensor) { return std::vector<at::Tensor>{tensor.slice(0, segment.begin - begin_, segment.end - begin_)}; };
    at::_fused_adamw_(of_all(parameters_), of_all(gradient), of_mine(first_), of_mine(second_), {}, std::vector<at::Tensor>{steps_},
                      learning_rate, recipe_.beta1, recipe_.beta2, segment.decay, recipe_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
  }
  if (ranks_.size() == 1) return;
  at::Tensor whole = at::zeros({piece_ * ranks_.size()}, parameters_.options());
  whole.slice(0, 0, parameters_.size(0)).copy_(parameters_);
  ranks_.Gather(whole);
  parameters_.copy_(whole.slice(0, 0, parameters_.size(0)));
}

std::vector<float> Optimizer::Whole(const at::Tensor& mine) {
  at::Tensor whole = at::zeros({piece_ * ranks_.size()}, mine.options());
  whole.slice(0, begin_, begin_ + piece_).copy_(mine);
  ranks_.Gather(whole);
  whole = whole.to(at::kCPU);
  return {whole.data_ptr<float>(), whole.data_ptr<float>() + parameters_.size(0)};
}

at::Tensor Optimizer::Mine(const std::vector<float>& whole) const {
  at::Tensor mine = at::zeros({piece_}, at::kFloat);
  const int64_t count = std::min(piece_, static_cast<int64_t>(whole.size()) - begin_);
  if (count > 0) std::memcpy(mine.data_ptr<float>(), whole.data() + begin_, static_cast<size_t>(count) * sizeof(float));
  return mine;
}

void Optimizer::Restore(int64_t updates, const std::vector<float>& first, const std::vector<float>& second) {
  Require(static_cast<int64_t>(first.size()) == parameters_.size(0) && first.size() == second.size(), "Optimizer::Restore: moments of another model");
  updates_ = updates;
  first_.copy_(Mine(first));
  second_.copy_(Mine(second));
}

}  // namespace drtriton
