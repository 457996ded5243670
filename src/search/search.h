// Search: Program -> the best Composition that was found and verified within the budget.
//
// It sees proposers, the judge and the timer through their interfaces and knows nothing of Triton, GPUs or Python.
//   1. cut the Program into regions and list the options of each (cut.h, regions.h);
//   2. ask the proposers for schedules of every distinct fragment and have them judged, cheapest estimate first;
//   3. price the options from the measured times (or the cost model where nothing can be timed) and compose;
//   4. time whole compositions that differ in one region, so that a candidate is ranked where it will run, with its
//      inputs as warm as its neighbours leave them, and keep what helps (refine.h).
#ifndef DRTRITON_SEARCH_SEARCH_H_
#define DRTRITON_SEARCH_SEARCH_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/composition.h"
#include "core/device.h"
#include "core/judge.h"
#include "core/proposer.h"
#include "search/budget.h"
#include "search/regions.h"

namespace drtriton {

// Device times of whole compositions, measured side by side.  Implemented by whoever can run them (cli/).
class CompositionTimer {
 public:
  virtual ~CompositionTimer() = default;
  // Milliseconds of device time, one each in order; nullopt where a composition failed to run.
  virtual std::vector<std::optional<double>> TimeAll(const std::vector<Composition>& compositions, double budget_s) = 0;
};

struct SearchOptions {
  bool strict = false;          // no vendor step for anything that computes
  bool timed = true;            // a GPU is there: verdicts carry times
  uint64_t seed = 0;
  int proposals = 6;            // schedules judged for a fragment in the first round
  int tries_untimed = 3;        // without times: candidates tried until one is accepted
  // Without a GPU: the same fragment at sizes that the interpreter can run, or nullopt when it is small enough as it is.
  std::function<std::optional<Fragment>(const Fragment&)> shrink;
};

// A candidate that was accepted.
struct Choice {
  Proposal proposal;
  LaunchPlan plan;
  Verdict verdict;
  double cost_ms = 0;   // measured, else estimated
};

// Everything learnt about one distinct fragment.
struct FragmentRecord {
  std::string kind;                  // its FragmentKey
  Fragment fragment;                 // the first of its kind
  std::vector<Proposal> waiting;     // proposed, not judged yet; best estimate first
  std::vector<TriedCandidate> attempts;
  std::vector<Choice> choices;       // accepted, cheapest first
  std::optional<double> eager_ms;    // PyTorch's time for the same nodes
  bool reduced = false;              // judged at reduced shapes
};

struct SearchResult {
  Composition composition;
  std::map<std::string, FragmentRecord> fragments;   // by FragmentKey
  std::vector<RegionSummary> regions;
  bool interrupted = false;
  bool reduced = false;              // some kernel of the composition was judged at reduced shapes only
  std::vector<std::string> refused;  // strict: what no verified kernel covers; the composition is not usable then
};

// `program` comes from SplitViews() and is the one whose values the judge holds: fragments name its values by number.
SearchResult Search(const Program& program, const std::vector<const Proposer*>& proposers, Judge& judge,
                    const DeviceSpec& device, CompositionTimer* timer, const Budget& budget,
                    const SearchOptions& options);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_SEARCH_H_
