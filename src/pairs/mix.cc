#include "pairs/mix.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/error.h"
#include "synth/usage_law.h"

namespace drtriton {
namespace {

// Of 20 programs, by operators less one; in an order that spreads them.
constexpr std::array<int, 20> kRotation = {1, 2, 3, 4, 5, 1, 2, 3, 1, 2, 4, 5, 3, 1, 2, 4, 5, 3, 1, 2};

Sampler MakeSampler(const PairMix& mix, int ops, OperatorLaw law) {
  SamplerOptions options;
  options.ops = ops;
  options.size = mix.size;
  options.law = law;
  if (law == OperatorLaw::kUsage) options.next_weight = UsageWeights(SampledOperators());
  return Sampler(std::move(options));
}

}  // namespace

MixedSamples::MixedSamples(const PairMix& mix) : seed_(mix.seed) {
  for (int ops : mix.ops) {
    if (ops < 1 || ops > 5) throw UserError("pairs have programs of 1 to 5 operators, not of " + std::to_string(ops));
  }
  if (mix.ops.empty()) throw UserError("pairs need at least one number of operators");
  std::map<const Sampler*, int64_t> turns;
  for (OperatorLaw law : {OperatorLaw::kUniform, OperatorLaw::kUsage}) {
    if (mix.law && *mix.law != law) continue;
    for (int ops : kRotation) {
      if (std::find(mix.ops.begin(), mix.ops.end(), ops) == mix.ops.end()) continue;
      const std::pair<int, OperatorLaw> key{ops, law};
      if (!samplers_.contains(key)) samplers_.emplace(key, MakeSampler(mix, ops, law));
      const Sampler* const sampler = &samplers_.at(key);
      slots_.push_back({.sampler = sampler, .turn = turns[sampler]++});
    }
  }
  for (Slot& slot : slots_) slot.turns = turns[slot.sampler];
}

Sample MixedSamples::Draw(int64_t number) const {
  const int64_t round = number / static_cast<int64_t>(slots_.size());
  const Slot& slot = slots_[static_cast<size_t>(number) % slots_.size()];
  return slot.sampler->Draw(seed_, static_cast<uint64_t>(round * slot.turns + slot.turn));
}

}  // namespace drtriton
