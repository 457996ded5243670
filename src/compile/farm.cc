// CompileFarm: requests to a WorkerPool of `compile_worker`s.  Tests: farm_test.cc, farm_hostile_test.cc, and for what
// is recorded python/tests/test_recorder*.py.
#include "compile/farm.h"

#include <atomic>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/file.h"
#include "compile/request.h"
#include "compile/worker_pool.h"

namespace drtriton {
namespace {

CompileFailure Interruption() {
  return {Stage::kDone, "interrupted", "the user ended the work before this candidate was compiled"};
}

}  // namespace

class CompileFarm::Impl {
 public:
  Impl(const DeviceSpec& device, FarmOptions options) : device_(device), options_(std::move(options)) {
    if (options_.folder.empty()) options_.folder = own_.emplace("drtriton-compile").path();
    options_.folder = std::filesystem::absolute(options_.folder);
    std::filesystem::create_directories(options_.folder);
    pool_.emplace(WorkerPoolOptions{.module = "compile_worker",
                                    .forks = options_.workers,
                                    .folder = options_.folder,
                                    .niceness = options_.niceness,
                                    .forks_of_one = options_.forks_of_one});
  }

  std::vector<CompileResult> CompileAll(const std::vector<CompileRequest>& requests,
                                        const std::function<void(size_t, const CompileResult&)>& finished) {
    std::vector<CompileResult> results(requests.size());
    std::vector<Json> messages;
    for (size_t i = 0; i < requests.size(); ++i) {
      results[i].folder = options_.folder / std::to_string(next_folder_++);
      results[i].failure = Interruption();
      messages.push_back({{"timeout_s", options_.timeout_s},
                          {"memory_bytes", options_.memory_limit_bytes},
                          {"folder", results[i].folder.string()},
                          {"candidate", CandidateToJson(requests[i], device_, options_.max_alternatives)}});
      AddWhatIsSeen(requests[i], {}, &messages.back());
    }
    pool_->RunAll(std::move(messages), [&](size_t index, const Json& answer) {
      results[index] = ResultOf(answer, results[index].folder);
      if (finished) finished(index, results[index]);
    });
    return results;
  }

 private:
  DeviceSpec device_;
  FarmOptions options_;
  std::optional<ScratchFolder> own_;
  std::optional<WorkerPool> pool_;
  std::atomic<int64_t> next_folder_ = 0;
};

CompileFarm::CompileFarm(const DeviceSpec& device, FarmOptions options)
    : impl_(std::make_unique<Impl>(device, std::move(options))) {}
CompileFarm::~CompileFarm() = default;

std::vector<CompileResult> CompileFarm::CompileAll(const std::vector<CompileRequest>& requests,
                                                   const std::function<void(size_t, const CompileResult&)>& finished) {
  return impl_->CompileAll(requests, finished);
}

}  // namespace drtriton
