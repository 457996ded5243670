#include "verify/kept_verdicts.h"

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/versions.h"
#include "graph/leaf_fill_json.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

// Raised when verdicts of an older program would no longer be given.
constexpr int kJudgeVersion = 4;

bool WorthKeeping(const Verdict& verdict) {
  return verdict.outcome != Outcome::kError && verdict.code != "timeout" && verdict.code != "crashed" &&
         verdict.code != "out_of_memory";
}

// Of the Python that records, interprets and runs candidates: verdicts depend on every line of it.
const std::string& PythonSources() {
  static const std::string hash = [] {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(PythonFolder() / "drtriton")) {
      if (entry.path().extension() == ".py") files[entry.path().filename().string()] = ReadFile(entry.path());
    }
    return Sha256(Json(files).dump());
  }();
  return hash;
}

}  // namespace

KeptVerdicts::KeptVerdicts(Store* store, std::string device_name, const JudgeOptions& options)
    : store_(store), device_name_(std::move(device_name)), options_(options) {}

std::string KeptVerdicts::Key(const CompileRequest& request) const {
  Json key;
  key["judge"] = kJudgeVersion;
  key["program"] = ToJson(request.fragment->program);
  if (!request.fragment->fills.empty()) key["fills"] = ToJson(request.fragment->fills);
  key["source"] = request.source;
  key["form"] = static_cast<int>(request.form);
  // The user's module decides about the values that a candidate is judged with.
  key["module"] = request.module_path.empty() ? "" : ReadFile(request.module_path);
  key["digests"] = request.digests;
  key["strict"] = request.strict;
  key["timed"] = options_.timed;
  if (options_.timed && options_.quick_timing) key["quick"] = true;
  if (options_.wall) key["wall"] = true;
  key["compile_only"] = options_.compile_only;
  key["seed"] = options_.seed;
  key["device"] = device_name_;
  key["versions"] = kVersions;
  key["python"] = PythonSources();
  return Sha256(key.dump());
}

std::optional<Judgement> KeptVerdicts::Find(const CompileRequest& request) const {
  if (store_ == nullptr) return std::nullopt;
  std::optional<std::string> record = store_->Find(RecordKind::kVerdict, Key(request));
  if (!record) return std::nullopt;
  Json json = Json::parse(*record, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("verdict")) return std::nullopt;
  try {
    Judgement judgement{VerdictFromJson(json["verdict"]), std::nullopt};
    if (json.contains("plan") && !json["plan"].is_null()) judgement.plan = LaunchPlanFromJson(json["plan"]);
    return judgement;
  } catch (const UserError&) {
    return std::nullopt;   // written by a version that meant something else: judge again
  }
}

void KeptVerdicts::Keep(const CompileRequest& request, const Judgement& judgement) {
  if (store_ == nullptr || !WorthKeeping(judgement.verdict)) return;
  Json record;
  record["verdict"] = ToJson(judgement.verdict);
  record["plan"] = judgement.plan ? ToJson(*judgement.plan) : Json(nullptr);
  store_->Keep(RecordKind::kVerdict, Key(request), record.dump());
}

}  // namespace drtriton
