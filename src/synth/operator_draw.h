// Which operators a sampler draws from, and one draw of a sequence.
#ifndef DRTRITON_SYNTH_OPERATOR_DRAW_H_
#define DRTRITON_SYNTH_OPERATOR_DRAW_H_

#include <span>
#include <string>
#include <vector>

#include "synth/operator_space.h"
#include "synth/random.h"
#include "synth/sampler.h"

namespace drtriton {

class OperatorDraw {
 public:
  // Throws UserError: an unknown operator, one outside the space, no operator left.
  OperatorDraw(const OperatorSpace& space, const SamplerOptions& options);

  // The operators that may be drawn, ascending.
  const std::vector<int>& allowed() const { return allowed_; }

  // One operator given those before it; adds the logarithm of its probability.
  int Next(std::span<const int> previous, Random& random, double* log_weight) const;

  // Whether some result of operator `from` may be an operand of operator `to`.
  bool MayRead(int to, int from) const { return may_read_[static_cast<size_t>(to) * count_ + static_cast<size_t>(from)] != 0; }

  // Whether every operator but the last may be read by a later one: what a sequence with one sink needs.
  bool MayEndInOne(std::span<const int> sequence) const;

 private:
  const OperatorSpace& space_;
  const SamplerOptions& options_;
  std::vector<int> allowed_;
  size_t count_ = 0;
  std::vector<uint8_t> may_read_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_OPERATOR_DRAW_H_
