// The law for up to five operators: sequence, wiring, shapes, each uniform or as stated over what is feasible.
//
//   1. The sequence of operators is drawn uniformly (or by usage) until one is feasible: one that has a wiring with one
//      sink and a solution of its constraint problem.
//   2. The wiring is uniform over the feasible wirings with that number of sinks: one with the given probability, else
//      two or three; where none with two or three is feasible, one.
//   3. The solution is drawn by the law of solver.h.
// docs/csp_dag.md proves it.
#ifndef DRTRITON_SYNTH_JOINT_LAW_H_
#define DRTRITON_SYNTH_JOINT_LAW_H_

#include <vector>

#include "synth/operator_draw.h"
#include "synth/operator_space.h"
#include "synth/program_builder.h"
#include "synth/sampler.h"
#include "synth/solver.h"
#include "synth/wiring.h"

namespace drtriton {

class JointLaw {
 public:
  // Keeps references.
  JointLaw(const OperatorSpace& space, const SamplerOptions& options, const OperatorDraw& operators);

  // Throws UserError when no program is feasible.
  void CheckFeasible() const;

  struct Drawn {
    Wiring wiring;
    Solution solution;
    SolverOptions solving;
    double log_weight = 0;
  };
  // `room`: of the sizes (size_menu.h); 0: the size class decides.
  Drawn Draw(Random& random, double room = 0) const;

  // Whether the sequence has a feasible wiring with so many sinks, decided by looking at all of them.  With one sink it is
  // enough to look at trees: a tensor that is read twice may be replaced by a fresh one where it is read again.
  bool IsFeasible(std::span<const int> sequence, int sinks = 1) const;

 private:
  // A feasible wiring with so many sinks, uniform, and its solution; false when there is none.
  bool DrawWiring(WiringCounter& counter, int sinks, const SolverOptions& solving, Random& random, Wiring& wiring,
                  Solution& solution) const;
  void Widen(WiringCounter& counter, Random& random, Drawn& drawn) const;
  bool DrawSequence(Random& random, std::vector<int>& sequence, double* log_weight) const;
  bool Wanted(const Wiring& wiring) const;

  const OperatorSpace& space_;
  const SamplerOptions& options_;
  const OperatorDraw& operators_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_JOINT_LAW_H_
