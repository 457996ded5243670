// Which ids were seen, in a memory that is fixed beforehand: a Bloom filter.
//
// An id that was added is always known again.  An id that was not is taken for known with a small probability, whatever
// it is: at most 4e-7 while no more than the planned number were added (32 bits and 16 probes for each), more when the
// memory's limit cut the filter short; FalseShare() says what it is now.
#ifndef DRTRITON_SYNTH_SEEN_IDS_H_
#define DRTRITON_SYNTH_SEEN_IDS_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace drtriton {

class SeenIds {
 public:
  static constexpr int64_t kMostBytes = int64_t{512} << 20;

  // For `planned` ids; the memory is taken at once.
  explicit SeenIds(int64_t planned);

  // Adds a canonical id (32 hexadecimal digits).  False when it is known.
  bool Add(std::string_view id);

  int64_t bytes() const { return static_cast<int64_t>(words_.size() * sizeof(uint64_t)); }
  // The probability that a new id would be taken for known.
  double FalseShare() const;

 private:
  std::vector<uint64_t> words_;
  uint64_t mask_ = 0;  // bits - 1
  int64_t bits_set_ = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SEEN_IDS_H_
