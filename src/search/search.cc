// The search's order of work; see search.h.  Pricing is in plan.cc, whole-composition timing in refine.cc.
#include "search/search.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "search/interpreter_cost.h"
#include "search/plan.h"
#include "search/refine.h"

namespace drtriton {
namespace {

// Share of the budget after which no more candidates are judged; the rest is for timing compositions.
constexpr double kJudgingShare = 0.55;
// Another composition must be this much below the one at hand to replace it.
constexpr double kGain = 0.99;
// A round that has begun is cut short here.
constexpr double kRoundEndShare = 0.8;
// Of the budget, what the interpreter may take for one stage of a candidate: nothing else can end it in time.
constexpr double kCandidateShare = 0.3;
// What judging one candidate takes on a GPU, reference values and compilation shared out (measured on an H200, 16 cores).
constexpr double kSecondsPerCandidate = 0.35;
// The best schedules so far take this many times as long as PyTorch: the others are not expected to win.
constexpr double kHopeless = 1.5;

class Searcher {
 public:
  Searcher(const std::vector<const Proposer*>& proposers, Judge& judge, const DeviceSpec& device, const Budget& budget,
           const SearchOptions& options)
      : proposers_(proposers), judge_(judge), device_(device), budget_(budget), options_(options) {}

  SearchResult Run(const Program& program, CompositionTimer* timer) {
    SearchPlan plan = PlanRegions(program, proposers_, options_.strict, {}, result_.fragments);
    if (options_.timed) {
      JudgeTimed(plan, kJudgingShare * (timer != nullptr ? 0.7 : 1));
    } else {
      JudgeUntimed();
    }
    Decisions decisions = DecideByCost(plan, result_.fragments);
    if (timer != nullptr && !Interrupted()) {
      TryCutAroundProducts(program, *timer, plan, decisions);
      decisions = Refine(plan, decisions, result_.fragments, *timer, budget_);
    }
    result_.composition = Compose(plan, decisions, result_.fragments);
    Report(plan, decisions);
    result_.interrupted = Interrupted();
    return std::move(result_);
  }

 private:
  void Propose(FragmentRecord& record, int count) {
    for (const Proposer* proposer : proposers_) {
      if (proposer->WhyNot(record.fragment)) continue;
      ProposeOptions options{.max_count = count, .seed = options_.seed};
      for (Proposal& proposal : proposer->Propose(record.fragment, device_, options)) {
        record.waiting.push_back(std::move(proposal));
      }
    }
    std::stable_sort(record.waiting.begin(), record.waiting.end(),
                     [](const Proposal& a, const Proposal& b) { return a.estimated_us < b.estimated_us; });
  }

  // Where the vendor's matrix product won, what was to be its epilogue may fuse with what comes behind instead: the
  // Program is cut again around these products, and the better of the two compositions is kept.
  void TryCutAroundProducts(const Program& program, CompositionTimer& timer, SearchPlan& plan, Decisions& decisions) {
    std::set<int32_t> products = ProductsLeftToTorch(plan, decisions);
    if (products.empty()) return;
    CutOptions cut{.keep_in_torch = [&](int32_t node) { return products.count(node) > 0; }};
    SearchPlan around = PlanRegions(program, proposers_, options_.strict, cut, result_.fragments);
    JudgeTimed(around, kJudgingShare);
    Decisions decided = DecideByCost(around, result_.fragments);
    std::vector<std::optional<double>> times = timer.TimeAll(
        {Compose(plan, decisions, result_.fragments), Compose(around, decided, result_.fragments)}, budget_.Left() / 2);
    if (!times[0] || !times[1] || *times[1] > kGain * *times[0]) return;
    plan = std::move(around);
    decisions = std::move(decided);
  }

  // Two rounds: a few schedules of everything, then more for the fragments that promise most.
  void JudgeTimed(const SearchPlan& plan, double share) {
    std::vector<FragmentRecord*> fresh;
    for (FragmentRecord* record : InPlanOrder(plan)) {
      if (record->attempts.empty()) fresh.push_back(record);
    }
    std::vector<std::pair<FragmentRecord*, int>> wanted;
    for (FragmentRecord* record : fresh) {
      Propose(*record, 4 * options_.proposals);
      wanted.push_back({record, FirstRoundCount(fresh.size(), share)});
    }
    JudgeRound(wanted);
    while (budget_.Within(share) && !Interrupted()) {
      std::vector<std::pair<FragmentRecord*, int>> more = MostPromising();
      if (more.empty()) break;
      JudgeRound(more);
    }
  }

  // Schedules of each fragment in its first round: as many as the share's time allows by estimate.
  int FirstRoundCount(size_t fragments, double share) const {
    double seconds = std::max(0.0, share * budget_.seconds() - budget_.Used());
    double count = seconds / (kSecondsPerCandidate * static_cast<double>(fragments));
    return static_cast<int>(std::clamp(count, 1.0, std::max(1.0, static_cast<double>(options_.proposals))));
  }

  // Fragments of fused options come first, so that an early end still leaves something to compose.
  std::vector<FragmentRecord*> InPlanOrder(const SearchPlan& plan) {
    std::vector<FragmentRecord*> order;
    std::set<std::string> seen;
    size_t most_options = 0;
    for (const PlannedRegion& region : plan.regions) most_options = std::max(most_options, region.keys.size());
    for (size_t option = 0; option < most_options; ++option) {
      for (const PlannedRegion& region : plan.regions) {
        if (option >= region.keys.size()) continue;
        for (const std::string& key : region.keys[option]) {
          if (!key.empty() && seen.insert(key).second) order.push_back(&result_.fragments.at(key));
        }
      }
    }
    return order;
  }

  // The three fragments that promise most and still have untried schedules.
  std::vector<std::pair<FragmentRecord*, int>> MostPromising() {
    std::vector<std::pair<double, FragmentRecord*>> open;
    for (auto& [key, record] : result_.fragments) {
      if (!record.waiting.empty()) open.push_back({Promise(record), &record});
    }
    std::stable_sort(open.begin(), open.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::pair<FragmentRecord*, int>> more;
    for (size_t i = 0; i < open.size() && i < 3; ++i) more.push_back({open[i].second, options_.proposals});
    return more;
  }

  // Milliseconds that another schedule works on.  Least where none was right so far, or PyTorch is far ahead: the next
  // schedule is of the same kind.
  static double Promise(const FragmentRecord& record) {
    if (record.choices.empty()) return 0;
    double cost_ms = record.choices.front().cost_ms;
    return record.eager_ms && cost_ms > kHopeless * *record.eager_ms ? 0 : cost_ms;
  }

  void JudgeRound(const std::vector<std::pair<FragmentRecord*, int>>& wanted) {
    std::vector<FragmentRecord*> owners;
    std::vector<Proposal> proposals;
    for (auto [record, count] : wanted) {
      int taken = std::min<int>(count, static_cast<int>(record->waiting.size()));
      for (int i = 0; i < taken; ++i) {
        owners.push_back(record);
        proposals.push_back(std::move(record->waiting[i]));
      }
      record->waiting.erase(record->waiting.begin(), record->waiting.begin() + taken);
    }
    std::vector<Candidate> candidates;
    for (size_t i = 0; i < proposals.size(); ++i) candidates.push_back({&owners[i]->fragment, &proposals[i]});
    size_t done = 0;
    Debug("judging " + std::to_string(candidates.size()) + " candidates");
    judge_.JudgeAll(candidates, OptionsOfJudge(), [&](size_t index, const Judgement& judgement) {
      if (judgement.verdict.code == "interrupted") return;  // it was not judged
      Keep(*owners[index], proposals[index], judgement);
      SetProgress("judged " + std::to_string(++done) + " of " + std::to_string(candidates.size()) + " candidates, " +
                  std::to_string(static_cast<int>(budget_.Left())) + " s left");
    });
    ClearProgress();
  }

  JudgeOptions OptionsOfJudge() const {
    JudgeOptions options{.strict = true, .timed = options_.timed, .seed = options_.seed};
    options.enough = [this] { return !budget_.Within(kRoundEndShare); };
    if (!options_.timed) options.timeout_s = std::clamp(kCandidateShare * budget_.seconds(), 5.0, options.timeout_s);
    return options;
  }

  void Keep(FragmentRecord& record, const Proposal& proposal, const Judgement& judgement) {
    record.attempts.push_back({record.kind, record.fragment.id, proposal, judgement.verdict});
    if (judgement.verdict.eager_ms) record.eager_ms = judgement.verdict.eager_ms;
    if (!judgement.verdict.accepted() || !judgement.plan) return;
    Choice choice{proposal, *judgement.plan, judgement.verdict, 0};
    choice.cost_ms = judgement.verdict.time_ms.value_or(proposal.estimated_us / 1000);
    auto place = std::upper_bound(record.choices.begin(), record.choices.end(), choice,
                                  [](const Choice& a, const Choice& b) { return a.cost_ms < b.cost_ms; });
    record.choices.insert(place, std::move(choice));
  }

  // Without times the cost model decides: the first candidate that is right is taken.  All fragments advance together
  // so that every core compiles.
  void JudgeUntimed() {
    for (auto& [key, record] : result_.fragments) Propose(record, options_.tries_untimed);
    for (int attempt = 0; attempt < options_.tries_untimed && budget_.Left() > 0 && !Interrupted(); ++attempt) {
      std::vector<FragmentRecord*> open;
      for (auto& [key, record] : result_.fragments) {
        if (record.choices.empty() && !record.waiting.empty()) open.push_back(&record);
      }
      if (open.empty()) return;
      JudgeUntimedRound(open);
    }
  }

  void JudgeUntimedRound(const std::vector<FragmentRecord*>& open) {
    std::vector<std::pair<FragmentRecord*, int>> whole;
    std::vector<FragmentRecord*> reduced;
    std::vector<Fragment> small;
    for (FragmentRecord* record : open) {
      std::optional<Fragment> shrunk = options_.shrink ? options_.shrink(record->fragment) : std::nullopt;
      if (!shrunk) {
        whole.push_back({record, 1});
        continue;
      }
      reduced.push_back(record);
      small.push_back(std::move(*shrunk));
    }
    JudgeRound(whole);
    if (!reduced.empty() && !Interrupted()) JudgeReduced(reduced, small);
  }

  // A proposal for the real fragment, compiled, whose stand-in for a smaller one is executed.
  struct Reduced {
    FragmentRecord* record = nullptr;
    const Fragment* small = nullptr;
    Proposal real;
    Proposal stand_in;
    std::optional<LaunchPlan> plan;
  };

  // Compiling comes first: it is quick, and then every verdict counts at once, whenever the work is ended.  The quickest
  // run first, so that an early end leaves most fragments judged.
  void JudgeReduced(const std::vector<FragmentRecord*>& records, const std::vector<Fragment>& small) {
    std::vector<Reduced> all;
    for (size_t i = 0; i < records.size(); ++i) {
      Reduced reduced{records[i], &small[i], std::move(records[i]->waiting.front()), {}, {}};
      records[i]->waiting.erase(records[i]->waiting.begin());
      reduced.stand_in = StandIn(reduced.real, small[i]);
      all.push_back(std::move(reduced));
    }
    JudgeOptions options = OptionsOfJudge();
    options.compile_only = true;
    std::vector<Candidate> real;
    for (const Reduced& reduced : all) real.push_back({&reduced.record->fragment, &reduced.real});
    std::vector<Judgement> compiled = judge_.JudgeAll(real, options, {});
    std::vector<Reduced*> runnable;
    std::vector<Candidate> stand_ins;
    for (size_t i = 0; i < all.size(); ++i) {
      all[i].plan = compiled[i].plan;
      if (!compiled[i].verdict.accepted()) {
        KeepReduced(all[i], compiled[i]);
        continue;
      }
      runnable.push_back(&all[i]);
    }
    std::stable_sort(runnable.begin(), runnable.end(), [](const Reduced* a, const Reduced* b) {
      return InterpreterSeconds(a->small->program) < InterpreterSeconds(b->small->program);
    });
    for (const Reduced* reduced : runnable) stand_ins.push_back({reduced->small, &reduced->stand_in});
    judge_.JudgeAll(stand_ins, OptionsOfJudge(),
                    [&](size_t index, const Judgement& judgement) { KeepReduced(*runnable[index], judgement); });
  }

  void KeepReduced(const Reduced& reduced, Judgement judgement) {
    if (judgement.verdict.code == "interrupted") return;
    judgement.plan = reduced.plan;
    judgement.verdict.reduced_shapes = true;
    reduced.record->reduced = true;
    Keep(*reduced.record, reduced.real, judgement);
  }

  // The proposal for `small` that is most like `real`: of the same families and, where there is one, of the same tile.
  Proposal StandIn(const Proposal& real, const Fragment& small) {
    std::vector<Proposal> all;
    for (const Proposer* proposer : proposers_) {
      if (proposer->Name() != real.proposer || proposer->WhyNot(small)) continue;
      all = proposer->Propose(small, device_, {.max_count = 8, .seed = options_.seed});
    }
    if (all.empty()) throw InternalError("the reduced fragment " + small.id + " has no proposal");
    auto likeness = [&](const Proposal& proposal) {
      int alike = 0;
      for (size_t i = 0; i < proposal.kernels.size() && i < real.kernels.size(); ++i) {
        alike += proposal.kernels[i].family == real.kernels[i].family ? 2 : 0;
        alike += proposal.kernels[i].tile == real.kernels[i].tile ? 1 : 0;
      }
      return alike;
    };
    return *std::max_element(all.begin(), all.end(),
                             [&](const Proposal& a, const Proposal& b) { return likeness(a) < likeness(b); });
  }

  void Report(const SearchPlan& plan, const Decisions& decisions) {
    for (const PlannedRegion& region : plan.regions) {
      const Decision& decision = decisions.at(region.kind);
      RegionSummary report{region.name, region.nodes, {}, region.options[decision.option].label, ""};
      for (const Option& option : region.options) report.options.push_back(option.label);
      const std::string& whole = region.keys[0][0];
      if (!whole.empty()) Explain(result_.fragments.at(whole), decision, report);
      result_.regions.push_back(std::move(report));
    }
    for (const CompositionStep& step : result_.composition.steps) {
      if (const auto* kernel = std::get_if<KernelStep>(&step)) result_.reduced |= kernel->verdict.reduced_shapes;
      const auto* torch = std::get_if<TorchStep>(&step);
      if (torch == nullptr || !options_.strict || torch->why == "view") continue;
      result_.refused.push_back(result_.composition.program.nodes[torch->node].op + ": " + torch->why);
    }
  }

  static void Explain(const FragmentRecord& record, const Decision& decision, RegionSummary& report) {
    if (record.choices.empty()) {
      report.why = record.attempts.empty() ? "the time ended before a kernel was judged" : record.attempts.back().verdict.reason;
      return;
    }
    const Verdict& best = record.choices.front().verdict;
    if (!best.time_ms || !best.eager_ms) return;
    char text[160];
    std::snprintf(text, sizeof text, "fused kernel %.4f ms, PyTorch %.4f ms (cold)%s", *best.time_ms, *best.eager_ms,
                  decision.option == 0 ? "" : "; ranked inside the whole module");
    report.why = text;
  }

  const std::vector<const Proposer*>& proposers_;
  Judge& judge_;
  const DeviceSpec& device_;
  const Budget& budget_;
  const SearchOptions& options_;
  SearchResult result_;
};

}  // namespace

SearchResult Search(const Program& program, const std::vector<const Proposer*>& proposers, Judge& judge,
                    const DeviceSpec& device, CompositionTimer* timer, const Budget& budget,
                    const SearchOptions& options) {
  return Searcher(proposers, judge, device, budget, options).Run(program, timer);
}

}  // namespace drtriton
