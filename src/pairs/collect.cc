// See collect.h.  While one unit is judged the next one is drawn and proposed for.
#include "pairs/collect.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/join.h"
#include "base/json_reader.h"
#include "base/log.h"
#include "base/seconds.h"
#include "language/answer.h"
#include "language/prompt.h"
#include "pairs/pair_shard.h"
#include "pairs/proposed.h"
#include "pairs/unit_lock.h"

namespace drtriton {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr uint64_t kFreshSeed = 0x5EED0F1B;   // a family's sample is of programs that no unit has
constexpr double kReportEvery_s = 30;

// Everything that decides what a unit holds.
Json RecipeOf(const PairCollection& collection, const DeviceSpec& device, bool timed) {
  Json recipe = {{"format", "drtriton.pair-recipe/1"},
                 {"seed", collection.mix.seed},
                 {"ops", collection.mix.ops},
                 {"size", std::string(Name(collection.mix.size))},
                 {"law", collection.mix.law ? std::string(Name(*collection.mix.law)) : "both"},
                 {"split", std::string(Name(collection.split))},
                 {"schedules", collection.schedules},
                 {"unit", kUnitNumbers},
                 {"unverified", collection.unverified},
                 {"device", device.name},
                 {"timed", timed}};
  return recipe;
}

// A folder has one recipe; going on with another would mix what does not belong together.
void KeepRecipe(const std::filesystem::path& folder, const Json& recipe) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw UserError("cannot make the folder " + folder.string() + ": " + error.message());
  const std::filesystem::path path = folder / "recipe.json";
  if (!std::filesystem::exists(path)) return WriteFileAtomically(path, recipe.dump(1) + "\n");
  const Json kept = Json::parse(ReadFile(path), nullptr, false);
  if (!kept.is_object()) throw UserError(path.string() + " is damaged");
  for (const auto& [key, value] : recipe.items()) {
    if (!kept.contains(key) || kept[key] != value) {
      throw UserError(folder.string() + " holds pairs of another recipe: " + key + " is " + (kept.contains(key) ? kept[key].dump() : "missing") +
                      " there, " + value.dump() + " here");
    }
  }
}

// The verdicts of work that is not finished; removed once it is.
class WorkStore {
 public:
  explicit WorkStore(std::filesystem::path path) : path_(std::move(path)), store_(std::in_place, path_) {}
  Store* get() { return &*store_; }
  void Remove() {
    store_.reset();
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(path_.string() + suffix, ignored);
  }

 private:
  std::filesystem::path path_;
  std::optional<Store> store_;
};

class Collector {
 public:
  Collector(const PairCollection& collection, const DeviceSpec& device, bool timed, const JudgeWith& judge)
      : collection_(collection), device_(device), timed_(timed), judge_(judge), samples_(collection.mix), expert_(Reach::kProgram) {}

  PairSummary Run() {
    KeepRecipe(collection_.folder, RecipeOf(collection_, device_, timed_));
    start_ = last_report_ = SteadyClock::now();
    for (const std::string& family : collection_.unverified) RequireGoodFamily(family);
    units_ = (collection_.programs + kUnitNumbers - 1) / kUnitNumbers;
    std::future<Drawn> next;
    int64_t next_unit = -1;
    for (int64_t unit = 0; unit < units_ && !Interrupted(); ++unit) {
      if (std::filesystem::exists(ShardPath(collection_.folder, unit))) continue;
      UnitLock lock(collection_.folder, unit);
      if (!lock.holds()) {
        ++summary_.elsewhere;
        continue;
      }
      if (std::filesystem::exists(ShardPath(collection_.folder, unit))) continue;   // finished meanwhile
      Drawn drawn = next_unit == unit ? next.get() : DrawUnit(unit);
      next_unit = FirstOpen(unit + 1);
      if (next_unit >= 0) next = std::async(std::launch::async, [this, next_unit] { return DrawUnit(next_unit); });
      if (!FinishUnit(unit, drawn)) break;
    }
    ClearProgress();
    summary_.interrupted = Interrupted();
    summary_.seconds = SecondsSince(start_);
    return std::move(summary_);
  }

 private:
  using Drawn = std::vector<ProposedProgram>;

  int64_t FirstOpen(int64_t unit) const {
    while (unit < units_ && std::filesystem::exists(ShardPath(collection_.folder, unit))) ++unit;
    return unit < units_ ? unit : -1;
  }

  // No program twice within a unit; across units a packer drops them.
  Drawn DrawUnit(int64_t unit) const {
    Drawn drawn;
    std::set<std::string> ids;
    for (int64_t number = unit * kUnitNumbers; number < (unit + 1) * kUnitNumbers && !Interrupted(); ++number) {
      std::optional<ProposedProgram> proposed = ProposeFor(samples_.Draw(number), expert_, device_, collection_.schedules);
      if (!proposed || proposed->split != collection_.split || !ids.insert(proposed->id).second) continue;
      drawn.push_back(std::move(*proposed));
    }
    return drawn;
  }

  bool NeedsNoVerdict(const Proposal& proposal) const {
    const std::vector<std::string> families = FamiliesOf(proposal);
    return !families.empty() && std::all_of(families.begin(), families.end(), [&](const std::string& family) {
      return std::find(collection_.unverified.begin(), collection_.unverified.end(), family) != collection_.unverified.end();
    });
  }

  JudgeOptions Options() const {
    return {.strict = true, .timed = timed_, .quick_timing = true, .seed = collection_.mix.seed, .timeout_s = collection_.timeout_s};
  }

  // False when it was interrupted: nothing is written then, but the verdicts so far are kept for the next start.
  bool FinishUnit(int64_t unit, const Drawn& drawn) {
    WorkStore work(collection_.folder / ("work-" + std::to_string(unit) + ".sqlite"));
    std::vector<Candidate> candidates;
    for (const ProposedProgram& program : drawn) {
      for (const Proposal& proposal : program.proposals) {
        if (!NeedsNoVerdict(proposal)) candidates.push_back({&program.fragment, &proposal});
      }
    }
    size_t done = 0;
    const std::vector<Judgement> judgements = judge_(work.get(), candidates, Options(), [&](size_t, const Judgement& judgement) {
      ++done;
      ++judged_now_;
      accepted_now_ += judgement.verdict.accepted();
      ShowProgress(unit, done, candidates.size());
    });
    if (Interrupted()) return false;
    size_t next = 0;
    std::vector<TrainingPair> pairs;
    for (const ProposedProgram& program : drawn) {
      for (const Proposal& proposal : program.proposals) {
        std::optional<Verdict> verdict;
        if (next < candidates.size() && candidates[next].proposal == &proposal) verdict = judgements[next++].verdict;
        if (verdict && verdict->code == "interrupted") {   // a worker was lost before the candidate was run
          ++summary_.codes[verdict->code];
          continue;
        }
        pairs.push_back(MakePair(program, proposal, std::move(verdict)));
        Count(pairs.back());
      }
    }
    WritePairShard(ShardPath(collection_.folder, unit), unit, pairs);
    work.Remove();
    ++summary_.units;
    summary_.programs += static_cast<int64_t>(drawn.size());
    return true;
  }

  TrainingPair MakePair(const ProposedProgram& program, const Proposal& proposal, std::optional<Verdict> verdict) const {
    const Answer answer = AnswerOf(program.fragment, proposal);
    return {.id = program.id,
            .split = std::string(Name(program.split)),
            .ops = program.sample.ops,
            .law = program.sample.law,
            .seed = program.sample.seed,
            .index = program.sample.index,
            .operators = program.sample.operators,
            .families = FamiliesOf(proposal),
            .task = TaskText(MakePrompt(program.fragment, device_, /*strict=*/true)),
            .plan = PlanText(answer.plan),
            .source = answer.source,
            .verdict = std::move(verdict)};
  }

  void Count(const TrainingPair& pair) {
    for (PairTally* tally : {&summary_.all, &summary_.families[Join(pair.families, " + ")]}) {
      tally->unverified += !pair.verdict;
      tally->judged += pair.verdict.has_value();
      tally->accepted += pair.verdict && pair.verdict->accepted();
    }
    if (pair.verdict && !pair.verdict->accepted()) ++summary_.codes[pair.verdict->code];
  }

  void ShowProgress(int64_t unit, size_t done, size_t of) {
    const double seconds = SecondsSince(start_);
    char text[200];
    std::snprintf(text, sizeof text, "unit %lld of %lld: judged %zu of %zu; %lld accepted, %.1f candidates/s", static_cast<long long>(unit + 1),
                  static_cast<long long>(units_), done, of, static_cast<long long>(accepted_now_),
                  static_cast<double>(judged_now_) / std::max(seconds, 1e-3));
    SetProgress(text);
    if (SecondsSince(last_report_) < kReportEvery_s) return;
    last_report_ = SteadyClock::now();
    Info(text);
  }

  // ---- Families whose pairs are kept unjudged

  void RequireGoodFamily(const std::string& family) {
    const std::filesystem::path path = collection_.folder / ("family-" + family + ".json");
    if (!std::filesystem::exists(path)) MeasureFamily(family, path);
    const Json kept = Json::parse(ReadFile(path), nullptr, false);
    const JsonReader reader(kept, path.string());
    const int64_t judged = reader.At("judged").Int(0), accepted = reader.At("accepted").Int(0);
    if (judged >= collection_.family_sample && static_cast<double>(accepted) >= kFamilyAcceptance * static_cast<double>(judged)) return;
    throw UserError("pairs of the family " + family + " need a verdict each: of a fresh sample of " + std::to_string(judged) + ", " +
                    std::to_string(accepted) + " were accepted, which is less than 99.9%");
  }

  // The first proposal of programs of another seed, as far as all of its kernels are of the family.
  void MeasureFamily(const std::string& family, const std::filesystem::path& path) {
    PairMix mix = collection_.mix;
    mix.seed ^= kFreshSeed;
    const MixedSamples fresh(mix);
    std::vector<ProposedProgram> programs;
    const int64_t most = 400 * collection_.family_sample;
    for (int64_t number = 0; static_cast<int64_t>(programs.size()) < collection_.family_sample && number < most; ++number) {
      if (Interrupted()) throw UserError("interrupted");
      std::optional<ProposedProgram> proposed = ProposeFor(fresh.Draw(number), expert_, device_, 1);
      if (!proposed || FamiliesOf(proposed->proposals.front()) != std::vector<std::string>{family}) continue;
      programs.push_back(std::move(*proposed));
      SetProgress(family + ": drew " + std::to_string(programs.size()) + " of " + std::to_string(collection_.family_sample));
    }
    if (static_cast<int64_t>(programs.size()) < collection_.family_sample) {
      throw UserError("there are too few programs of the family '" + family + "' to judge a sample of " + std::to_string(collection_.family_sample));
    }
    std::vector<Candidate> candidates;
    for (const ProposedProgram& program : programs) candidates.push_back({&program.fragment, &program.proposals.front()});
    WorkStore work(collection_.folder / ("work-" + family + ".sqlite"));
    size_t done = 0;
    const std::vector<Judgement> judgements = judge_(work.get(), candidates, Options(), [&](size_t, const Judgement&) {
      SetProgress(family + ": judged " + std::to_string(++done) + " of a fresh sample of " + std::to_string(candidates.size()));
    });
    if (Interrupted()) throw UserError("interrupted");
    const int64_t accepted = std::count_if(judgements.begin(), judgements.end(), [](const Judgement& j) { return j.verdict.accepted(); });
    WriteFileAtomically(path, Json{{"family", family}, {"seed", mix.seed}, {"judged", candidates.size()}, {"accepted", accepted}}.dump(1) + "\n");
    work.Remove();
  }

  const PairCollection& collection_;
  const DeviceSpec& device_;
  bool timed_;
  const JudgeWith& judge_;
  MixedSamples samples_;
  TemplateProposer expert_;
  PairSummary summary_;
  int64_t units_ = 0;
  int64_t judged_now_ = 0;     // since this start
  int64_t accepted_now_ = 0;
  SteadyClock::time_point start_, last_report_;
};

}  // namespace

PairSummary CollectPairs(const PairCollection& collection, const DeviceSpec& device, bool timed, const JudgeWith& judge) {
  return Collector(collection, device, timed, judge).Run();
}

std::string SummaryText(const PairSummary& summary) {
  char line[300];
  std::snprintf(line, sizeof line, "%lld units, %lld programs in %.0f s: %lld of %lld candidates accepted, %lld kept unjudged\n\n",
                static_cast<long long>(summary.units), static_cast<long long>(summary.programs), summary.seconds,
                static_cast<long long>(summary.all.accepted), static_cast<long long>(summary.all.judged), static_cast<long long>(summary.all.unverified));
  std::string text = line;
  text += "| families of the kernels | judged | accepted | kept unjudged |\n|---|---|---|---|\n";
  for (const auto& [name, tally] : summary.families) {
    std::snprintf(line, sizeof line, "| %s | %lld | %lld | %lld |\n", name.empty() ? "(no kernel)" : name.c_str(), static_cast<long long>(tally.judged),
                  static_cast<long long>(tally.accepted), static_cast<long long>(tally.unverified));
    text += line;
  }
  for (const auto& [code, count] : summary.codes) text += "\nnot accepted: " + code + " " + std::to_string(count);
  if (!summary.codes.empty()) text += "\n";
  if (summary.elsewhere > 0) text += "\n" + std::to_string(summary.elsewhere) + " units are other processes' work\n";
  return text;
}

}  // namespace drtriton
