// The sizes that a program's dimensions are drawn from.
#ifndef DRTRITON_SYNTH_SIZE_MENU_H_
#define DRTRITON_SYNTH_SIZE_MENU_H_

#include "synth/random.h"
#include "synth/sampler.h"
#include "synth/size_problem.h"

namespace drtriton {

// The menu of a size class, its room drawn: log-uniform between the class's bounds, or `room` elements where that is
// positive.
SizeMenu DrawSizeMenu(SizeClass size, Random& random, double room = 0);
// The same, within the limit that the options set to a tensor.
SizeMenu DrawSizeMenu(const SamplerOptions& options, Random& random, double room = 0);

// Elements of the largest tensor.
int64_t MostElements(const SamplerOptions& options);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SIZE_MENU_H_
