// One sweep of coordinate search in batches; see refine.h, tested in refine_test.cc with a made-up timer.
#include "search/refine.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "base/interrupt.h"
#include "base/log.h"

namespace drtriton {
namespace {

constexpr double kClose = 1.3;           // estimates within this factor of the best are worth a measurement
constexpr double kGain = 0.995;          // a variant must be this much below the base to be kept
constexpr size_t kBatch = 8;             // compositions timed side by side
constexpr double kReserveShare = 0.04;   // of the budget: a batch under way may take longer than it was given

struct Alternative {
  std::string kind;
  Decision decision;
  double expected_gain_ms = 0;   // of the option over the chosen one by estimate, times its regions; may be negative
};

std::vector<Alternative> Alternatives(const SearchPlan& plan, const Decisions& base,
                                      const std::map<std::string, FragmentRecord>& fragments) {
  std::vector<Alternative> all;
  std::set<std::string> seen;
  for (const PlannedRegion& region : plan.regions) {
    if (!seen.insert(region.kind).second) continue;
    auto same_kind = [&](const PlannedRegion& other) { return other.kind == region.kind; };
    double count = static_cast<double>(std::count_if(plan.regions.begin(), plan.regions.end(), same_kind));
    const Decision& chosen = base.at(region.kind);
    double chosen_ms = OptionCost(region, chosen.option, fragments);
    for (size_t option = 0; option < region.options.size(); ++option) {
      double cost_ms = OptionCost(region, option, fragments);
      if (option == chosen.option || cost_ms == std::numeric_limits<double>::infinity()) continue;
      // PyTorch's share of an option is only a difference of two estimates, so options get the benefit of the doubt.
      if (cost_ms > 2 * kClose * chosen_ms) continue;
      std::vector<size_t> choices(region.options[option].pieces.size(), 0);
      all.push_back({region.kind, {option, choices}, count * (chosen_ms - cost_ms)});
    }
    for (size_t piece = 0; piece < chosen.choices.size(); ++piece) {
      const std::string& key = region.keys[chosen.option][piece];
      if (key.empty()) continue;
      const std::vector<Choice>& choices = fragments.at(key).choices;
      for (size_t choice = 1; choice < choices.size() && choice < 4; ++choice) {
        if (choices[choice].cost_ms > kClose * choices[0].cost_ms) break;
        Decision decision = chosen;
        decision.choices[piece] = choice;
        all.push_back({region.kind, decision, count * (choices[0].cost_ms - choices[choice].cost_ms)});
      }
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Alternative& a, const Alternative& b) {
    return a.expected_gain_ms > b.expected_gain_ms;
  });
  return all;
}

}  // namespace

Decisions Refine(const SearchPlan& plan, const Decisions& base, const std::map<std::string, FragmentRecord>& fragments,
                 CompositionTimer& timer, const Budget& budget) {
  std::vector<Alternative> waiting = Alternatives(plan, base, fragments);
  std::map<std::string, std::pair<double, Decision>> best;   // by kind: share of the base's time, decision
  double reserve_s = kReserveShare * budget.seconds();
  for (size_t next = 0; next < waiting.size() && budget.Left() > reserve_s && !Interrupted(); next += kBatch) {
    size_t end = std::min(waiting.size(), next + kBatch);
    SetProgress("timing " + std::to_string(end) + " of " + std::to_string(waiting.size()) + " whole compositions");
    std::vector<Composition> batch{Compose(plan, base, fragments)};
    for (size_t i = next; i < end; ++i) {
      Decisions changed = base;
      changed[waiting[i].kind] = waiting[i].decision;
      batch.push_back(Compose(plan, changed, fragments));
    }
    Debug("timing " + std::to_string(batch.size()) + " whole compositions");
    std::vector<std::optional<double>> times = timer.TimeAll(batch, budget.Left() - reserve_s);
    if (!times[0]) break;
    for (size_t i = next; i < end; ++i) {
      const std::optional<double>& time = times[1 + i - next];
      if (!time || *time > kGain * *times[0]) continue;
      auto [place, fresh] = best.try_emplace(waiting[i].kind, *time / *times[0], waiting[i].decision);
      if (!fresh && *time / *times[0] < place->second.first) place->second = {*time / *times[0], waiting[i].decision};
    }
  }
  ClearProgress();
  if (best.empty()) return base;
  Decisions together = base;
  for (const auto& [kind, gain] : best) together[kind] = gain.second;
  // What helps alone may not help together: the sum is measured, and the single best gain beside it.
  auto single = std::min_element(best.begin(), best.end(),
                                 [](const auto& a, const auto& b) { return a.second.first < b.second.first; });
  Decisions alone = base;
  alone[single->first] = single->second.second;
  if (budget.Left() <= reserve_s) return alone;
  std::vector<std::optional<double>> times = timer.TimeAll(
      {Compose(plan, base, fragments), Compose(plan, together, fragments), Compose(plan, alone, fragments)},
      budget.Left() - reserve_s);
  if (times[0] && times[1] && *times[1] < *times[0] && (!times[2] || *times[1] <= *times[2])) return together;
  return times[0] && times[2] && *times[2] < *times[0] ? alone : base;
}

}  // namespace drtriton
