#include "policy/token_file.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/json_reader.h"

namespace drtriton {
namespace {

static_assert(std::endian::native == std::endian::little, "files hold little-endian numbers");

constexpr std::string_view kFormat = "drtriton.tokens/1";
constexpr int64_t kLargestVocabulary = int64_t{std::numeric_limits<uint16_t>::max()} + 1;

template <typename T>
std::string_view BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

TokenFile::TokenFile(const std::filesystem::path& path) : file_(path, kFormat, "token file") {
  const JsonReader header(file_.header(), path.string() + ": header");
  vocabulary_.tokenizer = header.At("tokenizer").String();
  vocabulary_.size = header.At("vocabulary").Int(1, kLargestVocabulary);
  const auto bytes = file_.payload();
  const auto sequences = static_cast<size_t>(header.At("sequences").Int(0, static_cast<int64_t>(bytes.size()) / 12));
  const auto tokens = static_cast<size_t>(header.At("tokens").Int(0, static_cast<int64_t>(bytes.size()) / 2));
  if (bytes.size() != sequences * 12 + tokens * 2) header.Fail("does not fit the bytes behind it");
  lengths_ = {reinterpret_cast<const uint32_t*>(bytes.data()), sequences * 3};
  ids_ = {reinterpret_cast<const uint16_t*>(bytes.data() + sequences * 12), tokens};
  starts_.reserve(sequences + 1);
  starts_.push_back(0);
  for (size_t i = 0; i < sequences; ++i) {
    starts_.push_back(starts_.back() + lengths_[3 * i] + lengths_[3 * i + 1] + lengths_[3 * i + 2]);
  }
  if (starts_.back() != static_cast<int64_t>(tokens)) header.Fail("counts other tokens than its sequences have");
  if (std::any_of(ids_.begin(), ids_.end(), [&](uint16_t id) { return id >= vocabulary_.size; })) {
    throw UserError(path.string() + " holds an id outside its vocabulary of " + std::to_string(vocabulary_.size));
  }
}

TokenSequence TokenFile::at(int64_t index) const {
  Require(index >= 0 && index < size(), "TokenFile::at: no such sequence");
  const auto i = static_cast<size_t>(index);
  const auto length = static_cast<size_t>(starts_[i + 1] - starts_[i]);
  return {ids_.subspan(static_cast<size_t>(starts_[i]), length), lengths_[3 * i], lengths_[3 * i + 1], lengths_[3 * i + 2]};
}

TokenFileWriter::TokenFileWriter(TokenVocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {
  Require(vocabulary_.size >= 1 && vocabulary_.size <= kLargestVocabulary, "TokenFileWriter: a vocabulary of 1 to 65,536 ids");
}

void TokenFileWriter::Add(std::span<const int32_t> prompt, std::span<const int32_t> plan, std::span<const int32_t> code) {
  for (const auto span : {prompt, plan, code}) {
    for (const int32_t id : span) Require(id >= 0 && id < vocabulary_.size, "TokenFileWriter::Add: an id outside the vocabulary");
  }
  for (const auto span : {prompt, plan, code}) AddSpan(span);
}

void TokenFileWriter::AddSpan(std::span<const int32_t> ids) {
  lengths_.push_back(static_cast<uint32_t>(ids.size()));
  for (const int32_t id : ids) ids_.push_back(static_cast<uint16_t>(id));
}

void TokenFileWriter::Commit(const std::filesystem::path& path) {
  const Json members = {{"tokenizer", vocabulary_.tokenizer}, {"vocabulary", vocabulary_.size}, {"sequences", size()}, {"tokens", token_count()}};
  std::string payload(BytesOf(lengths_));
  payload += BytesOf(ids_);
  WriteSealedFile(path, kFormat, members, payload);
  lengths_.clear();
  ids_.clear();
}

}  // namespace drtriton
