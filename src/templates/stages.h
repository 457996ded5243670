// Stages: a fragment that no single family can write, cut into parts that each can, one behind the other.
//
// A reduction of a reduction's results (the mean over tokens of a loss over classes), a product of a softmax, results over
// different index spaces: each part is a Lowered of its own that loads what earlier parts left in buffers.  Only
// reductions, scans and products are kept in buffers; the scalar work between is done anew where it is needed.
#ifndef DRTRITON_TEMPLATES_STAGES_H_
#define DRTRITON_TEMPLATES_STAGES_H_

#include <vector>

#include "templates/lowered.h"

namespace drtriton {

struct StagePlan {
  Lowered whole;                // the fragment with a buffer more for each value that a later part loads
  std::vector<Lowered> parts;   // in order; all have the buffers of `whole`
};

// The parts of `lowered`; one where nothing has to be cut.
StagePlan CutIntoStages(const Lowered& lowered);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_STAGES_H_
