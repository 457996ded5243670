// What a run trains on: the sequences of several token files, their order, and how they are packed into batches.
// No torch here.
#ifndef DRTRITON_TRAIN_TOKEN_DATA_H_
#define DRTRITON_TRAIN_TOKEN_DATA_H_

#include <cstdint>
#include <filesystem>
#include <vector>

#include "policy/token_file.h"

namespace drtriton {

// The sequences of token files, those left out that are too long or have nothing to learn.  Immutable: any thread may
// read it.
class TokenData {
 public:
  // `paths` are files or folders of "*.tokens", in whose order (names within a folder) sequences are numbered.  Throws
  // UserError naming the path: unreadable or damaged, no token file in a folder, another tokenizer than the first file's,
  // nothing left.
  TokenData(const std::vector<std::filesystem::path>& paths, int64_t longest);

  const TokenVocabulary& vocabulary() const { return vocabulary_; }
  int64_t size() const { return static_cast<int64_t>(places_.size()); }
  int64_t left_out() const { return left_out_; }
  int64_t token_count() const { return token_count_; }
  TokenSequence at(int64_t index) const;

 private:
  struct Place {
    uint32_t file = 0;
    uint32_t index = 0;
  };
  void AddFile(const std::filesystem::path& path, int64_t longest);

  std::vector<TokenFile> files_;
  std::vector<Place> places_;
  TokenVocabulary vocabulary_;
  int64_t left_out_ = 0;
  int64_t token_count_ = 0;
};

// Several sequences one behind the other, as the model computes them at once.  The token at rows[i] has to predict targets[i],
// whose error counts weights[i]; plan[i] tells whether it is of the plan or of the code.
struct TokenPack {
  std::vector<int64_t> ids;
  std::vector<int64_t> starts;    // first token of each sequence, then the number of tokens
  std::vector<int64_t> rows;
  std::vector<int64_t> targets;
  std::vector<float> weights;
  std::vector<uint8_t> plan;

  double TotalWeight() const;
};
TokenPack MakePack(const TokenData& data, const std::vector<int64_t>& sequences, double plan_weight, double code_weight);

// Where a run is in its data.
struct DataPosition {
  int64_t epoch = 0;
  int64_t next = 0;   // how many sequences of the epoch were taken

  bool operator==(const DataPosition&) const = default;
};

// Deals out sequences, pack by pack, without end: each epoch is a new order of all of them, which depends on seed and
// epoch alone, so a position is all there is to keep.
class DataOrder {
 public:
  DataOrder(const TokenData& data, uint64_t seed, int64_t tokens_per_pack, DataPosition position);

  // As many sequences, in order, as fit into a pack, at least one; a pack does not reach over the end of an epoch.
  std::vector<int64_t> NextPack();
  const DataPosition& position() const { return position_; }

 private:
  void Shuffle();

  const TokenData& data_;
  uint64_t seed_;
  int64_t tokens_per_pack_;
  DataPosition position_;
  std::vector<int64_t> order_;
};

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_TOKEN_DATA_H_
