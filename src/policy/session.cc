#include "policy/session.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json_reader.h"

namespace drtriton {
namespace {

constexpr int64_t kMostSamples = 1 << 20;

Json Refusal(const Json& id, const std::string& reason) { return {{"id", id}, {"error", {{"kind", "user"}, {"reason", reason}}}}; }

}  // namespace

PolicySession::PolicySession(const ModelWeights& weights, const DecoderOptions& options) : config_(weights.config), decoder_(weights, options) {}

Json PolicySession::Greeting() const {
  return {{"ready", true}, {"parameters", LayoutOf(config_).count}, {"vocabulary", config_.vocabulary}, {"context", config_.context}, {"tokenizer", config_.tokenizer}};
}

std::vector<Json> PolicySession::Take(const std::string& line) {
  const Json request = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!request.is_object()) return {Refusal(nullptr, "a request has to be a JSON object")};
  try {
    return Handle(request);
  } catch (const UserError& error) {
    return {Refusal(request.value("id", Json()), error.what())};
  }
}

std::vector<Json> PolicySession::Handle(const Json& request) {
  const JsonReader reader(request, "request");
  const Json id = request.value("id", Json());
  if (reader.Has("logits")) return {{{"id", id}, {"logits", decoder_.LogitsOf(reader.At("logits").Ints())}}};
  if (!reader.Has("generate")) throw UserError("a request has to have \"generate\" or \"logits\"");
  SampleRequest sample = ReadSampleRequest(reader.At("generate").json());
  const int64_t samples = sample.samples;
  open_[decoder_.Submit(std::move(sample))] = {id, samples};
  return {};
}

SampleRequest PolicySession::ReadSampleRequest(const Json& json) const {
  const JsonReader reader(json, "request.generate");
  SampleRequest request;
  request.prompt = reader.At("prompt").Ints();
  request.most_tokens = reader.At("most_tokens").Int(1, config_.context);
  if (reader.Has("samples")) request.samples = reader.At("samples").Int(1, kMostSamples);
  if (reader.Has("temperature")) request.temperature = reader.At("temperature").Number();
  if (reader.Has("top_p")) request.top_p = reader.At("top_p").Number();
  if (reader.Has("seed")) request.seed = static_cast<uint64_t>(reader.At("seed").Int());
  if (reader.Has("stop")) request.stop_tokens = reader.At("stop").Ints();
  return request;
}

std::vector<Json> PolicySession::Step() {
  std::vector<Json> answers;
  for (const FinishedSample& sample : decoder_.Step()) {
    const auto open = open_.find(sample.request);
    OpenAnswer& answer = open->second;
    const bool last = ++answer.finished == answer.samples;
    answers.push_back({{"id", answer.id}, {"sample", sample.sample}, {"tokens", sample.tokens}, {"logprobs", sample.logprobs},
                       {"stopped", sample.stopped}, {"last", last}});
    if (last) open_.erase(open);
  }
  return answers;
}

}  // namespace drtriton
