#include "execute/child.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

using std::chrono::milliseconds;

// Loading libtorch from a cold disk and creating a CUDA context.
constexpr milliseconds kStartLimit{180'000};

}  // namespace

ConversingChild::ConversingChild(const std::string& program, std::vector<std::string> arguments, std::map<std::string, std::string> environment)
    : program_(program) {
  ProcessOptions options;
  options.environment = std::move(environment);
  options.command = {(ExecutableFolder() / program).string()};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  process_ = std::make_unique<Process>(std::move(options));
}

void ConversingChild::Ended() {
  const ProcessEnd end = process_->Wait(milliseconds(2000));
  const std::string last = end.LastLine();
  throw ChildEnded{end.timed_out, program_ + " " + end.Describe() + (last.empty() ? "" : ": " + last)};
}

void ConversingChild::AwaitReady() {
  if (ready_) return;
  const auto greeting = process_->Receive(kStartLimit);
  if (!greeting) {
    try {
      Ended();
    } catch (const ChildEnded& ended) {
      throw UserError(ended.how, ExitStatus::kSetUpFailed);
    }
  }
  if (greeting->contains("error")) throw UserError(greeting->at("error").at("reason").get<std::string>(), ExitStatus::kSetUpFailed);
  ready_ = true;
}

Json ConversingChild::Ask(const Json& request, milliseconds limit) {
  AwaitReady();
  if (!process_->Send(request)) Ended();
  auto reply = process_->Receive(limit);
  if (!reply) Ended();
  return std::move(*reply);
}

}  // namespace drtriton
