// See verifier.h.  One thread has candidates compiled; one for each executor takes fragments, makes their reference values
// and executes their candidates as they come; the caller's thread keeps and hands on what they judged.
#include "verify/verifier.h"

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/channel.h"
#include "base/error.h"
#include "base/first_failure.h"
#include "base/log.h"
#include "base/seconds.h"
#include "verify/compiled_judge.h"
#include "verify/kept_verdicts.h"

namespace drtriton {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Beyond this, candidates of one fragment go to several executors.
constexpr size_t kMostOfAPortion = 16;

// A compiled candidate: its place among the requests, and what the farm gave.
struct Compiled {
  size_t request = 0;
  CompileResult result;
};

// Candidates of one fragment on their way to one executor.
struct Portion {
  explicit Portion(const Fragment* fragment) : fragment(fragment) {}
  const Fragment* fragment;
  size_t count = 0;
  size_t left = 0;               // not compiled yet; the compiling thread's
  Channel<Compiled> compiled;    // closed when no more will come
};

struct Judged {
  size_t request = 0;
  Judgement judgement;
};

// Ends CompileAll() early.
struct Abandoned {};

}  // namespace

// The candidates of one JudgeAll() that the store does not answer.
class Verifier::Run {
 public:
  // Both outlive it.
  Run(Verifier& verifier, const std::vector<CompileRequest>& requests, const JudgeOptions& options)
      : verifier_(verifier), requests_(requests), options_(options), busy_(verifier.executors_.size()) {
    const size_t most = verifier.executors_.size() > 1 ? kMostOfAPortion : requests_.size();
    std::map<const Fragment*, Portion*> open;
    for (const CompileRequest& request : requests_) {
      Portion*& portion = open[request.fragment];
      if (portion == nullptr || portion->count >= most) portion = &portions_.emplace_back(request.fragment);
      portion->left = ++portion->count;
      portion_of_.push_back(portion);
    }
    for (Portion& portion : portions_) waiting_.Push(&portion);
    waiting_.Close();
  }

  // Calls `judged` in this thread.
  void Go(const std::function<void(size_t request, Judgement)>& judged) {
    {
      std::vector<std::jthread> threads;
      threads.emplace_back([this] { Compile(); });
      for (Executor* executor : verifier_.executors_) threads.emplace_back([this, executor] { Lane(*executor); });
      while (std::optional<Judged> next = judged_.Pop()) {
        failure_.Guard([&] { judged(next->request, std::move(next->judgement)); });
      }
    }
    failure_.Rethrow();
  }

 private:
  void Compile() {
    failure_.Guard([&] {
      try {
        verifier_.farm_.CompileAll(requests_, [&](size_t index, const CompileResult& result) {
          if (failure_.failed() || (options_.enough && options_.enough())) throw Abandoned();   // nobody waits for the rest
          Portion& portion = *portion_of_[index];
          portion.compiled.Push({index, result});
          if (--portion.left == 0) portion.compiled.Close();
        });
      } catch (const Abandoned&) {
      }
    });
    for (Portion& portion : portions_) portion.compiled.Close();   // also what an interruption left out
  }

  void Lane(Executor& executor) {
    failure_.Guard([&] {
      CompiledJudge judge(executor, options_);
      while (std::optional<Portion*> portion = waiting_.Pop()) {
        if (failure_.failed()) break;
        JudgePortion(judge, **portion);
      }
    });
    const auto begin = SteadyClock::now();
    if (--busy_ == 0) judged_.Close();
    const std::lock_guard<std::mutex> lock(mutex_);
    ended_.push_back(begin);
    if (ended_.size() == verifier_.executors_.size()) {
      for (const auto& end : ended_) verifier_.times_.idle_s += SecondsSince(end);
    }
  }

  void JudgePortion(CompiledJudge& judge, Portion& portion) {
    double working_s = 0, compiler_s = 0;
    auto mark = SteadyClock::now();
    const auto split = [&](double& total) {
      const auto now = SteadyClock::now();
      total += std::chrono::duration<double>(now - mark).count();
      mark = now;
    };
    for (size_t i = 0; i < portion.count; ++i) judge.Expect(portion.fragment);
    judge.Prepare(portion.fragment);   // while its candidates compile
    split(working_s);
    while (std::optional<Compiled> next = portion.compiled.Pop()) {
      split(compiler_s);
      judged_.Push({next->request, judge.Judge(requests_[next->request], next->result)});
      split(working_s);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    verifier_.times_.working_s += working_s;
    verifier_.times_.compiler_s += compiler_s;
  }

  Verifier& verifier_;
  const std::vector<CompileRequest>& requests_;
  const JudgeOptions& options_;
  std::deque<Portion> portions_;
  std::vector<Portion*> portion_of_;   // of each request
  Channel<Portion*> waiting_;
  Channel<Judged> judged_;             // closed by the last executor's thread
  std::atomic<size_t> busy_;
  FirstFailure failure_;                         // of any thread; after it nothing new is begun
  std::mutex mutex_;
  std::vector<SteadyClock::time_point> ended_;   // guarded by mutex_
};

Verifier::Verifier(CompileFarm& farm, Executor& executor, Store* store) : Verifier(farm, std::vector<Executor*>{&executor}, store) {}

Verifier::Verifier(CompileFarm& farm, std::vector<Executor*> executors, Store* store)
    : farm_(farm), executors_(std::move(executors)), store_(store) {
  Require(!executors_.empty(), "a Verifier without an executor");
}

std::vector<Judgement> Verifier::JudgeAll(const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                          const std::function<void(size_t, const Judgement&)>& finished) {
  std::vector<Judgement> judgements(candidates.size(), {Verdict::Error(Stage::kRun, "interrupted", "judging ended before this candidate was run"), std::nullopt});
  KeptVerdicts kept(store_, executors_.front()->device_name(), options);
  std::vector<CompileRequest> fresh;
  std::vector<size_t> places;
  for (size_t i = 0; i < candidates.size(); ++i) {
    CompileRequest request;
    request.fragment = candidates[i].fragment;
    request.source = candidates[i].proposal->source;
    request.strict = options.strict;
    if (std::optional<Judgement> known = kept.Find(request)) {
      judgements[i] = std::move(*known);
      ++times_.kept;
      if (finished) finished(i, judgements[i]);
      continue;
    }
    fresh.push_back(std::move(request));
    places.push_back(i);
  }
  if (fresh.empty()) return judgements;
  Run(*this, fresh, options).Go([&](size_t request, Judgement judgement) {
    Judgement& place = judgements[places[request]];
    place = std::move(judgement);
    kept.Keep(fresh[request], place);
    Debug(fresh[request].fragment->id + ": " + (place.verdict.accepted() ? "accepted" : place.verdict.code));
    if (finished) finished(places[request], place);
  });
  return judgements;
}

}  // namespace drtriton
