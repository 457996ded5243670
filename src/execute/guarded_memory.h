// GuardedMemory: device memory in which every buffer touches an address that is not mapped, so that a kernel that reads
// or writes outside of it faults.  By CUDA's virtual memory management; part of drtriton-runner.
//
// A slot is a stretch of reserved addresses with physical memory in its middle only.  A buffer lies at the end or at the
// beginning of that memory: to 16 bytes, which is the alignment that Triton's kernels count on, so up to 15 bytes past an
// odd-sized buffer stay mapped.  Slots are kept for later plans (reserving and mapping one costs about 0.15 ms).
#ifndef DRTRITON_EXECUTE_GUARDED_MEMORY_H_
#define DRTRITON_EXECUTE_GUARDED_MEMORY_H_

#include <cuda.h>

#include <cstdint>
#include <vector>

namespace drtriton {

enum class Guard : uint8_t {
  kNone,    // the runner's one allocation
  kBehind,  // unmapped memory starts where each buffer ends
  kBefore,  // each buffer starts where unmapped memory ends
};

class GuardedMemory {
 public:
  explicit GuardedMemory(CUdevice device) : device_(device) {}
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  // A place for each buffer of these sizes (bytes, 0 allowed), all mapped memory around them set to `poison` on `stream`.
  // Valid until Return().  Throws CudaFailure; one of code "out_of_memory" leaves nothing taken.
  std::vector<CUdeviceptr> Place(const std::vector<int64_t>& sizes, Guard guard, uint8_t poison, CUstream stream);
  // Gives the places back; keeps slots for later as far as they are small.
  void Return();

 private:
  struct Slot {
    CUdeviceptr reserved = 0;   // address range
    CUdeviceptr mapped = 0;     // where its memory starts
    int64_t bytes = 0;
    CUmemGenericAllocationHandle memory = 0;
    bool taken = false;
  };
  Slot& Take(int64_t bytes);
  Slot MakeSlot(int64_t bytes);
  void Free(const Slot& slot);
  int64_t Granularity();

  CUdevice device_;
  int64_t granularity_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_GUARDED_MEMORY_H_
