#include "compile/real_run_farm.h"

#include <string>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace drtriton {
namespace {

FarmOptions OptionsOfOne() {
  FarmOptions options;
  options.workers = 1;
  options.memory_limit_bytes = 32ll << 30;  // of the host: CUDA, and tensors on their way there and back
  return options;
}

InterpretResult Unable(std::string reason) {
  InterpretResult result;
  result.failure = CompileFailure{Stage::kRun, "set_up", std::move(reason)};
  return result;
}

}  // namespace

RealRunFarm::RealRunFarm(int gpu) : gpu_(gpu), isolation_(AvailableIsolation()) {}

InterpretResult RealRunFarm::Run(InterpretRequest request) {
  request.plan = nullptr;
  while (true) {
    try {
      if (!farm_) farm_ = std::make_unique<InterpreterFarm>(OptionsOfOne(), RunPlace{gpu_, isolation_});
      InterpretResult result = farm_->RunAll({request}).at(0);
      if (result.failure && result.failure->code == "out_of_memory") return Unable(result.failure->reason);
      return result;
    } catch (const UserError& error) {
      farm_.reset();
      if (error.status() != ExitStatus::kSetUpFailed || isolation_ == Isolation::kNone) return Unable(error.what());
      Debug(std::string("a real run needs less isolation: ") + error.what());
      isolation_ = static_cast<Isolation>(static_cast<int>(isolation_) - 1);
    }
  }
}

}  // namespace drtriton
