#include "pairs/pack.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <memory>
#include <regex>
#include <set>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "language/sample.h"
#include "pairs/pair_shard.h"
#include "policy/token_file.h"

namespace drtriton {
namespace {

std::vector<std::filesystem::path> ShardsIn(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> shards;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".pairs") shards.push_back(entry.path());
  }
  if (error) throw UserError("cannot read the folder " + folder.string() + ": " + error.message());
  if (shards.empty()) throw UserError(folder.string() + " holds no training pairs");
  std::sort(shards.begin(), shards.end());
  return shards;
}

double TimeOf(const TrainingPair& pair) {
  return pair.verdict && pair.verdict->time_ms ? *pair.verdict->time_ms : std::numeric_limits<double>::infinity();
}

class Packer {
 public:
  Packer(const std::filesystem::path& out, const Tokenizer& tokenizer, const PackOptions& options)
      : out_(out), tokenizer_(tokenizer), options_(options) {}

  PackSummary Run(const std::filesystem::path& folder) {
    const std::vector<std::filesystem::path> shards = ShardsIn(folder);
    std::error_code error;
    std::filesystem::create_directories(out_, error);
    if (error) throw UserError("cannot make the folder " + out_.string() + ": " + error.message());
    for (const std::filesystem::path& shard : shards) {
      AddShard(ReadPairShard(shard));
      SetProgress("packed " + std::to_string(++summary_.shards) + " of " + std::to_string(shards.size()) + " files");
    }
    ClearProgress();
    for (auto& [split, file] : files_) Commit(split, file);
    RemoveEarlierFiles();
    return summary_;
  }

 private:
  struct File {
    explicit File(const TokenVocabulary& vocabulary) : writer(vocabulary) {}
    TokenFileWriter writer;
    int number = 0;
  };

  // Pairs of one program stand together.
  void AddShard(std::vector<TrainingPair> pairs) {
    for (auto begin = pairs.begin(); begin != pairs.end();) {
      const auto end = std::find_if(begin, pairs.end(), [&](const TrainingPair& pair) { return pair.id != begin->id; });
      AddProgram(begin, end);
      begin = end;
    }
  }

  using Iterator = std::vector<TrainingPair>::iterator;

  void AddProgram(Iterator begin, Iterator end) {
    end = std::stable_partition(begin, end, [](const TrainingPair& pair) { return pair.usable(); });
    if (begin == end) return;
    if (!programs_.insert(begin->id).second) {
      ++summary_.repeats;
      return;
    }
    ++summary_.programs;
    std::stable_sort(begin, end, [](const TrainingPair& a, const TrainingPair& b) { return TimeOf(a) < TimeOf(b); });
    for (int taken = 0; begin != end && taken < options_.best; ++begin) taken += AddSample(*begin);
  }

  bool AddSample(const TrainingPair& pair) {
    if (!sources_.insert(Sha256(pair.task + pair.source)).second) {
      ++summary_.repeats;
      return false;
    }
    Answer answer;
    answer.plan = ParsePlan(pair.plan);
    answer.source = pair.source;
    const TokenizedSample sample = EncodeSample(tokenizer_, ParsePrompt(pair.task, ""), answer);
    const int64_t size = static_cast<int64_t>(sample.size());
    if (size > options_.longest) {
      ++summary_.too_long;
      return false;
    }
    File& file = files_.try_emplace(pair.split, TokenVocabulary{.tokenizer = tokenizer_.sha256(), .size = tokenizer_.size()}).first->second;
    file.writer.Add(sample.prompt, sample.plan, sample.code);
    if (file.writer.token_count() >= options_.file_tokens) Commit(pair.split, file);
    ++summary_.samples;
    ++summary_.splits[pair.split];
    summary_.tokens += size;
    summary_.longest = std::max(summary_.longest, size);
    summary_.unverified += !pair.verdict;
    return true;
  }

  void Commit(const std::string& split, File& file) {
    if (file.writer.size() == 0) return;
    char name[64];
    std::snprintf(name, sizeof name, "-%03d.tokens", file.number++);
    const std::filesystem::path path = out_ / (split + name);
    file.writer.Commit(path);
    written_.insert(path);
  }

  // What an earlier and larger packing left: SPLIT-NNN.tokens, SPLIT one of those a program can have.
  void RemoveEarlierFiles() const {
    static const std::regex kPattern(R"((train|validation|test)-\d{3,9}\.tokens)");
    std::vector<std::filesystem::path> earlier;
    for (const auto& entry : std::filesystem::directory_iterator(out_)) {
      if (std::regex_match(entry.path().filename().string(), kPattern) && !written_.contains(entry.path())) earlier.push_back(entry.path());
    }
    for (const std::filesystem::path& path : earlier) std::filesystem::remove(path);
  }

  std::filesystem::path out_;
  const Tokenizer& tokenizer_;
  PackOptions options_;
  PackSummary summary_;
  std::set<std::string> programs_, sources_;
  std::set<std::filesystem::path> written_;
  std::map<std::string, File> files_;
};

}  // namespace

PackSummary PackPairs(const std::filesystem::path& pairs, const std::filesystem::path& out, const Tokenizer& tokenizer, const PackOptions& options) {
  return Packer(out, tokenizer, options).Run(pairs);
}

}  // namespace drtriton
