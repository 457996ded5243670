// A small deterministic generator: the same numbers on every machine, for any number of threads.
#ifndef DRTRITON_SYNTH_RANDOM_H_
#define DRTRITON_SYNTH_RANDOM_H_

#include <cstddef>
#include <cstdint>

namespace drtriton {

// splitmix64 (Steele, Lea, Flood 2014), which seeds well and passes the usual tests.
class Random {
 public:
  Random(uint64_t seed, uint64_t index) : state_(Mix(seed + 0x9e3779b97f4a7c15ULL) ^ Mix(index * 0xd1342543de82ef95ULL + 1)) {}

  // The stream that begins at this state: for many short streams, from states that are told apart.
  explicit Random(uint64_t state) : state_(state) {}

  uint64_t Next() { return Mix(state_ += 0x9e3779b97f4a7c15ULL); }

  // Uniform in [0, count), exactly: Lemire's method.  count > 0.
  uint32_t Below(uint32_t count) {
    uint64_t product = (Next() >> 32) * count;
    if (static_cast<uint32_t>(product) < count) {
      const uint32_t threshold = -count % count;
      while (static_cast<uint32_t>(product) < threshold) product = (Next() >> 32) * count;
    }
    return static_cast<uint32_t>(product >> 32);
  }

  double Unit() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }  // in [0, 1)
  bool Chance(double probability) { return Unit() < probability; }

  // An index with probability in proportion to its weight; the weights' sum is positive.
  template <typename Weights>
  int Weighted(const Weights& weights, int count) {
    double total = 0;
    for (int i = 0; i < count; ++i) total += weights[static_cast<size_t>(i)];
    double at = Unit() * total;
    int last = -1;
    for (int i = 0; i < count; ++i) {
      const double weight = weights[static_cast<size_t>(i)];
      if (weight <= 0) continue;
      last = i;
      if (at < weight) return i;
      at -= weight;
    }
    return last;
  }

 private:
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }

  uint64_t state_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_RANDOM_H_
