// What a set of samples covers: operators, which follows which, ranks, dtypes, depth, sizes.
#ifndef DRTRITON_SYNTH_COVERAGE_H_
#define DRTRITON_SYNTH_COVERAGE_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "synth/generate.h"

namespace drtriton {

// Adds samples up; not thread-safe.
class Coverage {
 public:
  // `space`: the operators that could occur.
  explicit Coverage(std::vector<std::string> space);

  void Add(const Generated& generated);

  // {"programs", "operators": {name: count}, "kinds": {name: kind}, "never": [name], "pairs": [[producer, consumer, count]],
  //  and histograms {value: programs or tensors}: "ranks", "dtypes", "depth", "width", "inputs", "parameters", "results",
  //  "largest" (elements, by powers of 4), "roofline_us" (likewise), "splits", "glue"}
  Json ToJson() const;

 private:
  using Histogram = std::map<int64_t, int64_t>;

  int PlaceOf(const std::string& op);
  void AddPairs(const Program& program);

  int64_t programs_ = 0;
  std::vector<std::string> names_;  // the space, and what occurred besides
  std::unordered_map<std::string, int> places_;
  std::vector<int64_t> counts_;  // by place
  std::unordered_map<uint64_t, int64_t> pairs_;
  std::map<std::string, int64_t> glue_;
  Histogram ranks_, dtypes_, depth_, width_, inputs_, parameters_, results_, largest_, roofline_us_, splits_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_COVERAGE_H_
