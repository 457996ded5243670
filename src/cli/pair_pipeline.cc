// See pair_pipeline.h.  Threads share the compile farm, two channels of groups and, in each group, one of compiled candidates.
#include "cli/pair_pipeline.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <semaphore>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "base/channel.h"
#include "base/error.h"
#include "base/file.h"
#include "base/first_failure.h"
#include "base/interrupt.h"
#include "compile/farm.h"
#include "core/fragment.h"
#include "execute/executor.h"
#include "import/importer.h"
#include "search/interpreter_cost.h"
#include "store/store.h"
#include "verify/compiled_judge.h"
#include "verify/kept_verdicts.h"
#include "verify/other_batch.h"

namespace drtriton {
namespace {

// Candidates for which another import of their module pays, where an executor has nothing to do.
constexpr size_t kLeastOfAShare = 8;

// A compiled candidate: its place in Group::requests, and what the farm gave.
struct Compiled {
  size_t request = 0;
  CompileResult result;
};

// The pairs of one module on their way.
struct Group {
  std::filesystem::path module;
  std::vector<size_t> pairs;
  // Made by Prepare():
  std::filesystem::path folder;   // scratch of its own
  ImportedModule imported;
  Fragment whole;
  Fragment other;                          // at another batch size, where imported.other_batch is there
  std::optional<Verdict> unable;           // for all pairs: the module cannot be imported or judged here
  std::vector<CompileRequest> requests;    // of pairs that are not answered yet
  std::vector<size_t> request_pairs;       // the pair of each
  Channel<Compiled> compiled;              // closed when no more will come
};
using GroupPtr = std::shared_ptr<Group>;

std::string ReadCandidate(const std::filesystem::path& path) {
  std::string source = ReadFile(path);
  if (source.empty()) throw UserError("the candidate " + path.string() + " is empty");
  if (source.find('\0') != std::string::npos) throw UserError("the candidate " + path.string() + " is a binary file");
  return source;
}

Verdict BadFile(const UserError& error) {
  if (error.status() != ExitStatus::kBadInput) throw error;   // nothing that another pair would survive
  return Verdict::Error(Stage::kParse, "bad_file", error.what());
}

Verdict InterruptedVerdict() { return Verdict::Error(Stage::kDone, "interrupted", "judging was interrupted"); }

// Verdicts in the order of the pairs, whatever the order in which they come.
class InOrder {
 public:
  InOrder(size_t count, const std::function<void(size_t, const Verdict&)>& judged) : waiting_(count), judged_(judged) {}

  void Deliver(size_t index, Verdict verdict) {
    std::lock_guard<std::mutex> lock(mutex_);
    waiting_[index] = std::move(verdict);
    for (; next_ < waiting_.size() && waiting_[next_]; ++next_) judged_(next_, *waiting_[next_]);
  }

 private:
  std::mutex mutex_;
  std::vector<std::optional<Verdict>> waiting_;
  size_t next_ = 0;
  const std::function<void(size_t, const Verdict&)>& judged_;
};

}  // namespace

class PairPipeline::Impl {
 public:
  explicit Impl(const VerifyArguments& arguments)
      : arguments_(arguments),
        executors_(ExecutorsFor(arguments)),
        device_name_(executors_.front()->device_name()),
        gpu_(device_name_ != "interpreter"),
        farm_(executors_.front()->device(), FarmOptions{.niceness = kBatchNiceness, .timeout_s = arguments.timeout_s}),
        scratch_("drtriton-verify"),
        window_(static_cast<std::ptrdiff_t>(8 + 4 * executors_.size())) {
    options_ = {.strict = arguments.strict, .timed = gpu_, .wall = arguments.wall && gpu_, .quick_timing = !arguments.batch.empty(), .seed = arguments.seed, .timeout_s = arguments.timeout_s};
  }

  void Run(const std::vector<Pair>& pairs, const std::function<void(size_t, const Verdict&)>& judged) {
    pairs_ = &pairs;
    in_order_.emplace(pairs.size(), judged);
    Channel<GroupPtr> waiting;
    for (GroupPtr& group : Groups()) waiting.Push(std::move(group));
    waiting.Close();
    Channel<GroupPtr> imported;
    {
      std::jthread preparing([&] { PrepareAll(waiting, imported); });
      {
        std::vector<std::jthread> lanes;
        for (const auto& executor : executors_) lanes.emplace_back([&, raw = executor.get()] { failure_.Guard([&] { ExecuteAll(*raw, imported); }); });
      }
      while (std::optional<GroupPtr> rest = imported.Pop()) Abandon(**rest);   // after a failure: nobody may wait for ever
    }
    failure_.Rethrow();
  }

 private:
  static std::vector<std::unique_ptr<Executor>> ExecutorsFor(const VerifyArguments& arguments) {
    if (!arguments.batch.empty()) return MakeExecutors(arguments.device, arguments.seed, 0);
    std::vector<std::unique_ptr<Executor>> one;
    one.push_back(MakeExecutor(arguments.device, arguments.seed));
    return one;
  }

  // A module's pairs in one group, but where there are fewer modules than executors: each group is one executor's.
  size_t MostOfAGroup() const {
    std::set<std::filesystem::path> modules;
    for (const Pair& pair : *pairs_) modules.insert(pair.module);
    if (modules.size() >= executors_.size()) return pairs_->size();
    return std::max(kLeastOfAShare, (pairs_->size() + executors_.size() - 1) / executors_.size());
  }

  std::vector<GroupPtr> Groups() const {
    const size_t most = MostOfAGroup();
    std::vector<GroupPtr> groups;
    std::map<std::filesystem::path, GroupPtr> by_module;
    for (size_t i = 0; i < pairs_->size(); ++i) {
      GroupPtr& group = by_module[(*pairs_)[i].module];
      if (!group || group->pairs.size() >= most) {
        group = std::make_shared<Group>();
        group->module = (*pairs_)[i].module;
        group->folder = scratch_.path() / std::to_string(groups.size());
        groups.push_back(group);
      }
      group->pairs.push_back(i);
    }
    return groups;
  }

  bool Stopped() const { return failure_.failed() || Interrupted(); }

  void PrepareAll(Channel<GroupPtr>& waiting, Channel<GroupPtr>& imported) {
    {
      size_t cores = std::max(1u, std::thread::hardware_concurrency());
      std::vector<std::jthread> threads;
      for (size_t i = 0; i < std::clamp<size_t>(cores / 3, 1, 8); ++i) {
        threads.emplace_back([&] { failure_.Guard([&] { PrepareSome(waiting, imported); }); });
      }
    }
    imported.Close();
  }

  void PrepareSome(Channel<GroupPtr>& waiting, Channel<GroupPtr>& imported) {
    Importer importer;
    importer.Warm();
    Store store = Store::OpenDefault();
    KeptVerdicts kept(&store, device_name_, options_);
    while (std::optional<GroupPtr> next = waiting.Pop()) {
      Group& group = **next;
      window_.acquire();
      if (!Stopped()) {
        Import(importer, group);
        MakeRequests(kept, group);
      } else {
        group.unable = InterruptedVerdict();
      }
      imported.Push(*next);
      failure_.Guard([&] {
        if (!group.requests.empty()) {
          farm_.CompileAll(group.requests, [&](size_t index, const CompileResult& result) { group.compiled.Push({index, result}); });
        }
      });
      group.compiled.Close();
    }
  }

  void Import(Importer& importer, Group& group) {
    std::filesystem::create_directories(group.folder);
    ImportOptions options{
        .device = gpu_ ? "cuda" : "cpu", .training = arguments_.training, .seed = arguments_.seed, .other_batch = true, .digests = true};
    try {
      group.imported = importer.Import(group.module, options, group.folder);
    } catch (const UserError& error) {
      group.unable = BadFile(error);
      return;
    }
    if (!gpu_ && (group.imported.reduced || InterpreterSeconds(group.imported.program) > arguments_.timeout_s / 2)) {
      group.unable = Verdict::Error(Stage::kRun, "set_up",
                                    group.module.string() + " is too large for Triton's interpreter at its own sizes; judge it on a GPU");
      return;
    }
    group.whole = WholeProgram(group.imported.program);
    if (group.imported.other_batch) group.other = WholeProgram(group.imported.other_batch->program);
  }

  // Pairs that were judged before, or whose candidate cannot be read, are answered at once.
  void MakeRequests(const KeptVerdicts& kept, Group& group) {
    if (group.unable) return;
    for (size_t pair : group.pairs) {
      CompileRequest request;
      request.fragment = &group.whole;
      request.form = CandidateForm::kModule;
      request.strict = arguments_.strict;
      request.source_path = std::filesystem::absolute((*pairs_)[pair].candidate);
      request.module_path = std::filesystem::absolute(group.module);
      request.seed = arguments_.seed;
      request.digests = group.imported.digests;
      try {
        request.source = ReadCandidate((*pairs_)[pair].candidate);
      } catch (const UserError& error) {
        in_order_->Deliver(pair, BadFile(error));
        continue;
      }
      if (std::optional<Judgement> known = kept.Find(request)) {
        in_order_->Deliver(pair, known->verdict);
        continue;
      }
      group.requests.push_back(std::move(request));
      group.request_pairs.push_back(pair);
    }
  }

  void ExecuteAll(Executor& executor, Channel<GroupPtr>& imported) {
    Store store = Store::OpenDefault();
    KeptVerdicts kept(&store, device_name_, options_);
    while (std::optional<GroupPtr> next = imported.Pop()) {
      Group& group = **next;
      if (!group.unable && !group.requests.empty()) group.unable = Load(executor, group);
      if (group.unable) {
        Abandon(group);
        continue;
      }
      Execute(executor, kept, group);
      Finish(group);
    }
  }

  // Puts the module's values into the reference process.  A Verdict when they are not what the Program gives.
  std::optional<Verdict> Load(Executor& executor, const Group& group) {
    executor.LoadProgram(group.imported.program, group.imported.tensors);
    if (std::optional<std::string> difference = executor.CheckAgainstModule()) {
      return Verdict::Error(Stage::kRun, "unsupported", "the imported program does not give the module's own values: " + *difference);
    }
    return std::nullopt;
  }

  void Execute(Executor& executor, KeptVerdicts& kept, Group& group) {
    CompiledJudge judge(executor, options_);
    std::vector<bool> done(group.requests.size(), false);
    std::vector<std::pair<size_t, Judgement>> accepted;   // by place in `requests`: still to be judged at another batch size
    for (size_t i = 0; i < group.requests.size(); ++i) judge.Expect(&group.whole);
    if (!group.requests.empty()) judge.Prepare(&group.whole);   // while its candidates compile
    while (std::optional<Compiled> next = group.compiled.Pop()) {
      const CompileRequest& request = group.requests[next->request];
      Judgement judgement = judge.Judge(request, next->result);
      std::error_code ignored;
      std::filesystem::remove_all(next->result.folder, ignored);
      done[next->request] = true;
      if (judgement.verdict.accepted() && group.imported.other_batch) {
        accepted.emplace_back(next->request, std::move(judgement));
        continue;
      }
      kept.Keep(request, judgement);
      in_order_->Deliver(group.request_pairs[next->request], std::move(judgement.verdict));
    }
    if (!accepted.empty()) JudgeOtherBatch(executor, group, &accepted);
    for (auto& [index, judgement] : accepted) {
      kept.Keep(group.requests[index], judgement);
      in_order_->Deliver(group.request_pairs[index], std::move(judgement.verdict));
    }
    for (size_t i = 0; i < done.size(); ++i) {   // what the farm gave up
      if (!done[i]) in_order_->Deliver(group.request_pairs[i], InterruptedVerdict());
    }
  }

  // Accepted candidates once more, at the batch size that the module also runs with; only being wrong there counts.
  void JudgeOtherBatch(Executor& executor, const Group& group, std::vector<std::pair<size_t, Judgement>>* accepted) {
    const ImportedModule::OtherBatch& batch = *group.imported.other_batch;
    if (!gpu_ && InterpreterSeconds(batch.program) > arguments_.timeout_s / 2) return;
    executor.LoadProgram(batch.program, batch.tensors);
    if (executor.CheckAgainstModule() || Stopped()) return;
    JudgeOptions options = options_;
    options.strict = false;
    options.timed = false;
    CompiledJudge judge(executor, options);
    std::vector<CompileRequest> requests;
    for (const auto& [index, judgement] : *accepted) {
      requests.push_back(AtOtherBatch(group.requests[index], &group.other));
      judge.Expect(&group.other);
    }
    farm_.CompileAll(requests, [&](size_t i, const CompileResult& result) {
      Judgement other = judge.Judge(requests[i], result);
      TakeOtherBatch(other.verdict, batch.rows, batch.other_rows, &(*accepted)[i].second.verdict);
    });
  }

  // All pairs of the group that have no verdict yet get the group's.
  void Abandon(Group& group) {
    const Verdict verdict = group.unable.value_or(InterruptedVerdict());
    const std::vector<size_t>& open = group.requests.empty() && group.unable ? group.pairs : group.request_pairs;
    for (size_t pair : open) in_order_->Deliver(pair, verdict);
    while (group.compiled.Pop()) {
    }
    Finish(group);
  }

  void Finish(const Group& group) {
    std::error_code ignored;
    std::filesystem::remove_all(group.folder, ignored);
    window_.release();
  }

  const VerifyArguments& arguments_;
  std::vector<std::unique_ptr<Executor>> executors_;   // one thread each
  std::string device_name_;
  bool gpu_;
  CompileFarm farm_;
  ScratchFolder scratch_;
  JudgeOptions options_;
  const std::vector<Pair>* pairs_ = nullptr;
  std::optional<InOrder> in_order_;
  // Modules imported and not finished: bounds what lies in the scratch folder and in the compiler's queue.
  std::counting_semaphore<> window_;
  FirstFailure failure_;   // of any thread; after it nothing new is begun
};

PairPipeline::PairPipeline(const VerifyArguments& arguments) : impl_(std::make_unique<Impl>(arguments)) {}
PairPipeline::~PairPipeline() = default;

void PairPipeline::Run(const std::vector<Pair>& pairs, const std::function<void(size_t, const Verdict&)>& judged) {
  impl_->Run(pairs, judged);
}

}  // namespace drtriton
