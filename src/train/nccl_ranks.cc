#include "train/nccl_ranks.h"

#include <ATen/ATen.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include <vector>

namespace drtriton {
namespace {

class NcclRanksImpl final : public Ranks {
 public:
  NcclRanksImpl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size)
      : rank_(rank), size_(size), group_(c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, c10d::ProcessGroupNCCL::Options::create())) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void Sum(at::Tensor& tensor) override {
    std::vector<at::Tensor> tensors = {tensor};
    group_->allreduce(tensors)->wait();
  }

  void Gather(at::Tensor& flat) override {
    const int64_t piece = flat.numel() / size_;
    at::Tensor mine = flat.slice(0, rank_ * piece, (rank_ + 1) * piece).clone();
    group_->_allgather_base(flat, mine)->wait();
  }

 private:
  int rank_;
  int size_;
  c10::intrusive_ptr<c10d::ProcessGroupNCCL> group_;
};

}  // namespace

std::unique_ptr<Ranks> NcclRanks(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size) {
  return std::make_unique<NcclRanksImpl>(store, rank, size);
}

}  // namespace drtriton
