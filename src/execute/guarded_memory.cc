// Tested by gpu_selftest.cc.
#include "execute/guarded_memory.h"

#include <algorithm>

#include "execute/cuda_driver.h"

namespace drtriton {
namespace {

constexpr int64_t kAlignment = 16;
// Addresses left unmapped on each side of a slot: an access that jumps far over the end faults too.
constexpr int64_t kUnmappedBytes = int64_t{256} << 20;
// What Return() keeps in all, so that the reference process does not lack the memory.
constexpr int64_t kKeptBytes = int64_t{1} << 30;

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

const CudaDriver& Cuda() { return *FindCudaDriver(); }

CUmemAllocationProp OnDevice(CUdevice device) {
  CUmemAllocationProp properties{};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  properties.location.id = device;
  return properties;
}

}  // namespace

int64_t GuardedMemory::Granularity() {
  if (granularity_ == 0) {
    const CUmemAllocationProp properties = OnDevice(device_);
    size_t bytes = 0;
    Check(Cuda().cuMemGetAllocationGranularity(&bytes, &properties, CU_MEM_ALLOC_GRANULARITY_MINIMUM), "asking for the granularity of memory");
    granularity_ = static_cast<int64_t>(bytes);
  }
  return granularity_;
}

// Each step that fails undoes the ones before it.
GuardedMemory::Slot GuardedMemory::MakeSlot(int64_t bytes) {
  const CUmemAllocationProp properties = OnDevice(device_);
  Slot slot;
  slot.bytes = bytes;
  Check(Cuda().cuMemCreate(&slot.memory, static_cast<size_t>(bytes), &properties, 0), "allocating guarded memory");
  try {
    const int64_t unmapped = RoundUp(kUnmappedBytes, Granularity());
    Check(Cuda().cuMemAddressReserve(&slot.reserved, static_cast<size_t>(bytes + 2 * unmapped), 0, 0, 0), "reserving addresses");
    const CUdeviceptr start = slot.reserved + static_cast<CUdeviceptr>(unmapped);
    Check(Cuda().cuMemMap(start, static_cast<size_t>(bytes), 0, slot.memory, 0), "mapping guarded memory");
    slot.mapped = start;
    CUmemAccessDesc access{};
    access.location = properties.location;
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    Check(Cuda().cuMemSetAccess(start, static_cast<size_t>(bytes), &access, 1), "mapping guarded memory");
  } catch (const CudaFailure&) {
    Free(slot);
    throw;
  }
  return slot;
}

// Results are not looked at: this also clears up after failures.
void GuardedMemory::Free(const Slot& slot) {
  const auto bytes = static_cast<size_t>(slot.bytes);
  if (slot.mapped != 0) Cuda().cuMemUnmap(slot.mapped, bytes);
  if (slot.reserved != 0) Cuda().cuMemAddressFree(slot.reserved, bytes + 2 * static_cast<size_t>(RoundUp(kUnmappedBytes, Granularity())));
  Cuda().cuMemRelease(slot.memory);
}

GuardedMemory::Slot& GuardedMemory::Take(int64_t bytes) {
  // Sizes by powers of two, so that slots fit later plans; large ones as they are.
  int64_t size = Granularity();
  while (size < bytes && size < (int64_t{64} << 20)) size *= 2;
  size = std::max(size, RoundUp(bytes, Granularity()));
  for (Slot& slot : slots_) {
    if (!slot.taken && slot.bytes == size) {
      slot.taken = true;
      return slot;
    }
  }
  slots_.push_back(MakeSlot(size));
  slots_.back().taken = true;
  return slots_.back();
}

std::vector<CUdeviceptr> GuardedMemory::Place(const std::vector<int64_t>& sizes, Guard guard, uint8_t poison, CUstream stream) {
  std::vector<CUdeviceptr> places;
  try {
    for (const int64_t bytes : sizes) {
      const Slot& slot = Take(std::max<int64_t>(bytes, 1));
      Check(Cuda().cuMemsetD8Async(slot.mapped, poison, static_cast<size_t>(slot.bytes), stream), "filling guarded memory");
      places.push_back(guard == Guard::kBefore ? slot.mapped : slot.mapped + static_cast<CUdeviceptr>(slot.bytes - RoundUp(bytes, kAlignment)));
    }
  } catch (const CudaFailure&) {
    Cuda().cuStreamSynchronize(stream);
    Return();
    throw;
  }
  return places;
}

void GuardedMemory::Return() {
  int64_t kept = 0;
  std::vector<Slot> small;
  for (Slot& slot : slots_) {
    slot.taken = false;
    if (kept + slot.bytes > kKeptBytes) {
      Free(slot);
    } else {
      kept += slot.bytes;
      small.push_back(slot);
    }
  }
  slots_ = std::move(small);
}

}  // namespace drtriton
