#include "pairs/pair_shard.h"

#include <zstd.h>

#include <cstdio>
#include <string_view>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_reader.h"
#include "policy/sealed_file.h"

namespace drtriton {
namespace {

constexpr std::string_view kFormat = "drtriton.pairs/1";
constexpr int kLevel = 12;
constexpr uint64_t kMostBytes = uint64_t{4} << 30;   // of one shard's text

std::vector<std::string> Strings(const JsonReader& reader) {
  std::vector<std::string> strings;
  for (size_t i = 0; i < reader.Size(); ++i) strings.push_back(reader.At(i).String());
  return strings;
}

std::string Compressed(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), text.data(), text.size(), kLevel);
  Require(ZSTD_isError(size) == 0, "zstd cannot compress a shard");
  out.resize(size);
  return out;
}

std::string Decompressed(std::span<const std::byte> bytes, const std::string& name) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kMostBytes) throw UserError(name + " holds no pairs");
  std::string text(size, '\0');
  if (ZSTD_decompress(text.data(), text.size(), bytes.data(), bytes.size()) != size) throw UserError(name + " holds no pairs");
  return text;
}

}  // namespace

Json ToJson(const TrainingPair& pair) {
  return {{"id", pair.id},
          {"split", pair.split},
          {"ops", pair.ops},
          {"law", pair.law},
          {"seed", pair.seed},
          {"index", pair.index},
          {"operators", pair.operators},
          {"families", pair.families},
          {"task", pair.task},
          {"plan", pair.plan},
          {"source", pair.source},
          {"source_sha256", Sha256(pair.source)},
          {"verified", pair.verdict.has_value()},
          {"verdict", pair.verdict ? ToJson(*pair.verdict) : Json()}};
}

TrainingPair TrainingPairFromJson(const Json& json) {
  const JsonReader reader(json, "pair");
  TrainingPair pair{.id = reader.At("id").String(),
                    .split = reader.At("split").String(),
                    .ops = reader.At("ops").Int32(1, 64),
                    .law = reader.At("law").String(),
                    .seed = static_cast<uint64_t>(reader.At("seed").Int(0)),
                    .index = static_cast<uint64_t>(reader.At("index").Int(0)),
                    .operators = Strings(reader.At("operators")),
                    .families = Strings(reader.At("families")),
                    .task = reader.At("task").String(),
                    .plan = reader.At("plan").String(),
                    .source = reader.At("source").String()};
  if (reader.At("source_sha256").String() != Sha256(pair.source)) reader.Fail("has a source that is not the one it was written with");
  if (!reader.At("verdict").IsNull()) pair.verdict = VerdictFromJson(reader.At("verdict").json());
  return pair;
}

std::filesystem::path ShardPath(const std::filesystem::path& folder, int64_t unit) {
  char name[64];
  std::snprintf(name, sizeof name, "unit-%06lld.pairs", static_cast<long long>(unit));
  return folder / name;
}

void WritePairShard(const std::filesystem::path& path, int64_t unit, const std::vector<TrainingPair>& pairs) {
  std::string text;
  for (const TrainingPair& pair : pairs) text += ToJson(pair).dump() + "\n";
  WriteSealedFile(path, kFormat, {{"unit", unit}, {"pairs", pairs.size()}}, Compressed(text));
}

std::vector<TrainingPair> ReadPairShard(const std::filesystem::path& path) {
  const SealedFile file(path, kFormat, "file of training pairs");
  const std::string text = Decompressed(file.payload(), path.string());
  std::vector<TrainingPair> pairs;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const Json json = Json::parse(text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
    try {
      pairs.push_back(TrainingPairFromJson(json));
    } catch (const UserError& error) {
      throw UserError(path.string() + " line " + std::to_string(pairs.size() + 1) + ": " + error.what());
    }
    begin = end + 1;
  }
  return pairs;
}

}  // namespace drtriton
