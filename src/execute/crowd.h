// Crowd: work that shares the GPU with a candidate while it is run again, so that its blocks meet other neighbours, fewer
// multiprocessors or a busy memory, and what depends on the order in which they run comes out.  Part of drtriton-runner.
#ifndef DRTRITON_EXECUTE_CROWD_H_
#define DRTRITON_EXECUTE_CROWD_H_

#include <cuda.h>

#include <cstdint>

namespace drtriton {

enum class Neighbours : uint8_t {
  kNone,
  kWarps,            // half of the warps of every multiprocessor are taken
  kMultiprocessors,  // the shared memory of every other multiprocessor is taken
  kTraffic,          // a quarter of the multiprocessors read and write memory as fast as they can
};
inline constexpr int kNeighbourKinds = 4;

class Crowd {
 public:
  explicit Crowd(CUdevice device) : device_(device) {}
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  // Starts the neighbours on a stream of their own and returns at once.  They end when Leave()'s mark is reached, or after
  // 0.4 ms, so that a candidate that needs the whole device gets it.  Throws CudaFailure.
  void Enter(Neighbours neighbours);
  // Sends them away once everything before it in `stream` has run.
  void Leave(CUstream stream);
  // Waits until they are gone.
  void Await();

 private:
  void SetUp();

  CUdevice device_;
  CUstream stream_ = nullptr;
  CUfunction waiting_ = nullptr;
  CUfunction streaming_ = nullptr;
  CUdeviceptr memory_ = 0;   // the flag, then what kTraffic reads and writes
  int multiprocessors_ = 0;
  int shared_bytes_ = 0;     // what one block may have
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_CROWD_H_
