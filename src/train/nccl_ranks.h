// Ranks through PyTorch's own c10d and NCCL: one process a GPU.  Includes torch headers: keep it out of others.
#ifndef DRTRITON_TRAIN_NCCL_RANKS_H_
#define DRTRITON_TRAIN_NCCL_RANKS_H_

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <memory>

#include "train/ranks.h"

namespace drtriton {

std::unique_ptr<Ranks> NcclRanks(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size);

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_NCCL_RANKS_H_
