// The law `usage`: operators follow each other as in the modules of torchvision and transformers.
//
// The weight of an operator behind two others is 0.6 P(next | both) + 0.25 P(next | the last) + 0.1 P(next) + 0.05 / n,
// with P from the counts of paths in usage_table.h and n the size of the space, so that every operator stays possible.
// At the beginning the module's inputs stand in for what is missing.
#ifndef DRTRITON_SYNTH_USAGE_LAW_H_
#define DRTRITON_SYNTH_USAGE_LAW_H_

#include <functional>
#include <string>
#include <vector>

namespace drtriton {

// For SamplerOptions::next_weight.  `space`: SampledOperators().  What it returns may be called from any thread.
std::function<double(const std::vector<int>& previous, int next)> UsageWeights(const std::vector<std::string>& space);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_USAGE_LAW_H_
