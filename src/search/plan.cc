// Pricing and composing; tested in plan_test.cc.
#include "search/plan.h"

#include <algorithm>
#include <limits>

#include "graph/registry.h"
#include "search/share_views.h"

namespace drtriton {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

std::string Describe(const FragmentRecord& record) {
  if (record.attempts.empty()) return "no candidate was judged";
  const Verdict& verdict = record.attempts.back().verdict;
  return "no candidate was accepted: " + verdict.reason;
}

}  // namespace

SearchPlan PlanRegions(const Program& program, const std::vector<const Proposer*>& proposers, bool strict,
                       const CutOptions& cut, std::map<std::string, FragmentRecord>& fragments) {
  SearchPlan plan{program, {}};
  std::vector<Region> regions = Cut(plan.program, proposers, cut);
  for (size_t position = 0; position < regions.size(); ++position) {
    PlannedRegion region;
    region.name = FragmentName(plan.program, regions[position].nodes, position);
    region.nodes = regions[position].nodes;
    region.kind = FragmentKey(ExtractFragment(plan.program, region.nodes, region.name));
    region.options = RegionOptions(plan.program, regions[position], proposers, strict);
    for (const Option& option : region.options) {
      std::vector<std::string>& keys = region.keys.emplace_back();
      for (const Piece& piece : option.pieces) {
        if (!piece.covered) {
          keys.emplace_back();
          continue;
        }
        Fragment fragment =
            ExtractFragment(plan.program, piece.nodes, FragmentName(plan.program, piece.nodes, position));
        std::string key = FragmentKey(fragment);
        if (fragments.count(key) == 0) fragments[key] = {.kind = key, .fragment = std::move(fragment)};
        keys.push_back(std::move(key));
      }
    }
    plan.regions.push_back(std::move(region));
  }
  return plan;
}

double OptionCost(const PlannedRegion& region, size_t option, const std::map<std::string, FragmentRecord>& fragments) {
  // What PyTorch needs for the whole region is known from the fused fragment, if that was ever timed.
  const FragmentRecord* whole = region.keys[0][0].empty() ? nullptr : &fragments.at(region.keys[0][0]);
  double torch_ms = whole != nullptr ? whole->eager_ms.value_or(kNever) : 0;
  double ours_ms = 0;
  bool uses_torch = false;
  for (const std::string& key : region.keys[option]) {
    if (key.empty()) {
      uses_torch = true;
      continue;
    }
    const FragmentRecord& record = fragments.at(key);
    if (record.choices.empty()) return kNever;
    ours_ms += record.choices.front().cost_ms;
    torch_ms -= record.eager_ms.value_or(0);
  }
  if (!uses_torch) return ours_ms;
  return ours_ms + std::max(0.0, torch_ms);
}

Decisions DecideByCost(const SearchPlan& plan, const std::map<std::string, FragmentRecord>& fragments) {
  Decisions decisions;
  for (const PlannedRegion& region : plan.regions) {
    if (decisions.count(region.kind) > 0) continue;
    // Where nothing can be priced the last option, PyTorch's, stands.
    size_t best = region.options.size() - 1;
    double best_ms = OptionCost(region, best, fragments);
    for (size_t option = region.options.size() - 1; option-- > 0;) {
      double cost_ms = OptionCost(region, option, fragments);
      if (cost_ms < kNever && cost_ms <= best_ms) best = option, best_ms = cost_ms;
    }
    decisions[region.kind] = {best, std::vector<size_t>(region.options[best].pieces.size(), 0)};
  }
  return decisions;
}

std::set<int32_t> ProductsLeftToTorch(const SearchPlan& plan, const Decisions& decisions) {
  std::set<int32_t> products;
  for (const PlannedRegion& region : plan.regions) {
    if (region.keys[0][0].empty()) continue;
    const Option& option = region.options[decisions.at(region.kind).option];
    for (const Piece& piece : option.pieces) {
      if (piece.covered) continue;
      for (int32_t node : piece.nodes) {
        if (IsProduct(plan.program.nodes[node].op)) products.insert(node);
      }
    }
  }
  return products;
}

Composition Compose(const SearchPlan& plan, const Decisions& decisions,
                    const std::map<std::string, FragmentRecord>& fragments) {
  Composition composition{plan.program, {}};
  for (const PlannedRegion& region : plan.regions) {
    const Decision& decision = decisions.at(region.kind);
    const Option& option = region.options[decision.option];
    for (size_t i = 0; i < option.pieces.size(); ++i) {
      const Piece& piece = option.pieces[i];
      const std::string& key = region.keys[decision.option][i];
      if (!key.empty() && !fragments.at(key).choices.empty()) {
        const Choice& choice = fragments.at(key).choices.at(decision.choices[i]);
        std::string name = option.pieces.size() == 1 ? region.name : region.name + "_" + std::to_string(i);
        composition.steps.push_back(KernelStep{ExtractFragment(plan.program, piece.nodes, name), choice.proposal,
                                               choice.plan, choice.verdict, key});
        continue;
      }
      std::string why = key.empty() ? piece.why_not : Describe(fragments.at(key));
      for (int32_t node : piece.nodes) composition.steps.push_back(TorchStep{node, why});
    }
  }
  ShareViews(composition);
  return composition;
}

}  // namespace drtriton
