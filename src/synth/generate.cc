#include "synth/generate.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "synth/canonical.h"
#include "synth/sample_line.h"
#include "synth/seen_ids.h"

namespace drtriton {
namespace {

constexpr int64_t kBlockSize = 64;       // samples drawn by a thread at a time
constexpr int64_t kBlocksAThread = 4;    // that may wait for their turn
constexpr int64_t kPatience = 200'000;   // draws without a sample that passes, after which the space counts as exhausted

// What becomes of one index.
struct Item {
  bool in_split = false;
  Generated generated;
};

struct Block {
  std::vector<Item> items;
  std::exception_ptr failure;
  bool ready = false;
};

// The threads that draw, and the ring in which their blocks wait.
class Drawers {
 public:
  Drawers(const Sampler& sampler, const GenerateOptions& options)
      : sampler_(sampler), options_(options), ring_(static_cast<size_t>(kBlocksAThread * options.threads)) {
    for (int i = 0; i < options.threads; ++i) threads_.emplace_back([this] { Work(); });
  }

  ~Drawers() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // The next block in order.
  Block Next() {
    std::unique_lock<std::mutex> lock(mutex_);
    Block& slot = ring_[static_cast<size_t>(taken_) % ring_.size()];
    changed_.wait(lock, [&] { return slot.ready; });
    Block block = std::move(slot);
    slot = Block();
    ++taken_;
    lock.unlock();
    changed_.notify_all();
    if (block.failure) std::rethrow_exception(block.failure);
    return block;
  }

 private:
  void Work() {
    while (true) {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return stopped_ || started_ < taken_ + static_cast<int64_t>(ring_.size()); });
      if (stopped_) return;
      const int64_t number = started_++;
      lock.unlock();
      Block block = Draw(number);
      lock.lock();
      ring_[static_cast<size_t>(number) % ring_.size()] = std::move(block);
      lock.unlock();
      changed_.notify_all();
    }
  }

  Block Draw(int64_t number) const {
    Block block;
    block.ready = true;
    block.items.resize(static_cast<size_t>(kBlockSize));
    try {
      for (int64_t i = 0; i < kBlockSize; ++i) Fill(block.items[static_cast<size_t>(i)], number * kBlockSize + i);
    } catch (...) {
      block.failure = std::current_exception();
    }
    return block;
  }

  void Fill(Item& item, int64_t index) const {
    Generated& generated = item.generated;
    generated.sample = sampler_.Draw(options_.seed, static_cast<uint64_t>(index));
    const Sample& sample = generated.sample;
    generated.split = SplitOf(sample.program, sample.operators);
    item.in_split = !options_.split || *options_.split == generated.split;
    if (!item.in_split) {
      generated = Generated();
      return;
    }
    generated.id = CanonicalId(sample.program);
    const SamplerOptions& rates = sampler_.options();
    generated.difficulty = DifficultyOf(sample.program, rates.device_bytes_per_us, rates.device_flops_per_us);
    if (!options_.lines) return;
    generated.line.reserve(4096);
    AppendSampleLine(generated.line, sample, generated.id, generated.split, generated.difficulty);
    generated.line += '\n';
  }

  const Sampler& sampler_;
  const GenerateOptions& options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Block> ring_;
  int64_t started_ = 0;  // blocks
  int64_t taken_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

[[noreturn]] void FailExhausted(const GenerateOptions& options, const GenerateSummary& summary) {
  const std::string what = options.unique ? " different programs" : " programs";
  const std::string where = options.split ? " of the split '" + std::string(Name(*options.split)) + "'" : "";
  throw UserError("only " + std::to_string(summary.written) + what + where + " were found among " +
                  std::to_string(summary.drawn) + " draws, not " + std::to_string(options.count) +
                  "; ask for fewer, or for more operators");
}

}  // namespace

GenerateSummary Generate(const Sampler& sampler, const GenerateOptions& options,
                         const std::function<void(const Generated&)>& take) {
  GenerateSummary summary;
  std::optional<SeenIds> seen;
  if (options.unique) {
    seen.emplace(options.count);
    summary.seen_bytes = seen->bytes();
  }
  Drawers drawers(sampler, options);
  int64_t last_passed = 0;
  while (summary.written < options.count) {
    if (Interrupted()) throw UserError("interrupted after " + std::to_string(summary.written) + " programs");
    const Block block = drawers.Next();
    for (const Item& item : block.items) {
      if (summary.written == options.count) break;
      ++summary.drawn;
      if (!item.in_split) continue;
      if (seen && !seen->Add(item.generated.id)) {
        ++summary.repeats;
        continue;
      }
      last_passed = summary.drawn;
      ++summary.written;
      take(item.generated);
    }
    if (summary.drawn - last_passed > kPatience) FailExhausted(options, summary);
  }
  return summary;
}

}  // namespace drtriton
