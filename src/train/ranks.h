// Ranks: the processes of one run.  Includes torch headers: keep it out of others.
#ifndef DRTRITON_TRAIN_RANKS_H_
#define DRTRITON_TRAIN_RANKS_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <memory>

namespace drtriton {

// What the processes of a run do together.  Every process calls the same methods in the same order with tensors of the same
// shape and dtype, on its own device.
class Ranks {
 public:
  virtual ~Ranks() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  // Replaces `tensor` by the sum over all processes.
  virtual void Sum(at::Tensor& tensor) = 0;
  // `flat` consists of size() equal pieces, of which each process has its own right; afterwards all have all.
  virtual void Gather(at::Tensor& flat) = 0;
  // The last call of a run: afterwards the process may end.  Where one process holds what the others talk through, it returns
  // there when none needs it any more.
  virtual void Leave() {}
};

// A run of one process.
std::unique_ptr<Ranks> OneRank();

// The run that the environment describes as torchrun does (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT): processes that each
// have a GPU talk through NCCL, others through the store they met at, which is slow and sums in the order of ranks.
// One process where WORLD_SIZE is missing or 1.  Throws UserError for a description that is not whole or without answer.
std::unique_ptr<Ranks> RanksFromEnvironment(at::Device device);

// LOCAL_RANK: which GPU of its host is the process's; 0 where it is missing.
int LocalRank();

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_RANKS_H_
