#include "train/token_data.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "synth/random.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> FilesOf(const fs::path& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".tokens") files.push_back(entry.path());
  }
  if (files.empty()) throw UserError(path.string() + " holds no token file (*.tokens)");
  std::sort(files.begin(), files.end());
  return files;
}

// The first token of a sequence has nothing before it to be predicted from.
bool HasSomethingToLearn(const TokenSequence& sequence) {
  return sequence.plan_length + sequence.code_length > (sequence.prompt_length == 0 ? 1 : 0);
}

}  // namespace

TokenData::TokenData(const std::vector<fs::path>& paths, int64_t longest) {
  for (const fs::path& path : paths) {
    for (const fs::path& file : FilesOf(path)) AddFile(file, longest);
  }
  if (places_.empty()) {
    throw UserError(paths.front().string() + (paths.size() > 1 ? " and the others hold" : " holds") + " no sequence of at most " +
                    std::to_string(longest) + " tokens with an answer");
  }
}

void TokenData::AddFile(const fs::path& path, int64_t longest) {
  TokenFile file(path);
  if (files_.empty()) vocabulary_ = file.vocabulary();
  if (file.vocabulary() != vocabulary_) throw UserError(path.string() + " was written with another tokenizer than the files before it");
  for (int64_t i = 0; i < file.size(); ++i) {
    const TokenSequence sequence = file.at(i);
    const auto length = static_cast<int64_t>(sequence.ids.size());
    if (length > longest || !HasSomethingToLearn(sequence)) {
      ++left_out_;
      continue;
    }
    places_.push_back({static_cast<uint32_t>(files_.size()), static_cast<uint32_t>(i)});
    token_count_ += length;
  }
  files_.push_back(std::move(file));
}

TokenSequence TokenData::at(int64_t index) const {
  const Place& place = places_.at(static_cast<size_t>(index));
  return files_[place.file].at(place.index);
}

double TokenPack::TotalWeight() const { return std::accumulate(weights.begin(), weights.end(), 0.0); }

TokenPack MakePack(const TokenData& data, const std::vector<int64_t>& sequences, double plan_weight, double code_weight) {
  TokenPack pack;
  for (const int64_t index : sequences) {
    const TokenSequence sequence = data.at(index);
    const auto start = static_cast<int64_t>(pack.ids.size());
    pack.starts.push_back(start);
    pack.ids.insert(pack.ids.end(), sequence.ids.begin(), sequence.ids.end());
    const int64_t code_begin = sequence.prompt_length + sequence.plan_length;
    for (int64_t at = std::max<int64_t>(sequence.prompt_length, 1); at < static_cast<int64_t>(sequence.ids.size()); ++at) {
      pack.rows.push_back(start + at - 1);
      pack.targets.push_back(sequence.ids[static_cast<size_t>(at)]);
      pack.weights.push_back(static_cast<float>(at < code_begin ? plan_weight : code_weight));
      pack.plan.push_back(at < code_begin);
    }
  }
  pack.starts.push_back(static_cast<int64_t>(pack.ids.size()));
  return pack;
}

DataOrder::DataOrder(const TokenData& data, uint64_t seed, int64_t tokens_per_pack, DataPosition position)
    : data_(data), seed_(seed), tokens_per_pack_(tokens_per_pack), position_(position) {
  Require(position.next >= 0 && position.next <= data.size(), "DataOrder: a position outside the data");
  Shuffle();
}

void DataOrder::Shuffle() {
  order_.resize(static_cast<size_t>(data_.size()));
  std::iota(order_.begin(), order_.end(), 0);
  Random random(seed_, static_cast<uint64_t>(position_.epoch));
  for (size_t left = order_.size(); left > 1; --left) std::swap(order_[left - 1], order_[random.Below(static_cast<uint32_t>(left))]);
}

std::vector<int64_t> DataOrder::NextPack() {
  if (position_.next == data_.size()) {
    ++position_.epoch;
    position_.next = 0;
    Shuffle();
  }
  std::vector<int64_t> pack;
  int64_t tokens = 0;
  while (position_.next < data_.size()) {
    const int64_t sequence = order_[static_cast<size_t>(position_.next)];
    tokens += static_cast<int64_t>(data_.at(sequence).ids.size());
    if (!pack.empty() && tokens > tokens_per_pack_) break;
    pack.push_back(sequence);
    ++position_.next;
  }
  return pack;
}

}  // namespace drtriton
