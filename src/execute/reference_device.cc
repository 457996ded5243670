#include "execute/reference_device.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include <array>

#include "base/error.h"
#include "execute/cuda_driver.h"
#include "execute/device_asserts.h"

namespace drtriton {
namespace {

const CudaDriver& Cuda() {
  const CudaDriver* driver = FindCudaDriver();
  if (driver == nullptr) throw UserError("no usable CUDA driver (libcuda.so.1) on this machine");
  return *driver;
}

unsigned HexDigit(char c) { return static_cast<unsigned>(c >= 'a' ? c - 'a' + 10 : c - '0'); }

CUipcMemHandle ParseHandle(const std::string& hex) {
  CUipcMemHandle handle{};
  if (hex.size() != 2 * sizeof(handle)) throw InternalError("a shared memory handle of the wrong size");
  for (size_t i = 0; i < sizeof(handle); ++i) handle.reserved[i] = static_cast<char>(HexDigit(hex[2 * i]) * 16 + HexDigit(hex[2 * i + 1]));
  return handle;
}

// Twice the L2 cache, written before each timed run.
void FlushCache(CUstream stream) {
  static const int64_t bytes = [] {
    CUdevice device = 0;
    int l2_bytes = 0;
    Check(Cuda().cuDeviceGet(&device, 0), "finding the GPU");
    Check(Cuda().cuDeviceGetAttribute(&l2_bytes, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, device), "asking the device");
    return 2 * int64_t{l2_bytes};
  }();
  static const at::Tensor buffer = at::empty({bytes}, at::TensorOptions().device(at::kCUDA).dtype(at::kByte));
  Check(Cuda().cuMemsetD8Async(reinterpret_cast<CUdeviceptr>(buffer.data_ptr()), 0, static_cast<size_t>(bytes), stream), "flushing the cache");
}

}  // namespace

MappedBuffers::MappedBuffers(const std::string& handle) {
  at::empty({1}, at::TensorOptions().device(at::kCUDA));   // libtorch's context is current from here on
  Check(Cuda().cuIpcOpenMemHandle(&base_, ParseHandle(handle), CU_IPC_MEM_LAZY_ENABLE_PEER_ACCESS), "mapping the runner's buffers");
}

MappedBuffers::~MappedBuffers() {
  if (base_ != 0) Cuda().cuIpcCloseMemHandle(base_);
}

at::Tensor MappedBuffers::View(int64_t offset, at::IntArrayRef shape, at::IntArrayRef strides, at::ScalarType type) const {
  const auto options = at::TensorOptions().device(at::Device(at::kCUDA, 0)).dtype(type);
  return at::from_blob(reinterpret_cast<void*>(base_ + static_cast<CUdeviceptr>(offset)), shape, strides, options);
}

struct TimedWork::Graph {
  c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool(/*isHighPriority=*/false, 0);
  at::cuda::CUDAGraph graph;
  std::vector<at::Tensor> results;   // their memory belongs to the graph
};

TimedWork::TimedWork(std::function<std::vector<at::Tensor>()> work) : work_(std::move(work)), graph_(std::make_unique<Graph>()) {
  const c10::InferenceMode inference;
  c10::cuda::device_synchronize();
  {
    const c10::StreamGuard guard(graph_->stream);
    for (int i = 0; i < 3; ++i) work_();   // libraries choose their kernels
  }
  c10::cuda::device_synchronize();
  try {
    Capture();
    captured_ = true;
  } catch (const std::exception&) {
    graph_ = std::make_unique<Graph>();   // another stream: the first one's capture is spoilt
  }
}

void TimedWork::Capture() {
  const c10::StreamGuard guard(graph_->stream);
  const UncheckedCalls unchecked;
  graph_->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
  try {
    graph_->results = work_();
  } catch (const std::exception&) {
    graph_->graph.capture_end();   // throws on its own: the capture was invalidated
    throw;
  }
  graph_->graph.capture_end();
}

TimedWork::~TimedWork() = default;

std::vector<float> TimedWork::Time(int count) {
  const c10::InferenceMode inference;
  const c10::StreamGuard guard(graph_->stream);
  const CUstream stream = graph_->stream.stream();
  std::vector<std::array<CUevent, 2>> events(static_cast<size_t>(count));
  for (auto& pair : events) {
    for (CUevent& event : pair) Check(Cuda().cuEventCreate(&event, CU_EVENT_DEFAULT), "creating an event");
    FlushCache(stream);
    Check(Cuda().cuEventRecord(pair[0], stream), "recording an event");
    if (captured_) graph_->graph.replay();
    else work_();
    Check(Cuda().cuEventRecord(pair[1], stream), "recording an event");
  }
  Check(Cuda().cuStreamSynchronize(stream), "timing the reference");
  std::vector<float> times_ms;
  for (auto& pair : events) {
    times_ms.push_back(0);
    Check(Cuda().cuEventElapsedTime(&times_ms.back(), pair[0], pair[1]), "reading an event");
    for (const CUevent event : pair) Check(Cuda().cuEventDestroy(event), "freeing an event");
  }
  return times_ms;
}

bool HasGpu() { return at::hasCUDA(); }

void Synchronize() { c10::cuda::device_synchronize(); }

bool ContextWorks() {
  try {
    Synchronize();
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

int64_t TotalMemoryBytes() {
  size_t free_bytes = 0, total_bytes = 0;
  at::empty({1}, at::TensorOptions().device(at::kCUDA));
  Check(Cuda().cuMemGetInfo(&free_bytes, &total_bytes), "asking for the memory's size");
  return static_cast<int64_t>(total_bytes);
}

void TrimMemory() {
  c10::cuda::device_synchronize();
  c10::cuda::CUDACachingAllocator::emptyCache();
}

}  // namespace drtriton
