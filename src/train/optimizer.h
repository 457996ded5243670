// AdamW over one flat tensor, sharded: each process updates its piece and holds the moments of that piece alone.
// Includes torch headers: keep it out of others.
#ifndef DRTRITON_TRAIN_OPTIMIZER_H_
#define DRTRITON_TRAIN_OPTIMIZER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/ranks.h"
#include "train/recipe.h"

namespace drtriton {

// The learning rate of a step (from 0): a line from 0 up to the highest rate at the end of the warm-up, then half a cosine
// down to the last one at the last step.
double LearningRate(const Recipe& recipe, int64_t step);

class Optimizer {
 public:
  // `parameters` is fp32 [count], its first `matrix_count` elements decay.  Keeps references to its arguments.
  Optimizer(const Recipe& recipe, at::Tensor parameters, int64_t matrix_count, Ranks& ranks);

  // Scales the gradient (which has the same value in all processes) down to the recipe's clip, updates the parameters in place,
  // in all processes.
  void Update(at::Tensor& gradient, const at::Tensor& gradient_norm, double learning_rate);

  // Updates so far, and the moments of all processes, on the CPU: what a checkpoint keeps.
  int64_t updates() const { return updates_; }
  std::vector<float> FirstMoments() { return Whole(first_); }
  std::vector<float> SecondMoments() { return Whole(second_); }
  void Restore(int64_t updates, const std::vector<float>& first, const std::vector<float>& second);

 private:
  // Elements [begin, end) of all parameters that this process updates with one weight decay.
  struct Segment {
    int64_t begin = 0;
    int64_t end = 0;
    double decay = 0;
  };
  std::vector<float> Whole(const at::Tensor& mine);
  at::Tensor Mine(const std::vector<float>& whole) const;

  const Recipe& recipe_;
  Ranks& ranks_;
  at::Tensor parameters_;
  int64_t piece_ = 0;         // elements of a process's piece; the last one may reach beyond the parameters
  int64_t begin_ = 0;         // of this process's piece
  std::vector<Segment> segments_;
  at::Tensor first_;          // [piece_]
  at::Tensor second_;
  at::Tensor steps_;          // fp32 scalar, as the fused kernel wants it
  int64_t updates_ = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_OPTIMIZER_H_
