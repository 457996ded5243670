#include "synth/seen_ids.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr int kProbes = 16;
constexpr int64_t kBitsAnId = 32;

uint64_t HexWord(std::string_view digits) {
  uint64_t word = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), word, 16).ptr;
  Require(end == digits.data() + digits.size(), "an id is not hexadecimal");
  return word;
}

}  // namespace

SeenIds::SeenIds(int64_t planned) {
  const uint64_t wanted = static_cast<uint64_t>(std::clamp<int64_t>(planned, 1 << 10, kMostBytes / 4) * kBitsAnId);
  const uint64_t bits = std::bit_ceil(std::min(wanted, static_cast<uint64_t>(kMostBytes) * 8));
  words_.resize(bits / 64);
  mask_ = bits - 1;
}

bool SeenIds::Add(std::string_view id) {
  Require(id.size() == 32, "an id has 32 digits");
  uint64_t at = HexWord(id.substr(0, 16));
  const uint64_t step = HexWord(id.substr(16)) | 1;  // odd: all probes differ
  bool is_new = false;
  for (int i = 0; i < kProbes; ++i, at += step) {
    uint64_t& word = words_[(at & mask_) / 64];
    const uint64_t bit = uint64_t{1} << (at % 64);
    if ((word & bit) != 0) continue;
    word |= bit;
    ++bits_set_;
    is_new = true;
  }
  return is_new;
}

double SeenIds::FalseShare() const {
  return std::pow(static_cast<double>(bits_set_) / static_cast<double>(mask_ + 1), kProbes);
}

}  // namespace drtriton
