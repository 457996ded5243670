// Tested by gpu_selftest.cc.
#include "execute/crowd.h"

#include "execute/cuda_driver.h"

namespace drtriton {
namespace {

constexpr uint64_t kLimitNs = 400'000;
constexpr int64_t kFlagBytes = 256;
constexpr int64_t kTrafficBytes = int64_t{64} << 20;   // a power of two; more than an L2 cache keeps

// `waiting` spins until the flag is set or the time is up; `streaming` adds one to words of memory, 128 bytes a warp at a
// time, until then.
constexpr const char* kPtx = R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry waiting(.param .u64 flag, .param .u64 limit) {
  .reg .pred %p<3>; .reg .u32 %r<2>; .reg .u64 %rd<5>;
  ld.param.u64 %rd1,[flag]; ld.param.u64 %rd2,[limit];
  mov.u64 %rd3,%globaltimer; add.u64 %rd2,%rd3,%rd2;
AGAIN:
  ld.volatile.global.u32 %r1,[%rd1]; setp.ne.u32 %p1,%r1,0; @%p1 bra DONE;
  mov.u64 %rd4,%globaltimer; setp.lt.u64 %p2,%rd4,%rd2; @%p2 bra AGAIN;
DONE: ret;
}
.visible .entry streaming(.param .u64 flag, .param .u64 limit, .param .u64 memory, .param .u32 mask) {
  .reg .pred %p<3>; .reg .u32 %r<8>; .reg .u64 %rd<8>;
  ld.param.u64 %rd1,[flag]; ld.param.u64 %rd2,[limit]; ld.param.u64 %rd5,[memory]; ld.param.u32 %r7,[mask];
  mov.u64 %rd3,%globaltimer; add.u64 %rd2,%rd3,%rd2;
  mov.u32 %r2,%ctaid.x; mov.u32 %r3,%ntid.x; mov.u32 %r4,%tid.x; mad.lo.u32 %r5,%r2,%r3,%r4;
AGAIN:
  and.b32 %r5,%r5,%r7; mul.wide.u32 %rd6,%r5,4; add.u64 %rd7,%rd5,%rd6;
  ld.volatile.global.u32 %r6,[%rd7]; add.u32 %r6,%r6,1; st.volatile.global.u32 [%rd7],%r6;
  add.u32 %r5,%r5,65536;
  ld.volatile.global.u32 %r1,[%rd1]; setp.ne.u32 %p1,%r1,0; @%p1 bra DONE;
  mov.u64 %rd4,%globaltimer; setp.lt.u64 %p2,%rd4,%rd2; @%p2 bra AGAIN;
DONE: ret;
}
)";

const CudaDriver& Cuda() { return *FindCudaDriver(); }

int Attribute(CUdevice device, CUdevice_attribute attribute) {
  int value = 0;
  Check(Cuda().cuDeviceGetAttribute(&value, attribute, device), "asking the device");
  return value;
}

}  // namespace

void Crowd::SetUp() {
  if (stream_ != nullptr) return;
  CUmodule module = nullptr;
  Check(Cuda().cuModuleLoadData(&module, kPtx), "loading the neighbours");
  Check(Cuda().cuModuleGetFunction(&waiting_, module, "waiting"), "loading the neighbours");
  Check(Cuda().cuModuleGetFunction(&streaming_, module, "streaming"), "loading the neighbours");
  multiprocessors_ = Attribute(device_, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  shared_bytes_ = Attribute(device_, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  Check(Cuda().cuFuncSetAttribute(waiting_, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared_bytes_), "loading the neighbours");
  Check(Cuda().cuMemAlloc(&memory_, static_cast<size_t>(kFlagBytes + kTrafficBytes)), "allocating the neighbours' memory");
  Check(Cuda().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "creating a stream");
}

void Crowd::Enter(Neighbours neighbours) {
  if (neighbours == Neighbours::kNone) return;
  SetUp();
  Check(Cuda().cuMemsetD32Async(memory_, 0, 1, stream_), "starting the neighbours");
  CUdeviceptr flag = memory_, memory = memory_ + kFlagBytes;
  uint64_t limit = kLimitNs;
  auto mask = static_cast<uint32_t>(kTrafficBytes / 4 - 1);
  void* arguments[] = {&flag, &limit, &memory, &mask};
  CUlaunchConfig config{};
  config.gridDimX = static_cast<unsigned>(multiprocessors_);
  config.blockDimX = 1024;
  config.gridDimY = config.gridDimZ = config.blockDimY = config.blockDimZ = 1;
  config.hStream = stream_;
  if (neighbours == Neighbours::kMultiprocessors) {
    config.gridDimX = static_cast<unsigned>((multiprocessors_ + 1) / 2);
    config.blockDimX = 32;
    config.sharedMemBytes = static_cast<unsigned>(shared_bytes_);
  } else if (neighbours == Neighbours::kTraffic) {
    config.gridDimX = static_cast<unsigned>((multiprocessors_ + 3) / 4);
  }
  Check(Cuda().cuLaunchKernelEx(&config, neighbours == Neighbours::kTraffic ? streaming_ : waiting_, arguments, nullptr), "starting the neighbours");
}

void Crowd::Leave(CUstream stream) {
  if (stream_ != nullptr) Check(Cuda().cuMemsetD32Async(memory_, 1, 1, stream), "ending the neighbours");
}

void Crowd::Await() {
  if (stream_ != nullptr) Check(Cuda().cuStreamSynchronize(stream_), "ending the neighbours");
}

}  // namespace drtriton
