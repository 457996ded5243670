#include "policy/weights.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/json_reader.h"
#include "policy/int8_shards.h"
#include "policy/safetensors.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

constexpr const char* kConfigName = "config.json";
constexpr const char* kModelName = "model.safetensors";
constexpr const char* kIndexName = "model.safetensors.index.json";

float FromBFloat16(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

uint16_t ToBFloat16(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) return static_cast<uint16_t>(bits >> 16 | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);   // ties to even
}

Json ReadJson(const fs::path& path) {
  Json json = Json::parse(ReadFile(path), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) throw UserError(path.string() + " is no JSON");
  return json;
}

// The safetensors files of a folder, in the order of the index's names.
std::vector<fs::path> TensorFilesOf(const fs::path& folder) {
  if (fs::exists(folder / kModelName) || !fs::exists(folder / kIndexName)) return {folder / kModelName};
  const Json index = ReadJson(folder / kIndexName);
  const JsonReader map = JsonReader(index, (folder / kIndexName).string()).At("weight_map");
  if (!map.json().is_object()) map.Fail("is not an object");
  std::set<std::string> names;
  for (const auto& [tensor, file] : map.json().items()) {
    names.insert(fs::path(JsonReader(file, map.path() + "." + tensor).String()).filename().string());
  }
  std::vector<fs::path> paths;
  for (const std::string& name : names) paths.push_back(folder / name);
  return paths;
}

std::vector<int64_t> ShapeOf(const ModelParameter& parameter) {
  if (parameter.columns == 0) return {parameter.rows};
  return {parameter.rows, parameter.columns};
}

void CopyValues(const SafeTensor& tensor, float* target) {
  if (tensor.dtype == "F32") {
    std::memcpy(target, tensor.bytes.data(), tensor.bytes.size());
    return;
  }
  for (size_t i = 0; i < tensor.bytes.size(); i += sizeof(uint16_t)) {
    uint16_t bits = 0;
    std::memcpy(&bits, tensor.bytes.data() + i, sizeof(bits));
    *target++ = FromBFloat16(bits);
  }
}

// Takes the tensors of one file that the model has; what it has not is an error, but for an output matrix that is tied.
void TakeTensors(const fs::path& path, std::map<std::string, const ModelParameter*>& waiting, ModelWeights& weights) {
  const SafetensorsFile file(path);
  for (const SafeTensor& tensor : file.tensors()) {
    const auto found = waiting.find(tensor.name);
    if (found == waiting.end()) {
      if (weights.config.tied && tensor.name == "lm_head.weight") continue;
      throw UserError(path.string() + " holds " + tensor.name + ", which this model does not have");
    }
    if (tensor.shape != ShapeOf(*found->second)) throw UserError(path.string() + ": " + tensor.name + " has another shape than config.json says");
    CopyValues(tensor, weights.values.data() + found->second->offset);
    waiting.erase(found);
  }
}

ModelWeights ReadHuggingFace(const fs::path& folder) {
  ModelWeights weights;
  weights.config = FromHuggingFace(ReadJson(folder / kConfigName), (folder / kConfigName).string());
  const std::vector<fs::path> files = TensorFilesOf(folder);
  const ModelLayout layout = LayoutOf(weights.config);
  weights.values.resize(static_cast<size_t>(layout.count));
  std::map<std::string, const ModelParameter*> waiting;
  for (const ModelParameter& parameter : layout.parameters) waiting[parameter.name] = &parameter;
  for (const fs::path& file : files) TakeTensors(file, waiting, weights);
  if (!waiting.empty()) throw UserError(folder.string() + " holds no " + waiting.begin()->first);
  return weights;
}

void WriteHuggingFace(const fs::path& folder, const ModelWeights& weights, bool halve) {
  std::vector<uint16_t> halves(halve ? weights.values.size() : 0);
  for (size_t i = 0; i < halves.size(); ++i) halves[i] = ToBFloat16(weights.values[i]);
  const auto bytes = halve ? std::as_bytes(std::span(halves)) : std::as_bytes(std::span(weights.values));
  const size_t element = halve ? sizeof(uint16_t) : sizeof(float);
  std::vector<SafeTensor> tensors;
  for (const ModelParameter& parameter : LayoutOf(weights.config).parameters) {
    const auto piece = bytes.subspan(static_cast<size_t>(parameter.offset) * element, static_cast<size_t>(parameter.count()) * element);
    tensors.push_back({parameter.name, halve ? "BF16" : "F32", ShapeOf(parameter), piece});
  }
  WriteSafetensors(folder / kModelName, tensors);
  const Json config = ToHuggingFace(weights.config, halve ? "bfloat16" : "float32");
  WriteFileAtomically(folder / kConfigName, config.dump(2) + "\n");
}

}  // namespace

std::string_view Name(WeightFormat format) {
  constexpr std::string_view kNames[] = {"fp32", "bf16", "int8"};
  return kNames[static_cast<size_t>(format)];
}

ModelWeights ReadModel(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw UserError("cannot read a model from " + folder.string() + ": it is no folder");
  return HasInt8Shards(folder) ? ReadInt8Shards(folder) : ReadHuggingFace(folder);
}

void WriteModel(const fs::path& folder, const ModelWeights& weights, WeightFormat format) {
  Require(static_cast<int64_t>(weights.values.size()) == LayoutOf(weights.config).count, "WriteModel: values and configuration differ");
  std::error_code problem;
  fs::create_directories(folder, problem);
  if (problem) throw UserError("cannot write " + folder.string() + ": " + problem.message());
  if (format == WeightFormat::kInt8) return WriteInt8Shards(folder, weights);
  WriteHuggingFace(folder, weights, format == WeightFormat::kBFloat16);
  RemoveInt8Shards(folder);
}

}  // namespace drtriton
