// A sampled program as a fragment to judge without running its module: its inputs are drawn as the module would draw them.
#ifndef DRTRITON_BENCH_SAMPLED_FRAGMENT_H_
#define DRTRITON_BENCH_SAMPLED_FRAGMENT_H_

#include <algorithm>
#include <vector>

#include "core/fragment.h"
#include "graph/aliases.h"
#include "synth/sampler.h"

namespace drtriton {

inline Fragment SampledFragment(const Sample& sample) {
  Fragment whole = WholeProgram(sample.program);
  StateAliases(whole.program);
  const std::vector<ValueId> leaves = sample.program.Leaves();
  for (const ValueId input : whole.parent_inputs) {
    const auto leaf = std::find(leaves.begin(), leaves.end(), input);
    whole.fills.push_back(leaf == leaves.end() ? LeafFill() : sample.leaves.at(static_cast<size_t>(leaf - leaves.begin())));
  }
  whole.parent_inputs.clear();   // no module was run: values are generated
  return whole;
}

}  // namespace drtriton

#endif  // DRTRITON_BENCH_SAMPLED_FRAGMENT_H_
