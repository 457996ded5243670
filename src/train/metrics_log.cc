#include "train/metrics_log.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

std::string KeptLines(const std::filesystem::path& path, int64_t last_step) {
  if (!std::filesystem::exists(path)) return "";
  std::istringstream lines(ReadFile(path));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("step") || json["step"] > last_step) break;
    kept += line + "\n";
  }
  return kept;
}

}  // namespace

MetricsLog::MetricsLog(const std::filesystem::path& path, int64_t last_step) : path_(path) {
  WriteFileAtomically(path, KeptLines(path, last_step));
  file_.open(path, std::ios::app);
}

void MetricsLog::Add(const Json& line) {
  file_ << line.dump() << "\n" << std::flush;
  if (!file_) throw UserError("cannot write " + path_.string());
}

}  // namespace drtriton
