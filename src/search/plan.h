// The state of a search between its steps: regions with their options and what was decided for each.
#ifndef DRTRITON_SEARCH_PLAN_H_
#define DRTRITON_SEARCH_PLAN_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "search/search.h"

namespace drtriton {

// A region of the Program.  Regions of one `kind` (the same computation up to names) are decided together.
struct PlannedRegion {
  std::string name;
  std::string kind;                 // FragmentKey of the whole region
  std::vector<int32_t> nodes;
  std::vector<Option> options;
  // For each option and piece: the key of its fragment in SearchResult::fragments, empty for PyTorch's pieces.
  std::vector<std::vector<std::string>> keys;
};

// What was decided for one kind of region: an option, and for each of its pieces which of the accepted choices.
struct Decision {
  size_t option = 0;
  std::vector<size_t> choices;
  friend bool operator==(const Decision&, const Decision&) = default;
};

using Decisions = std::map<std::string, Decision>;   // by kind

struct SearchPlan {
  Program program;                  // views split
  std::vector<PlannedRegion> regions;
};

// `program` comes from SplitViews().  Fragments that are new are added to `fragments`.
SearchPlan PlanRegions(const Program& program, const std::vector<const Proposer*>& proposers, bool strict,
                       const CutOptions& cut, std::map<std::string, FragmentRecord>& fragments);

// Milliseconds that an option is expected to take with the first choices of its fragments; infinity where it cannot be
// carried out.  PyTorch's share of a region is what remains of the region's eager time.
double OptionCost(const PlannedRegion& region, size_t option, const std::map<std::string, FragmentRecord>& fragments);

// The cheapest option of every kind.
Decisions DecideByCost(const SearchPlan& plan, const std::map<std::string, FragmentRecord>& fragments);

// Matrix products that `decisions` leave to PyTorch although a proposer could write them.
std::set<int32_t> ProductsLeftToTorch(const SearchPlan& plan, const Decisions& decisions);

// The composition that `decisions` stand for.  A piece whose fragment has no accepted choice goes to PyTorch.
Composition Compose(const SearchPlan& plan, const Decisions& decisions,
                    const std::map<std::string, FragmentRecord>& fragments);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_PLAN_H_
