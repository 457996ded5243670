// How many operators stand at each distance from the inputs, for programs above five operators whose depth or width is asked.
//
// The numbers are drawn uniformly from all ways to cut the operators into layers that have the depth and width asked for, and
// that can end in three outputs when an operator reads at most two results that nobody has read, and not all of them do.
#ifndef DRTRITON_SYNTH_LAYERS_H_
#define DRTRITON_SYNTH_LAYERS_H_

#include <vector>

#include "synth/random.h"
#include "synth/sampler.h"

namespace drtriton {

inline constexpr int kMostOutputs = 3;

// The layer of each operator in order, from 1 on; empty where neither depth nor width is asked.  Throws UserError when no
// such layers are found.
std::vector<int> DrawLayers(const SamplerOptions& options, Random& random);

// How many unread results (at least) the next operator has to read so that the program can still end in kMostOutputs:
// `unread` results, `left` operators with this one.
int LeastReads(int unread, int left);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_LAYERS_H_
