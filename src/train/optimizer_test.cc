#include "train/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace drtriton {
namespace {

// A process of several whose Gather() does nothing: enough to see which piece is updated.
class OneOf final : public Ranks {
 public:
  OneOf(int rank, int size) : rank_(rank), size_(size) {}
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void Sum(at::Tensor& /*tensor*/) override {}
  void Gather(at::Tensor& /*flat*/) override {}

 private:
  int rank_;
  int size_;
};

// AdamW as its paper has it, one parameter, in double.
struct PlainAdamW {
  double value = 0;
  double first = 0;
  double second = 0;
  int step = 0;
  void Update(const Recipe& recipe, double gradient, double rate, double decay) {
    ++step;
    value -= rate * decay * value;
    first = recipe.beta1 * first + (1 - recipe.beta1) * gradient;
    second = recipe.beta2 * second + (1 - recipe.beta2) * gradient * gradient;
    const double first_hat = first / (1 - std::pow(recipe.beta1, step));
    const double second_hat = second / (1 - std::pow(recipe.beta2, step));
    value -= rate * first_hat / (std::sqrt(second_hat) + recipe.epsilon);
  }
};

TEST(OptimizerTest, AgreesWithThePlainFormulaAndDecaysMatricesAlone) {
  Recipe recipe;
  recipe.clip = 1000;
  const auto ranks = OneRank();
  const at::Tensor parameters = at::tensor({1.0F, -2.0F, 0.5F});
  Optimizer optimizer(recipe, parameters, /*matrix_count=*/2, *ranks);
  PlainAdamW plain[3] = {{.value = 1.0}, {.value = -2.0}, {.value = 0.5}};
  for (int step = 0; step < 5; ++step) {
    at::Tensor gradient = at::tensor({0.3F, -0.1F * static_cast<float>(step), 2.0F});
    for (int i = 0; i < 3; ++i) plain[i].Update(recipe, gradient[i].item<double>(), 0.1, i < 2 ? recipe.weight_decay : 0);
    optimizer.Update(gradient, at::linalg_vector_norm(gradient), 0.1);
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(parameters[i].item<double>(), plain[i].value, 1e-5);
  }
  EXPECT_EQ(optimizer.updates(), 5);
}

TEST(OptimizerTest, ALongGradientIsClipped) {
  Recipe recipe;
  recipe.clip = 0.5;
  const auto ranks = OneRank();
  Optimizer optimizer(recipe, at::zeros({2}), 2, *ranks);
  at::Tensor gradient = at::tensor({3.0F, 4.0F});
  optimizer.Update(gradient, at::linalg_vector_norm(gradient), 0.1);
  EXPECT_NEAR(at::linalg_vector_norm(gradient).item<double>(), 0.5, 1e-5);
}

TEST(OptimizerTest, EachProcessUpdatesItsPiece) {
  const Recipe recipe;
  const at::Tensor whole = at::ones({5});
  const auto alone = OneRank();
  Optimizer(recipe, whole, 3, *alone).Update(*std::make_unique<at::Tensor>(at::full({5}, 0.1F)), at::tensor(0.2F), 0.1);
  for (int rank = 0; rank < 3; ++rank) {   // pieces of 2, 2 and 1
    OneOf ranks(rank, 3);
    const at::Tensor parameters = at::ones({5});
    Optimizer optimizer(recipe, parameters, 3, ranks);
    at::Tensor gradient = at::full({5}, 0.1F);
    optimizer.Update(gradient, at::tensor(0.2F), 0.1);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(parameters[i].item<float>(), i / 2 == rank ? whole[i].item<float>() : 1.0F) << rank << " " << i;
  }
}

TEST(OptimizerTest, RestoredMomentsContinueBitForBit) {
  const Recipe recipe;
  const auto ranks = OneRank();
  const at::Tensor a = at::ones({4});
  Optimizer first(recipe, a, 4, *ranks);
  const auto update = [](Optimizer& optimizer, float value) {
    at::Tensor gradient = at::full({4}, value);
    optimizer.Update(gradient, at::linalg_vector_norm(gradient), 0.01);
  };
  update(first, 0.1F);
  const at::Tensor b = a.clone();
  Optimizer second(recipe, b, 4, *ranks);
  second.Restore(first.updates(), first.FirstMoments(), first.SecondMoments());
  update(first, 0.2F);
  update(second, 0.2F);
  EXPECT_TRUE(a.equal(b));
}

TEST(OptimizerTest, TheRateWarmsUpAndFallsToTheLast) {
  Recipe recipe;
  recipe.steps = 100;
  recipe.warmup_steps = 10;
  recipe.learning_rate = 1;
  recipe.final_rate = 0.1;
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 0), 0.1);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 9), 1);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 10), 1);
  EXPECT_DOUBLE_EQ(LearningRate(recipe, 99), 0.1);
  for (int64_t step = 11; step < 100; ++step) EXPECT_LT(LearningRate(recipe, step), LearningRate(recipe, step - 1));
}

}  // namespace
}  // namespace drtriton
