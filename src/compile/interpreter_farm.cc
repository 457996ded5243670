// InterpreterFarm: requests to a WorkerPool of `interpret_worker`s.  Tensors cross as files in the pool's folder, the
// only one that worker and we both see.  Tests: interpreter_farm_test.cc and python/tests/test_interpreter*.py.
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "compile/farm.h"
#include "compile/request.h"
#include "compile/worker_pool.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

constexpr const char* kOutputs = "outputs.tensors";

// What the compile worker would call its stage is a run here.
CompileFailure AtRun(CompileFailure failure) {
  if (failure.stage == Stage::kCompile) failure.stage = Stage::kRun;
  return failure;
}

// Moves across file systems where it must.
void MoveFile(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (!error) return;
  fs::path unfinished = to.string() + ".unfinished";
  fs::copy_file(from, unfinished, fs::copy_options::overwrite_existing);
  fs::rename(unfinished, to);
  fs::remove(from);
}

}  // namespace

std::string VisibleGpu(int index) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  std::istringstream names(visible == nullptr ? "" : visible);
  std::string name;
  for (int i = 0; i <= index; ++i) {
    if (!std::getline(names, name, ',')) return std::to_string(index);
  }
  return name;
}

class InterpreterFarm::Impl {
 public:
  Impl(FarmOptions options, const RunPlace& place) : options_(std::move(options)) {
    if (options_.folder.empty()) options_.folder = own_.emplace("drtriton-interpret").path();
    options_.folder = fs::absolute(options_.folder);
    fs::create_directories(options_.folder);
    if (place.gpu < 0) {
      pool_.emplace(WorkerPoolOptions{.module = "interpret_worker",
                                      .environment = {"TRITON_INTERPRET=1"},
                                      .forks = options_.workers,
                                      .folder = options_.folder,
                                      .forks_of_one = options_.forks_of_one});
    } else {
      pool_.emplace(WorkerPoolOptions{.module = "real_run_worker",
                                      .environment = {"CUDA_VISIBLE_DEVICES=" + VisibleGpu(place.gpu)},
                                      .forks = options_.workers,
                                      .folder = options_.folder,
                                      .gpu = true,
                                      .isolation = place.isolation,
                                      .forks_of_one = options_.forks_of_one});
    }
  }

  std::vector<InterpretResult> RunAll(const std::vector<InterpretRequest>& requests) {
    std::vector<InterpretResult> results(requests.size());
    std::vector<Json> messages;
    std::vector<fs::path> folders;
    std::map<fs::path, fs::path> placed;  // inputs that several requests share are placed once
    for (size_t i = 0; i < requests.size(); ++i) {
      results[i].failure =
          CompileFailure{Stage::kDone, "interrupted", "the user ended the work before this candidate was run"};
      folders.push_back(options_.folder / std::to_string(next_folder_++));
      auto found = placed.find(requests[i].inputs);
      if (found == placed.end()) found = placed.emplace(requests[i].inputs, Place(requests[i].inputs)).first;
      messages.push_back({{"timeout_s", requests[i].timeout_s},
                          {"memory_bytes", options_.memory_limit_bytes},
                          {"folder", folders[i].string()},
                          {"inputs", found->second.string()},
                          {"seed", requests[i].random_seed},
                          {"candidate", CandidateToJson(requests[i].candidate, H200(), 1)}});
      if (requests[i].wall) messages.back()["wall"] = true;
      if (requests[i].plan != nullptr) {
        messages.back()["plan"] = ToJson(*requests[i].plan);
        messages.back()["poisons"] = requests[i].poisons;
      }
      AddWhatIsSeen(requests[i].candidate, {found->second}, &messages.back());
    }
    pool_->RunAll(std::move(messages), [&](size_t index, const Json& answer) {
      results[index] = Finish(answer, folders[index] / kOutputs, requests[index].outputs);
      std::error_code ignored;
      fs::remove_all(folders[index], ignored);
    });
    for (const auto& [original, place] : placed) fs::remove(place);
    return results;
  }

 private:
  // Where the worker finds a file: linked into the pool's folder, or copied where a link cannot be.
  fs::path Place(const fs::path& file) {
    fs::path place = options_.folder / (std::to_string(next_folder_++) + ".inputs");
    std::error_code error;
    fs::create_hard_link(file, place, error);
    if (error) fs::copy_file(file, place, error);
    if (error) throw UserError("cannot read " + file.string() + ": " + error.message());
    return place;
  }

  static InterpretResult Finish(const Json& answer, const fs::path& written, const fs::path& outputs) {
    InterpretResult result;
    result.layers = LayersOf(answer);
    if (std::optional<CompileFailure> failure = FailureOf(answer)) {
      result.failure = AtRun(*failure);
    } else if (!fs::exists(written)) {
      result.failure =
          CompileFailure{Stage::kRun, "crashed", "the candidate's process ended without writing its results"};
    } else {
      MoveFile(written, outputs);
      if (const auto value = answer.find("answer"); value != answer.end() && value->is_object() && value->contains("wall_us")) {
        if (const Json& wall_us = (*value)["wall_us"]; wall_us.is_number()) result.wall_us = wall_us.get<double>();
      }
    }
    return result;
  }

  FarmOptions options_;
  std::optional<ScratchFolder> own_;
  std::optional<WorkerPool> pool_;
  int64_t next_folder_ = 0;
};

InterpreterFarm::InterpreterFarm(FarmOptions options, RunPlace place)
    : impl_(std::make_unique<Impl>(std::move(options), place)) {}
InterpreterFarm::~InterpreterFarm() = default;

std::vector<InterpretResult> InterpreterFarm::RunAll(const std::vector<InterpretRequest>& requests) {
  return impl_->RunAll(requests);
}

}  // namespace drtriton
