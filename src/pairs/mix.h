// Which programs training pairs are made of: sample number n for every n, by a fixed rotation over difficulty and law.
//
// Of 40 programs in a row, 10 have one operator, 10 two, 8 three, 6 four and 6 five (of those that PairMix asks for), half
// of each drawn by the law `uniform` and half by `usage`.  So any stretch of numbers has the same mix, work can be split anywhere,
// and number n is the same program whoever draws it.  Immutable once made; Draw() may be called from any thread.
#ifndef DRTRITON_PAIRS_MIX_H_
#define DRTRITON_PAIRS_MIX_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "synth/sampler.h"
#include "synth/splits.h"

namespace drtriton {

struct PairMix {
  std::vector<int> ops = {1, 2, 3, 4, 5};   // difficulties, from 1 to 5
  SizeClass size = SizeClass::kMixed;
  std::optional<OperatorLaw> law;           // only this one; nullopt: both
  uint64_t seed = 1;
};

class MixedSamples {
 public:
  // Throws UserError for difficulties out of range.
  explicit MixedSamples(const PairMix& mix);

  Sample Draw(int64_t number) const;

 private:
  // A place of the rotation: the n-th turn draws sample number n * turns + turn of its sampler.
  struct Slot {
    const Sampler* sampler = nullptr;
    int64_t turn = 0;
    int64_t turns = 0;
  };

  uint64_t seed_;
  std::map<std::pair<int, OperatorLaw>, Sampler> samplers_;
  std::vector<Slot> slots_;
};

}  // namespace drtriton

#endif  // DRTRITON_PAIRS_MIX_H_
