#include "execute/runner_pool.h"

#include <map>
#include <nlohmann/json.hpp>

#include "compile/farm.h"

namespace drtriton {

RunnerPool::RunnerPool(int gpu) : visible_gpu_(VisibleGpu(gpu)), working_(Start()), spare_(Start()) {}

std::unique_ptr<ConversingChild> RunnerPool::Start() const {
  return std::make_unique<ConversingChild>("drtriton-runner", std::vector<std::string>{"0"}, std::map<std::string, std::string>{{"CUDA_VISIBLE_DEVICES", visible_gpu_}});
}

void RunnerPool::Replace() {
  working_ = std::move(spare_);
  spare_ = Start();
  ++generation_;
}

Json RunnerPool::Ask(const Json& request, std::chrono::milliseconds limit) {
  Json reply;
  try {
    reply = working_->Ask(request, limit);
  } catch (const ChildEnded& ended) {
    Replace();
    if (ended.timed_out) throw RunnerFailure{"timeout", "the kernels ran past the limit of " + std::to_string(limit.count() / 1000.0).substr(0, 5) + " s", true};
    throw RunnerFailure{"crashed", ended.how, true};
  }
  if (!reply.contains("error")) return reply;
  const Json& error = reply["error"];
  const bool sticky = error.at("sticky").get<bool>();
  const RunnerFailure failure{error.at("code").get<std::string>(), error.at("reason").get<std::string>(), sticky};
  if (sticky) Replace();
  throw failure;
}

}  // namespace drtriton
