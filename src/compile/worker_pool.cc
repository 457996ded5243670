#include "compile/worker_pool.h"

#include <signal.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"

namespace drtriton {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kStartLimit{180'000};
constexpr double kMarginSeconds = 30;  // a worker enforces the limits itself; only where it hangs do we
constexpr int kMostAttempts = 2;

Json CrashAnswer(const std::string& how) {
  return {
      {"layers", Json::array()},
      {"failure",
       {{"stage", "compile"}, {"code", "crashed"}, {"reason", "the worker " + how + " while it ran this candidate"}}}};
}

}  // namespace

// What one RunAll() waits for.
struct WorkerPool::Batch {
  std::deque<std::pair<size_t, Json>> answers;
};

struct WorkerPool::Job {
  std::shared_ptr<Batch> batch;
  size_t index = 0;
  Json request;
  int attempts = 0;  // workers that died with it
};

// A worker process and the thread that talks to it.  `process` and `sent` belong to that thread.
struct WorkerPool::Worker {
  int number = 0;
  int forks = 1;
  std::unique_ptr<Process> process;
  std::deque<Job> taken;        // to be sent
  std::map<int64_t, Job> sent;  // by id
  std::thread thread;
};

WorkerPool::WorkerPool(WorkerPoolOptions options) : options_(std::move(options)) {
  int forks = options_.forks > 0 ? options_.forks : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  int count = (forks + options_.forks_of_one - 1) / options_.forks_of_one;
  for (int i = 0; i < count; ++i) {
    auto worker = std::make_unique<Worker>();
    worker->number = i;
    worker->forks = forks / count + (i < forks % count ? 1 : 0);
    workers_.push_back(std::move(worker));
  }
  for (auto& worker : workers_) worker->thread = std::thread([this, raw = worker.get()] { Serve(raw); });
}

WorkerPool::~WorkerPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    for (auto& worker : workers_) {
      // Not through Process, which its thread owns; that thread, waiting for an answer, sees the end.
      if (worker->process) kill(worker->process->pid(), SIGKILL);
    }
  }
  changed_.notify_all();
  for (auto& worker : workers_) worker->thread.join();
}

void WorkerPool::RunAll(std::vector<Json> requests,
                        const std::function<void(size_t, const Json&)>& answered) {
  auto batch = std::make_shared<Batch>();
  std::unique_lock<std::mutex> lock(mutex_);
  for (size_t i = 0; i < requests.size(); ++i) queue_.push_back({batch, i, std::move(requests[i]), 0});
  changed_.notify_all();
  for (size_t left = requests.size(); left > 0;) {
    changed_.wait_for(lock, milliseconds(100), [&] { return !batch->answers.empty() || broken_; });
    if (broken_) {
      std::erase_if(queue_, [&](const Job& job) { return job.batch == batch; });
      throw UserError("the " + options_.module + " cannot start: " + *broken_, ExitStatus::kSetUpFailed);
    }
    if (Interrupted()) break;
    while (!batch->answers.empty()) {
      auto [index, answer] = std::move(batch->answers.front());
      batch->answers.pop_front();
      lock.unlock();
      try {
        answered(index, answer);
      } catch (...) {   // the caller wants no more
        lock.lock();
        std::erase_if(queue_, [&](const Job& job) { return job.batch == batch; });
        throw;
      }
      lock.lock();
      --left;
    }
  }
  std::erase_if(queue_, [&](const Job& job) { return job.batch == batch; });
}

void WorkerPool::Deliver(const Job& job, Json answer) {
  std::lock_guard<std::mutex> lock(mutex_);
  job.batch->answers.emplace_back(job.index, std::move(answer));
  changed_.notify_all();
}

// The life of a worker's thread.
void WorkerPool::Serve(Worker* worker) {
  while (true) {
    if (!worker->process && !Start(worker)) return;
    TakeJobs(worker);
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (stopping_) return;
    }
    SendJobs(worker);
    double limit_s = kMarginSeconds;
    for (const auto& [id, job] : worker->sent)
      limit_s = std::max(limit_s, job.request.at("timeout_s").get<double>() + kMarginSeconds);
    std::optional<Json> answer = worker->process->Receive(milliseconds(static_cast<int64_t>(limit_s * 1000)));
    if (!answer) {
      AfterDeath(worker);
      continue;
    }
    auto found = worker->sent.find(answer->value("id", int64_t{-1}));
    if (found == worker->sent.end()) continue;
    Job job = std::move(found->second);
    worker->sent.erase(found);
    Deliver(job, std::move(*answer));
  }
}

bool WorkerPool::Start(Worker* worker) {
  SandboxOptions sandbox;
  sandbox.module = options_.module;
  sandbox.folder = options_.folder;
  sandbox.environment = options_.environment;
  sandbox.gpu = options_.gpu;
  sandbox.scratch = options_.folder / ("scratch" + std::to_string(worker->number));
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (stopping_) return false;
  }
  std::string why;
  try {
    std::filesystem::remove_all(sandbox.scratch);
    std::filesystem::create_directories(sandbox.scratch);
    ProcessOptions start = SandboxedWorker(options_.isolation.value_or(AvailableIsolation()), sandbox);
    if (options_.niceness > 0) start.command.insert(start.command.begin(), {"nice", "-n", std::to_string(options_.niceness)});
    auto process = std::make_unique<Process>(start);
    std::optional<Json> ready = process->Receive(kStartLimit);
    if (ready && ready->value("ready", false)) {
      std::lock_guard<std::mutex> lock(mutex_);
      worker->process = std::move(process);
      return !stopping_;
    }
    ProcessEnd end = process->Wait(milliseconds(1000));
    why = end.Describe() + (end.LastLine().empty() ? "" : " (" + end.LastLine() + ")");
  } catch (const std::exception& error) {
    why = error.what();
  }
  std::lock_guard<std::mutex> lock(mutex_);
  broken_ = why;
  changed_.notify_all();
  return false;
}

// Fills the worker's forks.  Waits for work only when it has none.  A job whose worker died runs alone.
void WorkerPool::TakeJobs(Worker* worker) {
  std::unique_lock<std::mutex> lock(mutex_);
  if (worker->sent.empty()) changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
  bool alone =
      std::any_of(worker->sent.begin(), worker->sent.end(), [](const auto& item) { return item.second.attempts > 0; });
  if (alone) return;
  while (!queue_.empty() && static_cast<int>(worker->sent.size() + worker->taken.size()) < worker->forks) {
    bool suspect = queue_.front().attempts > 0;
    if (suspect && !(worker->sent.empty() && worker->taken.empty())) break;
    worker->taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (suspect) break;
  }
}

void WorkerPool::SendJobs(Worker* worker) {
  while (!worker->taken.empty()) {
    Job job = std::move(worker->taken.front());
    worker->taken.pop_front();
    int64_t id = 0;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      id = next_id_++;
    }
    job.request["id"] = id;
    worker->process->Send(job.request);  // a worker that reads no more is noticed at the next Receive()
    worker->sent.emplace(id, std::move(job));
  }
}

void WorkerPool::AfterDeath(Worker* worker) {
  std::string how;
  {
    std::lock_guard<std::mutex> lock(mutex_);  // until it is reset, its process number is the destructor's to use
    how = worker->process->Wait(milliseconds(0)).Describe();
    worker->process.reset();
    if (stopping_) return;
  }
  Debug("the " + options_.module + " " + how + "; starting it again");
  for (auto& [id, job] : worker->sent) {
    if (++job.attempts < kMostAttempts) {
      std::lock_guard<std::mutex> lock(mutex_);
      queue_.push_back(std::move(job));
    } else {
      Deliver(job, CrashAnswer(how));
    }
  }
  worker->sent.clear();
  changed_.notify_all();
}

}  // namespace drtriton
