// Which operators a sampler draws from, and one draw of a sequence.
#ifndef DRTRITON_SYNTH_OPERATOR_DRAW_H_
#define DRTRITON_SYNTH_OPERATOR_DRAW_H_

#include <array>
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

  // Whether every operator but the last may be read by a later one whose own result may reach the last, as far as element
  // types go and as far as ranks go: what a sequence with one sink needs.
  bool MayEndInOne(std::span<const int> sequence) const;

 private:
  // What an operator gives at all, and when it reads a tensor of a type or a rank (nothing: it reads none such).
  struct Reach {
    TypeMask types = 0;
    RankMask ranks = 0;
    std::array<TypeMask, kElementTypes> types_when = {};
    std::array<RankMask, kMaxRank + 1> ranks_when = {};
  };
  static void AddForm(const OperatorForm& form, Reach& reach);

  const OperatorSpace& space_;
  const SamplerOptions& options_;
  std::vector<int> allowed_;
  std::vector<Reach> reach_;  // by operator
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_OPERATOR_DRAW_H_
