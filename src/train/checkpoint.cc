#include "train/checkpoint.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/log.h"
#include "policy/sealed_file.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "drtriton.checkpoint/1";

// Oldest first: names hold the step with leading zeros.
std::vector<fs::path> CheckpointsOf(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem)) {
    if (entry.path().extension() == ".checkpoint") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void AppendValues(std::string& payload, const std::vector<float>& values) {
  payload.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

Checkpoint ReadCheckpoint(const fs::path& path) {
  const SealedFile file(path, kFormat, "checkpoint");
  const JsonReader header(file.header(), path.string() + ": header");
  Checkpoint checkpoint;
  checkpoint.step = header.At("step").Int(0);
  checkpoint.updates = header.At("updates").Int(0);
  checkpoint.tokens = header.At("tokens").Int(0);
  checkpoint.position = {header.At("epoch").Int(0), header.At("next").Int(0)};
  checkpoint.config = FromHuggingFace(header.At("config").json(), header.path() + ".config");
  checkpoint.curve = header.At("curve").json();
  const auto count = static_cast<size_t>(LayoutOf(checkpoint.config).count);
  if (file.payload().size() != 3 * count * sizeof(float)) header.Fail("describes another model than the file holds");
  const std::byte* bytes = file.payload().data();
  for (std::vector<float>* values : {&checkpoint.parameters, &checkpoint.first_moments, &checkpoint.second_moments}) {
    values->resize(count);
    std::memcpy(values->data(), bytes, count * sizeof(float));
    bytes += count * sizeof(float);
  }
  return checkpoint;
}

}  // namespace

void WriteCheckpoint(const fs::path& folder, const Checkpoint& checkpoint, int64_t keep) {
  const Json members = {{"step", checkpoint.step},
                        {"updates", checkpoint.updates},
                        {"tokens", checkpoint.tokens},
                        {"epoch", checkpoint.position.epoch},
                        {"next", checkpoint.position.next},
                        {"config", ToHuggingFace(checkpoint.config, "float32")},
                        {"curve", checkpoint.curve}};
  std::string payload;
  payload.reserve(3 * checkpoint.parameters.size() * sizeof(float));
  AppendValues(payload, checkpoint.parameters);
  AppendValues(payload, checkpoint.first_moments);
  AppendValues(payload, checkpoint.second_moments);
  char name[64];
  std::snprintf(name, sizeof(name), "step-%09lld.checkpoint", static_cast<long long>(checkpoint.step));
  const fs::path written = folder / name;
  WriteSealedFile(written, kFormat, members, payload);
  std::vector<fs::path> paths = CheckpointsOf(folder);
  // Those of later steps are damaged, as the run went on from an earlier one: they do not count.
  std::erase_if(paths, [&](const fs::path& path) { return path > written; });
  for (size_t i = 0; i + static_cast<size_t>(keep) < paths.size(); ++i) fs::remove(paths[i]);
}

std::optional<Checkpoint> NewestCheckpoint(const fs::path& folder) {
  std::vector<fs::path> paths = CheckpointsOf(folder);
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    try {
      return ReadCheckpoint(*path);
    } catch (const UserError& error) {
      Warn(std::string(error.what()) + "; looking for an earlier checkpoint");
    }
  }
  return std::nullopt;
}

}  // namespace drtriton
