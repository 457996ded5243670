// What is asked of the size of a whole program: its time or bytes near a target, its FLOPs, bytes and tensors within limits.
//
// Time and bytes are those of Difficulty: each operator alone, from memory, at the device's rates.  How many elements tensors
// are meant to have (SizeMenu::room) is the one thing that is turned: a program that misses is solved again with more or
// less room, so the law is that of docs/csp_dag.md conditioned on what is asked.
#ifndef DRTRITON_SYNTH_SIZE_GOAL_H_
#define DRTRITON_SYNTH_SIZE_GOAL_H_

#include "graph/program.h"
#include "synth/sampler.h"

namespace drtriton {

class SizeGoal {
 public:
  // Keeps a reference.  Throws UserError for numbers that are not positive, that contradict each other, or that are beyond
  // what the size class can hold.
  explicit SizeGoal(const SamplerOptions& options);

  // Whether more is asked than the largest tensor, which the constraint problem itself limits.
  bool any() const { return any_; }

  // The room to begin with; 0 where the size class decides.
  double FirstRoom() const;

  // By how much the room should grow or shrink for a program like this one; 1: it is as asked.
  double Correction(const Program& program) const;

  // Why no program is found, for a sentence: "takes 5 us".
  std::string Asked() const;

 private:
  void CheckAgainstClass() const;

  const SamplerOptions& options_;
  bool any_ = false;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SIZE_GOAL_H_
