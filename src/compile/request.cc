#include "compile/request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json_reader.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

constexpr size_t kMostReasonBytes = 1000;

// A candidate's words, cut at the end of a character: half of one cannot be written as JSON.
std::string Reason(const std::string& text) {
  size_t end = std::min(text.size(), kMostReasonBytes);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

// What a launcher's worker needs of a Program: a module of a thousand nodes has few leaves and results.
Json InterfaceToJson(const Fragment& fragment) {
  Json program = ToJson(fragment.program);
  Json values = Json::array();
  for (size_t i = 0; i < fragment.program.values.size(); ++i) values.push_back(nullptr);
  auto keep = [&](ValueId id) { values[static_cast<size_t>(id)] = program["values"][static_cast<size_t>(id)]; };
  for (ValueId id : fragment.Inputs()) keep(id);
  for (ValueId id : fragment.Results()) keep(id);
  for (const Mutation& mutation : fragment.program.mutations) keep(mutation.target);
  program["values"] = std::move(values);
  program["results"] = fragment.Results();
  program.erase("nodes");
  return program;
}

std::filesystem::path FolderOf(const std::filesystem::path& file) {
  return file.empty() ? file : std::filesystem::absolute(file).parent_path();
}

Stage StageFromName(const std::string& name) {
  for (int i = 0; i <= static_cast<int>(Stage::kDone); ++i) {
    if (Name(static_cast<Stage>(i)) == name) return static_cast<Stage>(i);
  }
  return Stage::kCompile;
}

bool IsKnown(const std::string& code) {
  const std::vector<VerdictCode>& codes = VerdictCodes();
  return std::any_of(codes.begin(), codes.end(), [&](const VerdictCode& known) { return known.code == code; });
}

}  // namespace

Json CandidateToJson(const CompileRequest& request, const DeviceSpec& device, int max_alternatives) {
  Require(request.fragment != nullptr, "a compile request names no fragment");
  std::string name = request.source_path.filename().string();
  bool is_module = request.form == CandidateForm::kModule;
  return {{"form", request.form == CandidateForm::kLaunch ? "launch" : "module"},
          {"source", request.source},
          {"source_name", name.empty() ? "candidate.py" : name},
          {"source_folder", FolderOf(request.source_path).string()},
          {"module_path", request.module_path.empty() ? "" : std::filesystem::absolute(request.module_path).string()},
          {"module_source", is_module && !request.module_path.empty() ? ReadFile(request.module_path) : ""},
          {"digests", request.digests},
          {"seed", request.seed},
          {"strict", request.strict},
          {"max_alternatives", max_alternatives},
          {"device", ToJson(device)},
          {"program", InterfaceToJson(*request.fragment)}};
}

std::optional<CompileFailure> FailureOf(const Json& answer) {
  if (!answer.contains("failure")) return std::nullopt;
  try {
    JsonReader failure = JsonReader(answer, "answer").At("failure");
    std::string code = failure.At("code").String();
    if (IsKnown(code)) {
      return CompileFailure{StageFromName(failure.At("stage").String()), code, Reason(failure.At("reason").String())};
    }
  } catch (const UserError&) {
  }
  return CompileFailure{Stage::kCompile, "crashed", "the candidate's process gave an answer that cannot be read"};
}

std::vector<std::string> LayersOf(const Json& answer) {
  std::vector<std::string> layers;
  auto given = answer.find("layers");
  if (given == answer.end() || !given->is_array()) return layers;
  for (const Json& layer : *given) {
    if (layer.is_string()) layers.push_back(layer.get<std::string>());
  }
  return layers;
}

CompileResult ResultOf(const Json& answer, const std::filesystem::path& folder) {
  CompileResult result;
  result.folder = folder;
  result.layers = LayersOf(answer);
  result.failure = FailureOf(answer);
  if (result.failure) return result;
  try {
    JsonReader plans = JsonReader(answer, "answer").At("answer").At("plans");
    for (size_t i = 0; i < plans.Size(); ++i) result.plans.push_back(LaunchPlanFromJson(plans.At(i).json()));
    if (result.plans.empty()) throw UserError("the candidate's process recorded no plan");
  } catch (const UserError& error) {
    result.plans.clear();
    result.failure = CompileFailure{Stage::kCompile, "bad_plan", Reason(error.what())};
  }
  return result;
}

void AddWhatIsSeen(const CompileRequest& request, const std::vector<std::filesystem::path>& files, Json* message) {
  Json visible = Json::array(), masked = Json::array();
  for (const auto& file : {request.source_path, request.module_path}) {
    if (!file.empty()) visible.push_back(FolderOf(file).string());
  }
  for (const auto& file : files) visible.push_back(std::filesystem::absolute(file).string());
  if (!request.module_path.empty()) masked.push_back(std::filesystem::absolute(request.module_path).string());
  (*message)["visible"] = std::move(visible);
  (*message)["masked"] = std::move(masked);
}

}  // namespace drtriton
