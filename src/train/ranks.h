// Ranks: the processes of one run.  Includes torch headers: keep it out of others.
#ifndef DRTRITON_TRAIN_RANKS_H_
#define DRTRITON_TRAIN_RANKS_H_

#include <ATen/core/Tensor.h>

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
};

// A run of one process.
std::unique_ptr<Ranks> OneRank();

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_RANKS_H_
