// WorkerPool: requests to warm Python workers and their answers, with restarts.
//
// A worker (python/drtriton/worker_server.py) runs each request in a fork of its own.  One worker serves
// WorkerPoolOptions::forks_of_one forks at once; more forks get more workers.  A worker that dies is started again; the
// requests it had are run once more, each alone, and one that takes its worker with it again is answered as crashed.
#ifndef DRTRITON_COMPILE_WORKER_POOL_H_
#define DRTRITON_COMPILE_WORKER_POOL_H_

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/process.h"
#include "compile/sandbox.h"

namespace drtriton {

struct WorkerPoolOptions {
  std::string module;                    // "compile_worker"
  std::vector<std::string> environment;  // further "NAME=value"
  int forks = 0;                         // at once, over all workers; 0: one a core
  std::filesystem::path folder;          // absolute; the workers' only writable folder
  bool gpu = false;                      // candidates may use the GPU: a real run
  std::optional<Isolation> isolation;    // AvailableIsolation() when not given
  int niceness = 0;                      // of the workers beside ours: whoever waits for a GPU or a comparison comes first
  int forks_of_one = 4;                  // workers are as many as the forks need: fewer take less memory, more fork faster
};

class WorkerPool {
 public:
  explicit WorkerPool(WorkerPoolOptions options);  // returns at once; the workers start meanwhile
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs all requests (objects with "timeout_s", "memory_bytes" and "folder", and what WhatIsSeen() gives; "id" is added)
  // and calls `answered` in the calling thread with each one's answer, in any order.  Returns early when Interrupted():
  // what is left has no answer.  Throws UserError (exit 4) when no worker can be started.
  void RunAll(std::vector<Json> requests, const std::function<void(size_t index, const Json& answer)>& answered);

 private:
  struct Batch;
  struct Job;
  struct Worker;

  void Serve(Worker* worker);
  bool Start(Worker* worker);
  void SendJobs(Worker* worker);
  void TakeJobs(Worker* worker);
  void AfterDeath(Worker* worker);
  void Deliver(const Job& job, Json answer);

  WorkerPoolOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;  // work, answers, the end
  std::deque<Job> queue_;            // guarded by mutex_, as is what follows
  int64_t next_id_ = 0;
  bool stopping_ = false;
  std::optional<std::string> broken_;  // why no worker can be started
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_WORKER_POOL_H_
