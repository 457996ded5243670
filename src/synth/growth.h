// The law above five operators: a program grows by one operator at a time.
//
// Each step draws an operator from those that can read the newest result as far as element type and rank go, uniformly or
// by usage; then a wiring, uniform over the operator's forms and places for that result, the other slots fresh tensors or
// earlier results alike; then a solution by solver.h.  A draw without a solution is repeated whole.  A program with two or
// three outputs leaves the newest result as an output once or twice and goes on from an earlier one.
//
// Where a depth or width is asked, the layers of the program are drawn first (layers.h), and each operator reads a result of
// the layer before its own, an unread one if there is any, and as many unread ones as the end in three outputs needs.
#ifndef DRTRITON_SYNTH_GROWTH_H_
#define DRTRITON_SYNTH_GROWTH_H_

#include <vector>

#include "synth/operator_draw.h"
#include "synth/operator_space.h"
#include "synth/program_builder.h"
#include "synth/sampler.h"
#include "synth/solver.h"

namespace drtriton {

class GrowthLaw {
 public:
  // Keeps references.
  GrowthLaw(const OperatorSpace& space, const SamplerOptions& options, const OperatorDraw& operators);

  // `log_weight`: the sum over steps of the logarithms of the probabilities with which the accepted operator and wiring
  // were proposed; proposals without a solution are not accounted for.
  // False when the program can hardly grow any more: to be drawn again from the start.
  // `room`: of the sizes (size_menu.h); 0: the size class decides.
  bool Draw(Random& random, ProgramBuilder& builder, double room, double* log_weight) const;

 private:
  struct Step;  // what has grown so far
  struct Offer;
  static bool ProposeWiring(const OperatorForm& form, const Step& step, const Offer& offer, Random& random, Wiring& wiring,
                            double* log_weight);
  Offer MakeOffer(const Step& step, const std::vector<int>& layers, size_t i) const;

  const OperatorSpace& space_;
  const SamplerOptions& options_;
  const OperatorDraw& operators_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_GROWTH_H_
