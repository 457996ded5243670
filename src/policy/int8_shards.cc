#include "policy/int8_shards.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <regex>
#include <string>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "policy/sealed_file.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFormat = "drtriton.weights/1";
constexpr int64_t kMostShards = 100000;

// Rows of one parameter: fp32 scales, then the int8 values; a vector's rows are fp32 values.
struct ShardPiece {
  const ModelParameter* parameter = nullptr;
  int64_t first_row = 0;
  int64_t rows = 0;

  int64_t RowBytes() const { return 4 + parameter->columns; }
  int64_t Bytes() const { return rows * RowBytes(); }
};

std::string ShardName(int64_t shard, int64_t shards) {
  return "weights-" + std::to_string(shard) + "-of-" + std::to_string(shards) + ".int8";
}

// The N of "weights-K-of-N.int8".
std::optional<int64_t> ShardsOf(const fs::path& path) {
  static const std::regex kPattern(R"(weights-\d{1,6}-of-(\d{1,6})\.int8)");
  std::smatch match;
  const std::string name = path.filename().string();
  if (!std::regex_match(name, match, kPattern)) return std::nullopt;
  return std::stoll(match[1]);
}

std::vector<fs::path> ShardFiles(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(folder, problem)) {
    if (ShardsOf(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// ---- Writing

void QuantizeRow(const float* row, int64_t columns, float& scale, int8_t* values) {
  float largest = 0;
  for (int64_t i = 0; i < columns; ++i) largest = std::max(largest, std::abs(row[i]));
  scale = largest / 127;
  for (int64_t i = 0; i < columns; ++i) {
    values[i] = scale == 0 ? int8_t{0} : static_cast<int8_t>(std::clamp(std::nearbyint(row[i] / scale), -127.0F, 127.0F));
  }
}

std::string PieceBytes(const ShardPiece& piece, const std::vector<float>& all) {
  const ModelParameter& parameter = *piece.parameter;
  std::string bytes(static_cast<size_t>(piece.Bytes()), '\0');
  const float* from = all.data() + parameter.offset + piece.first_row * std::max<int64_t>(parameter.columns, 1);
  if (parameter.columns == 0) {
    std::memcpy(bytes.data(), from, bytes.size());
    return bytes;
  }
  auto* values = reinterpret_cast<int8_t*>(bytes.data()) + 4 * piece.rows;
  for (int64_t row = 0; row < piece.rows; ++row, from += parameter.columns, values += parameter.columns) {
    float scale = 0;
    QuantizeRow(from, parameter.columns, scale, values);
    std::memcpy(bytes.data() + 4 * row, &scale, sizeof(scale));
  }
  return bytes;
}

// More than the header of a shard takes: the configuration, and a line for each of its pieces.
int64_t HeaderRoom(const ModelLayout& layout) { return 4096 + 100 * static_cast<int64_t>(layout.parameters.size()); }

// Whole rows, in order, as many a shard as fit.
std::vector<std::vector<ShardPiece>> CutIntoShards(const ModelLayout& layout, int64_t room) {
  std::vector<std::vector<ShardPiece>> shards(1);
  int64_t left = room;
  for (const ModelParameter& parameter : layout.parameters) {
    for (int64_t row = 0; row < parameter.rows;) {
      const int64_t row_bytes = 4 + parameter.columns;
      const int64_t rows = std::min(parameter.rows - row, left / row_bytes);
      if (rows <= 0) {
        Require(left < room, "a shard too small for one row");
        shards.emplace_back();
        left = room;
        continue;
      }
      shards.back().push_back({&parameter, row, rows});
      left -= rows * row_bytes;
      row += rows;
    }
  }
  return shards;
}

Json PieceList(const std::vector<ShardPiece>& pieces) {
  Json list = Json::array();
  for (const ShardPiece& piece : pieces) list.push_back({piece.parameter->name, piece.first_row, piece.rows});
  return list;
}

// ---- Reading

// A piece as a shard's header lists it: [name, first row, rows].
ShardPiece ReadPiece(const JsonReader& entry, const ModelLayout& layout) {
  const std::string& name = entry.At(size_t{0}).String();
  const auto found = std::find_if(layout.parameters.begin(), layout.parameters.end(), [&](const ModelParameter& parameter) { return parameter.name == name; });
  if (found == layout.parameters.end()) entry.Fail("is " + name + ", which this model does not have");
  const int64_t first = entry.At(1).Int(0, found->rows - 1);
  return {&*found, first, entry.At(2).Int(1, found->rows - first)};
}

void TakePiece(const ShardPiece& piece, const std::byte* bytes, std::vector<float>& all) {
  const int64_t columns = piece.parameter->columns;
  float* to = all.data() + piece.parameter->offset + piece.first_row * std::max<int64_t>(columns, 1);
  if (columns == 0) {
    std::memcpy(to, bytes, static_cast<size_t>(piece.Bytes()));
    return;
  }
  const auto* values = reinterpret_cast<const int8_t*>(bytes) + 4 * piece.rows;
  for (int64_t row = 0; row < piece.rows; ++row) {
    float scale = 0;
    std::memcpy(&scale, bytes + 4 * row, sizeof(scale));
    for (int64_t i = 0; i < columns; ++i) *to++ = scale * static_cast<float>(*values++);
  }
}

// Reads shards into one model; the first fixes configuration and set.
class ShardSet {
 public:
  // `shard` counts from 1.
  void Take(const fs::path& path, int64_t shard, int64_t shards) {
    const SealedFile file(path, kFormat, "weight shard");
    const JsonReader header(file.header(), path.string() + ": header");
    if (header.At("shard").Int() != shard || header.At("shards").Int() != shards) header.Fail("belongs to a file of another name");
    if (shard == 1) Begin(header);
    if (header.At("set").String() != set_) throw UserError(path.string() + " belongs to other weights than the shards beside it");
    size_t at = 0;
    const JsonReader pieces = header.At("pieces");
    for (size_t i = 0; i < pieces.Size(); ++i) {
      const ShardPiece piece = ReadPiece(pieces.At(i), layout_);
      const auto bytes = static_cast<size_t>(piece.Bytes());
      if (bytes > file.payload().size() - at) header.Fail("lists more than the shard holds");
      TakePiece(piece, file.payload().data() + at, weights_.values);
      at += bytes;
      rows_ += piece.rows;
    }
  }

  ModelWeights Finish(const fs::path& folder) {
    int64_t rows = 0;
    for (const ModelParameter& parameter : layout_.parameters) rows += parameter.rows;
    if (rows_ != rows) throw UserError(folder.string() + ": the shards do not hold the whole model");
    return std::move(weights_);
  }

 private:
  void Begin(const JsonReader& header) {
    set_ = header.At("set").String();
    const JsonReader config = header.At("config");
    weights_.config = FromHuggingFace(config.json(), config.path());
    layout_ = LayoutOf(weights_.config);
    weights_.values.resize(static_cast<size_t>(layout_.count));
  }

  std::string set_;
  ModelWeights weights_;
  ModelLayout layout_;
  int64_t rows_ = 0;
};

}  // namespace

bool HasInt8Shards(const fs::path& folder) { return !ShardFiles(folder).empty(); }

ModelWeights ReadInt8Shards(const fs::path& folder) {
  const std::vector<fs::path> files = ShardFiles(folder);
  if (files.empty()) throw UserError(folder.string() + " holds no weight shards");
  const int64_t shards = *ShardsOf(files.front());
  for (const fs::path& file : files) {
    if (*ShardsOf(file) != shards) throw UserError(folder.string() + " holds shards of different sets: " + files.front().filename().string() + " and " + file.filename().string());
  }
  if (shards < 1 || shards > kMostShards) throw UserError(files.front().string() + " is not the name of a weight shard");
  ShardSet set;
  for (int64_t shard = 1; shard <= shards; ++shard) {
    const fs::path path = folder / ShardName(shard, shards);
    if (!fs::exists(path)) throw UserError("weight shard " + path.string() + " is missing");
    set.Take(path, shard, shards);
  }
  return set.Finish(folder);
}

void WriteInt8Shards(const fs::path& folder, const ModelWeights& weights, size_t largest_bytes) {
  const ModelLayout layout = LayoutOf(weights.config);
  const auto shards = CutIntoShards(layout, static_cast<int64_t>(largest_bytes) - HeaderRoom(layout));
  const Json config = ToHuggingFace(weights.config, "int8");
  std::vector<std::string> payloads;
  std::string digests = config.dump();
  for (const auto& pieces : shards) {
    std::string& payload = payloads.emplace_back();
    for (const ShardPiece& piece : pieces) payload += PieceBytes(piece, weights.values);
    digests += Sha256(payload);
  }
  const auto count = static_cast<int64_t>(shards.size());
  std::vector<fs::path> old = ShardFiles(folder);
  for (int64_t i = 0; i < count; ++i) {
    const Json members = {{"shard", i + 1}, {"shards", count}, {"set", Sha256(digests)}, {"config", config}, {"pieces", PieceList(shards[static_cast<size_t>(i)])}};
    const fs::path path = folder / ShardName(i + 1, count);
    WriteSealedFile(path, kFormat, members, payloads[static_cast<size_t>(i)]);
    std::erase(old, path);
  }
  for (const fs::path& path : old) fs::remove(path);
}

void RemoveInt8Shards(const fs::path& folder) {
  for (const fs::path& path : ShardFiles(folder)) fs::remove(path);
}

}  // namespace drtriton
