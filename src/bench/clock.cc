#include "bench/clock.h"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/process.h"

namespace drtriton {
namespace {

std::optional<double> OptionalNumber(const JsonReader& reader, const char* member) {
  if (!reader.Has(member) || reader.At(member).IsNull()) return std::nullopt;
  return reader.At(member).Number();
}

Timing TimingFromJson(const JsonReader& reader) {
  Timing timing;
  timing.name = reader.At("name").String();
  timing.device_ms = OptionalNumber(reader, "device_ms");
  timing.device_ci_ms = OptionalNumber(reader, "device_ci_ms");
  timing.wall_us = OptionalNumber(reader, "wall_us");
  timing.failure = reader.At("failure").String();
  return timing;
}

// As many timings as were asked for, by name, all with the same failure.
std::vector<Timing> AllFailed(const Clock::TimeRequest& request, const std::string& failure) {
  std::vector<Timing> timings;
  auto add = [&](const std::string& name) {
    Timing timing;
    timing.name = name;
    timing.failure = failure;
    timings.push_back(timing);
  };
  if (request.eager) add("eager");
  if (request.compile) add("torch.compile");
  if (request.max_autotune) add("torch.compile max-autotune-no-cudagraphs");
  for (const std::filesystem::path& variant : request.variants) add(variant.stem().string());
  return timings;
}

}  // namespace

Clock::Clock(ClockOptions options) : options_(std::move(options)) {}
Clock::~Clock() = default;

void Clock::Warm() {
  if (process_ && process_->running()) return;
  ProcessOptions options = PythonProcess("clock");
  options.environment["TRITON_INTERPRET"] = options_.device == "cpu" ? "1" : "";
  options.environment["TORCHINDUCTOR_COMPILE_THREADS"] = std::to_string(options_.compile_threads);
  process_ = std::make_unique<Process>(options);
}

Json Clock::Request(const char* verb) const {
  return {{"do", verb},
          {"module", std::filesystem::absolute(options_.module).string()},
          {"device", options_.device},
          {"training", options_.training},
          {"seed", options_.seed}};
}

void Clock::Prepare(bool compile) {
  Warm();
  Json request = Request("prepare");
  request["compile"] = compile;
  preparing_ = process_->Send(request);
}

std::optional<Json> Clock::Ask(const Json& request, double timeout_s, std::string& problem) {
  if (std::exchange(preparing_, false)) Answer(timeout_s, problem);
  Warm();
  process_->Send(request);
  return Answer(timeout_s, problem);
}

std::optional<Json> Clock::Answer(double timeout_s, std::string& problem) {
  const auto limit = std::chrono::milliseconds(static_cast<int64_t>(timeout_s * 1000));
  while (std::optional<Json> message = process_->Receive(limit)) {
    if (message->contains("done")) return (*message)["done"];
    if (message->contains("problem") && (*message)["problem"].is_string()) {
      problem = (*message)["problem"].get<std::string>();
      return std::nullopt;
    }
  }
  const ProcessEnd end = process_->Wait(std::chrono::seconds(1));
  process_.reset();
  problem = "the process " + end.Describe();
  const std::string last = end.LastLine();
  if (!last.empty() && !end.timed_out) problem += ": " + last;
  return std::nullopt;
}

CheckReport Clock::Check(const std::filesystem::path& emitted, const std::filesystem::path& results) {
  Json request = Request("check");
  request["emitted"] = std::filesystem::absolute(emitted).string();
  request["results"] = results.string();
  CheckReport report;
  const std::optional<Json> answer = Ask(request, options_.timeout_s, report.failure);
  if (!answer) return report;
  const JsonReader reader(*answer, "answer of the clock");
  report.ran = true;
  report.fast_path = reader.At("fast_path").Bool();
  if (!report.fast_path && !reader.At("why").IsNull()) report.failure = reader.At("why").String();
  return report;
}

std::vector<Timing> Clock::Time(const TimeRequest& request) {
  Json variants = Json::array();
  for (const std::filesystem::path& variant : request.variants) variants.push_back(std::filesystem::absolute(variant).string());
  Json message = Request("time");
  message["variants"] = variants;
  message["eager"] = request.eager;
  message["compile"] = request.compile;
  message["max_autotune"] = request.max_autotune;
  message["wall"] = request.wall;
  message["budget_s"] = request.budget_s;
  message["ready_s"] = request.ready_s;
  std::string problem;
  const std::optional<Json> answer = Ask(message, options_.timeout_s + request.budget_s, problem);
  if (!answer) return AllFailed(request, problem);
  std::vector<Timing> timings;
  const JsonReader list = JsonReader(*answer, "answer of the clock").At("timings");
  for (size_t i = 0; i < list.Size(); ++i) timings.push_back(TimingFromJson(list.At(i)));
  const size_t expected = AllFailed(request, "").size();
  if (timings.size() != expected) throw InternalError("the clock answered for another number of modules than it was asked");
  return timings;
}

}  // namespace drtriton
