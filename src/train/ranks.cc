#include "train/ranks.h"

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "train/nccl_ranks.h"

namespace drtriton {
namespace {

class SingleRank final : public Ranks {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  void Sum(at::Tensor& /*tensor*/) override {}
  void Gather(at::Tensor& /*flat*/) override {}
};

// Every process puts its tensor into the store and takes those of the others.  For CPUs: the sum has one order, so all
// processes have the same bits.
class StoreRanks final : public Ranks {
 public:
  StoreRanks(c10::intrusive_ptr<c10d::Store> store, int rank, int size) : store_(std::move(store)), rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void Sum(at::Tensor& tensor) override {
    const std::vector<at::Tensor> all = Exchange(tensor);
    tensor.zero_();
    for (const at::Tensor& one : all) tensor.add_(one);
  }

  void Gather(at::Tensor& flat) override {
    const int64_t piece = flat.numel() / size_;
    const std::vector<at::Tensor> all = Exchange(flat.slice(0, rank_ * piece, (rank_ + 1) * piece));
    flat.copy_(at::cat(all));
  }

  // Rank 0 may hold the store, so it is the last to go: whoever leaves has read all it needs.
  void Leave() override {
    try {
      if (store_->add("left", 1) == size_) store_->set("all left", std::vector<uint8_t>());
      if (rank_ == 0) store_->wait({"all left"});
    } catch (const std::exception& error) {   // one of them died after its last step
      Warn("not all processes of the run came to its end: " + std::string(error.what()).substr(0, 200));
    }
  }

 private:
  static std::string Key(int64_t exchange, int rank) { return std::to_string(exchange) + "/" + std::to_string(rank); }

  // The tensors of all processes, in the order of ranks.
  std::vector<at::Tensor> Exchange(const at::Tensor& tensor) {
    // Whoever took part in the last exchange has read everything of the one before.
    if (exchange_ >= 2) store_->deleteKey(Key(exchange_ - 2, rank_));
    const at::Tensor mine = tensor.contiguous();
    const auto* bytes = static_cast<const uint8_t*>(mine.data_ptr());
    store_->set(Key(exchange_, rank_), std::vector<uint8_t>(bytes, bytes + mine.nbytes()));
    std::vector<at::Tensor> all;
    for (int rank = 0; rank < size_; ++rank) {
      const std::vector<uint8_t> theirs = store_->get(Key(exchange_, rank));
      all.push_back(at::empty_like(mine));
      Require(theirs.size() == all.back().nbytes(), "StoreRanks: processes that do different things");
      std::memcpy(all.back().data_ptr(), theirs.data(), theirs.size());
    }
    ++exchange_;
    return all;
  }

  c10::intrusive_ptr<c10d::Store> store_;
  int rank_;
  int size_;
  int64_t exchange_ = 0;
};

// A whole number of the environment; `absent` where the variable is missing.
int EnvironmentNumber(const char* name, int absent) {
  const char* text = std::getenv(name);
  if (text == nullptr) return absent;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*text == '\0' || *end != '\0' || value < 0 || value > 65535) throw UserError(std::string("the variable ") + name + " is '" + text + "', but it has to be a whole number");
  return static_cast<int>(value);
}

c10::intrusive_ptr<c10d::Store> MeetingPlace(int rank, int size) {
  const char* address = std::getenv("MASTER_ADDR");
  const int port = EnvironmentNumber("MASTER_PORT", 0);
  if (address == nullptr || port == 0) throw UserError("WORLD_SIZE asks for several processes, but MASTER_ADDR or MASTER_PORT is missing; start them with torchrun");
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  // torchrun itself holds the store, and says so.
  const char* agent = std::getenv("TORCHELASTIC_USE_AGENT_STORE");
  options.isServer = rank == 0 && (agent == nullptr || std::string(agent) != "True");
  options.numWorkers = size;
  options.waitWorkers = false;
  try {
    return c10::make_intrusive<c10d::PrefixStore>("drtriton", c10::make_intrusive<c10d::TCPStore>(address, options));
  } catch (const std::exception& error) {
    throw UserError("the processes of the run cannot meet at " + std::string(address) + ":" + std::to_string(port) + ": " + std::string(error.what()).substr(0, 200));
  }
}

}  // namespace

std::unique_ptr<Ranks> OneRank() { return std::make_unique<SingleRank>(); }

int LocalRank() { return EnvironmentNumber("LOCAL_RANK", 0); }

std::unique_ptr<Ranks> RanksFromEnvironment(at::Device device) {
  const int size = EnvironmentNumber("WORLD_SIZE", 1);
  if (size <= 1) return OneRank();
  const int rank = EnvironmentNumber("RANK", size);
  if (rank >= size) throw UserError("WORLD_SIZE is " + std::to_string(size) + ", so RANK has to be a number below it");
  const auto store = MeetingPlace(rank, size);
  if (device.is_cuda()) return NcclRanks(store, rank, size);
  return std::make_unique<StoreRanks>(store, rank, size);
}

}  // namespace drtriton
