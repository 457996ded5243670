#include "execute/cuda_runner.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "execute/cuda_driver.h"

namespace drtriton {
namespace {

const CudaDriver& Cuda() {
  const CudaDriver* driver = FindCudaDriver();
  if (driver == nullptr) throw UserError("no usable CUDA driver (libcuda.so.1) on this machine");
  return *driver;
}

int Attribute(CUdevice device, CUdevice_attribute attribute) {
  int value = 0;
  Check(Cuda().cuDeviceGetAttribute(&value, attribute, device), "asking the device");
  return value;
}

// Room in `bytes` beyond what is needed, so that a slightly larger plan needs no new allocation and mapping.
int64_t WithSlack(int64_t bytes) { return bytes < (int64_t{1} << 30) ? bytes + bytes / 4 : bytes; }

CUdevice OpenDevice(int index) {
  CUdevice device = 0;
  Check(Cuda().cuInit(0), "starting the CUDA driver");
  Check(Cuda().cuDeviceGet(&device, index), "finding the GPU");
  return device;
}

}  // namespace

CudaRunner::CudaRunner(int device) : device_(OpenDevice(device)), guarded_memory_(device_), crowd_(device_) {
  CUcontext context = nullptr;
  Check(Cuda().cuDevicePrimaryCtxRetain(&context, device_), "creating a CUDA context");
  Check(Cuda().cuCtxSetCurrent(context), "using a CUDA context");
  Check(Cuda().cuStreamCreate(&stream_, CU_STREAM_NON_BLOCKING), "creating a stream");
}

// The process ends with its runner: the driver frees the rest.
CudaRunner::~CudaRunner() = default;

bool CudaRunner::Reserve(int64_t bytes) {
  if (bytes <= reserved_bytes_) return false;
  if (base_ != 0) Check(Cuda().cuMemFree(base_), "freeing buffers");
  base_ = 0;
  reserved_bytes_ = 0;
  int64_t wanted = (WithSlack(bytes) >> 21) << 21;
  if (wanted < bytes) wanted = bytes;
  Check(Cuda().cuMemAlloc(&base_, static_cast<size_t>(wanted)), "allocating " + std::to_string(wanted >> 20) + " MiB for the candidate's buffers");
  reserved_bytes_ = wanted;
  return true;
}

void CudaRunner::LoadKernel(const KernelImage& image, const std::filesystem::path& folder) {
  const std::string cubin = ReadFile(folder / image.cubin_path);
  if (Sha256(cubin) != image.cubin_sha256) throw UserError("the compiled kernel " + image.name + " is not the one that was recorded");
  Kernel kernel;
  Check(Cuda().cuModuleLoadData(&kernel.module, cubin.data()), "loading kernel " + image.name);
  kernels_.push_back(kernel);
  Check(Cuda().cuModuleGetFunction(&kernels_.back().function, kernel.module, image.name.c_str()), "finding kernel " + image.name);
  const CUfunction function = kernels_.back().function;
  const int limit = Attribute(device_, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
  if (image.shared_bytes > limit) {
    throw UserError("kernel " + image.name + " needs " + std::to_string(image.shared_bytes) + " bytes of shared memory; this GPU has " + std::to_string(limit));
  }
  if (image.shared_bytes > 48 * 1024) {   // as Triton does it; above this the driver wants to be asked
    int fixed_bytes = 0;
    Check(Cuda().cuFuncSetCacheConfig(function, CU_FUNC_CACHE_PREFER_SHARED), "preferring shared memory");
    Check(Cuda().cuFuncGetAttribute(&fixed_bytes, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, function), "asking kernel " + image.name);
    Check(Cuda().cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, limit - fixed_bytes), "shared memory of kernel " + image.name);
  }
  if (image.num_ctas == 16) Check(Cuda().cuFuncSetAttribute(function, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED, 1), "cluster size of kernel " + image.name);
}

void CudaRunner::Unload() {
  DropGraphs();
  plain_ = Placed();
  for (const Kernel& kernel : kernels_) Check(Cuda().cuModuleUnload(kernel.module), "unloading kernels");
  kernels_.clear();
}

bool CudaRunner::Load(const LaunchPlan& plan, const std::filesystem::path& folder, uint8_t poison) {
  Unload();
  plan_ = plan;
  layout_ = LayOut(plan_);
  const bool fresh = Reserve(layout_.bytes);
  for (const KernelImage& image : plan_.kernels) LoadKernel(image, folder);
  std::vector<CUdeviceptr> buffers;
  for (const auto& range : layout_.buffers) buffers.push_back(base_ + static_cast<CUdeviceptr>(range.offset));
  plain_ = Place(std::move(buffers));
  Poison(poison);
  return fresh;
}

CudaRunner::Placed CudaRunner::Place(std::vector<CUdeviceptr> buffers) const {
  Placed placed{std::move(buffers), {}};
  for (size_t i = 0; i < plan_.steps.size(); ++i) {
    const bool launch = std::holds_alternative<LaunchStep>(plan_.steps[i]);
    placed.arguments.push_back(launch ? std::make_unique<LaunchArguments>(plan_, placed.buffers, layout_, i, base_) : nullptr);
  }
  return placed;
}

std::array<unsigned char, sizeof(CUipcMemHandle)> CudaRunner::ShareHandle() const {
  CUipcMemHandle handle{};
  Check(Cuda().cuIpcGetMemHandle(&handle, base_), "sharing buffers with the reference process");
  std::array<unsigned char, sizeof(CUipcMemHandle)> bytes{};
  std::memcpy(bytes.data(), &handle, sizeof(handle));
  return bytes;
}

void CudaRunner::FillRange(int64_t begin, int64_t end, uint8_t poison) {
  if (begin < end) Check(Cuda().cuMemsetD8Async(base_ + static_cast<CUdeviceptr>(begin), poison, static_cast<size_t>(end - begin), stream_), "filling buffers");
}

void CudaRunner::Poison(uint8_t poison) {
  poison_ = poison;
  FillRange(0, layout_.bytes, poison);
  ClearScratch();
  Check(Cuda().cuStreamSynchronize(stream_), "filling buffers");
}

void CudaRunner::PoisonAroundInputs(uint8_t poison) {
  poison_ = poison;
  int64_t begin = 0;
  for (size_t i = 0; i < plan_.buffers.size(); ++i) {   // buffers lie in their order
    if (plan_.buffers[i].kind != BufferKind::kInput) continue;
    FillRange(begin, layout_.buffers[i].offset, poison);
    begin = layout_.buffers[i].offset + layout_.buffers[i].bytes;
  }
  FillRange(begin, layout_.bytes, poison);
}

void CudaRunner::ClearScratch() {
  // Scratch memory is the driver's gift in Triton's own launcher too: kernels may count on zeros nowhere, but locks in it
  // must not start as taken.
  for (const auto* list : {&layout_.global_scratch, &layout_.profile_scratch}) {
    for (const auto& range : *list) {
      if (range.bytes == 0) continue;
      Check(Cuda().cuMemsetD8Async(base_ + static_cast<CUdeviceptr>(range.offset), 0, static_cast<size_t>(range.bytes), stream_), "filling scratch memory");
    }
  }
}

CUdeviceptr CudaRunner::Address(const TensorView& view) const {
  return placed_->buffers.at(static_cast<size_t>(view.buffer)) + static_cast<CUdeviceptr>(view.offset * ElementBytes(view.dtype));
}

void CudaRunner::Launch(size_t step) {
  const auto& launch = std::get<LaunchStep>(plan_.steps[step]);
  const KernelImage& image = plan_.kernels.at(static_cast<size_t>(launch.kernel));
  if (launch.grid[0] * launch.grid[1] * launch.grid[2] == 0) return;   // Triton launches nothing then
  std::array<CUlaunchAttribute, 2> attributes{};
  CUlaunchConfig config{};
  config.gridDimX = static_cast<unsigned>(launch.grid[0] * image.num_ctas);
  config.gridDimY = static_cast<unsigned>(launch.grid[1]);
  config.gridDimZ = static_cast<unsigned>(launch.grid[2]);
  config.blockDimX = static_cast<unsigned>(32 * image.num_warps);
  config.blockDimY = config.blockDimZ = 1;
  config.sharedMemBytes = static_cast<unsigned>(image.shared_bytes);
  config.hStream = stream_;
  config.attrs = attributes.data();
  if (image.num_ctas != 1) {
    attributes[0].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION;
    attributes[0].value.clusterDim = {static_cast<unsigned>(image.num_ctas), 1, 1};
    attributes[1].id = CU_LAUNCH_ATTRIBUTE_CLUSTER_SCHEDULING_POLICY_PREFERENCE;
    attributes[1].value.clusterSchedulingPolicyPreference = CU_CLUSTER_SCHEDULING_POLICY_SPREAD;
    config.numAttrs = 2;
  }
  const CUfunction function = kernels_.at(static_cast<size_t>(launch.kernel)).function;
  Check(Cuda().cuLaunchKernelEx(&config, function, placed_->arguments[step]->pointers(), nullptr), "launching kernel " + image.name);
}

void CudaRunner::Copy(const CopyStep& copy) {
  const auto bytes = static_cast<size_t>(ElementCount(copy.source.shape) * ElementBytes(copy.source.dtype));
  if (bytes > 0) Check(Cuda().cuMemcpyDtoDAsync(Address(copy.target), Address(copy.source), bytes, stream_), "copying a buffer");
}

void CudaRunner::Fill(const FillStep& fill) {
  const auto count = static_cast<size_t>(ElementCount(fill.target.shape));
  if (count == 0) return;
  const uint64_t pattern = FillPattern(fill.value, fill.target.dtype);
  const CUdeviceptr target = Address(fill.target);
  CUresult result = CUDA_SUCCESS;
  switch (ElementBytes(fill.target.dtype)) {
    case 1: result = Cuda().cuMemsetD8Async(target, static_cast<unsigned char>(pattern), count, stream_); break;
    case 2: result = Cuda().cuMemsetD16Async(target, static_cast<unsigned short>(pattern), count, stream_); break;
    case 4: result = Cuda().cuMemsetD32Async(target, static_cast<unsigned>(pattern), count, stream_); break;
    default: result = Cuda().cuMemsetD32Async(target, static_cast<unsigned>(pattern), 2 * count, stream_); break;
  }
  Check(result, "filling a buffer");
}

void CudaRunner::Enqueue(size_t step) {
  if (const auto* copy = std::get_if<CopyStep>(&plan_.steps.at(step))) Copy(*copy);
  else if (const auto* fill = std::get_if<FillStep>(&plan_.steps[step])) Fill(*fill);
  else if (std::holds_alternative<LaunchStep>(plan_.steps[step])) Launch(step);
  else throw InternalError("the runner was asked for a vendor step");
}

void CudaRunner::CopyBuffers(const std::vector<CUdeviceptr>& from, const std::vector<CUdeviceptr>& to) {
  for (size_t i = 0; i < plan_.buffers.size(); ++i) {
    const auto bytes = static_cast<size_t>(plan_.buffers[i].bytes);
    if (bytes > 0) Check(Cuda().cuMemcpyDtoDAsync(to[i], from[i], bytes, stream_), "copying buffers");
  }
}

bool CudaRunner::EnterGuard(Guard guard) {
  if (guard == Guard::kNone) return false;
  std::vector<int64_t> sizes;
  for (const Buffer& buffer : plan_.buffers) sizes.push_back(buffer.bytes);
  try {
    guarded_ = Place(guarded_memory_.Place(sizes, guard, poison_, stream_));
  } catch (const CudaFailure& failure) {   // no memory for it, or a tensor map that wants more than 16 bytes of alignment
    if (failure.sticky()) throw;
    guarded_memory_.Return();
    return false;
  }
  CopyBuffers(plain_.buffers, guarded_.buffers);
  placed_ = &guarded_;
  return true;
}

void CudaRunner::LeaveGuard() {
  placed_ = &plain_;
  CopyBuffers(guarded_.buffers, plain_.buffers);
  Check(Cuda().cuStreamSynchronize(stream_), "copying buffers");
  guarded_ = Placed();
  guarded_memory_.Return();
}

bool CudaRunner::Run(size_t first, size_t last, const RunVariation& variation) {
  if (variation.poison) {
    PoisonAroundInputs(*variation.poison);
    ClearScratch();
  }
  const bool guarded = EnterGuard(variation.guard);
  if (variation.cold) FlushCache();
  if (variation.neighbours != Neighbours::kNone) {
    Check(Cuda().cuStreamSynchronize(stream_), "filling buffers");   // so that the neighbours are there when the steps run
    crowd_.Enter(variation.neighbours);
  }
  for (size_t step = first; step < last; ++step) Enqueue(step);
  if (variation.neighbours != Neighbours::kNone) crowd_.Leave(stream_);
  Check(Cuda().cuStreamSynchronize(stream_), "running the kernels");
  if (variation.neighbours != Neighbours::kNone) crowd_.Await();
  if (guarded) LeaveGuard();
  return guarded;
}

CUgraphExec CudaRunner::GraphOf(size_t first, size_t last) {
  for (const Graph& graph : graphs_) {
    if (graph.first == first && graph.last == last) return graph.exec;
  }
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  Check(Cuda().cuStreamBeginCapture(stream_, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), "capturing a CUDA graph");
  for (size_t step = first; step < last; ++step) Enqueue(step);
  Check(Cuda().cuStreamEndCapture(stream_, &graph), "capturing a CUDA graph");
  Check(Cuda().cuGraphInstantiate(&exec, graph, 0), "instantiating a CUDA graph");
  Check(Cuda().cuGraphDestroy(graph), "instantiating a CUDA graph");
  Check(Cuda().cuGraphUpload(exec, stream_), "uploading a CUDA graph");
  graphs_.push_back({first, last, exec});
  return exec;
}

void CudaRunner::DropGraphs() {
  for (const Graph& graph : graphs_) Check(Cuda().cuGraphExecDestroy(graph.exec), "freeing a CUDA graph");
  graphs_.clear();
}

void CudaRunner::FlushCache() {
  if (flush_ == 0) {
    flush_bytes_ = 2 * int64_t{Attribute(device_, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)};
    Check(Cuda().cuMemAlloc(&flush_, static_cast<size_t>(flush_bytes_)), "allocating the buffer that flushes the cache");
  }
  Check(Cuda().cuMemsetD8Async(flush_, 0, static_cast<size_t>(flush_bytes_), stream_), "flushing the cache");
}

std::vector<float> CudaRunner::Time(size_t first, size_t last, int count) {
  const CUgraphExec graph = GraphOf(first, last);
  std::vector<std::array<CUevent, 2>> events(static_cast<size_t>(count));
  for (auto& pair : events) {
    for (CUevent& event : pair) Check(Cuda().cuEventCreate(&event, CU_EVENT_DEFAULT), "creating an event");
  }
  // The flush keeps the GPU busy while the host enqueues the event and the graph, so host time is not measured.
  for (const auto& pair : events) {
    FlushCache();
    Check(Cuda().cuEventRecord(pair[0], stream_), "recording an event");
    Check(Cuda().cuGraphLaunch(graph, stream_), "replaying a CUDA graph");
    Check(Cuda().cuEventRecord(pair[1], stream_), "recording an event");
  }
  Check(Cuda().cuStreamSynchronize(stream_), "timing the kernels");
  std::vector<float> times_ms;
  for (auto& pair : events) {
    times_ms.push_back(0);
    Check(Cuda().cuEventElapsedTime(&times_ms.back(), pair[0], pair[1]), "reading an event");
    for (const CUevent event : pair) Check(Cuda().cuEventDestroy(event), "freeing an event");
  }
  return times_ms;
}

}  // namespace drtriton
