// Source of the expansion: make_tensordesc_arg() and fill_tma_descriptor() in triton/backends/nvidia of Triton 3.6.
#include "execute/launch_arguments.h"

#include <array>
#include <cstring>

#include "base/error.h"
#include "execute/cuda_driver.h"
#include "execute/float_bits.h"

namespace drtriton {
namespace {

// The compiler numbers element types as the device does, the driver's host interface differently for three of them.
CUtensorMapDataType HostElementType(int32_t device_type) {
  switch (device_type) {
    case 8: return static_cast<CUtensorMapDataType>(10);
    case 9: return static_cast<CUtensorMapDataType>(8);
    case 10: return static_cast<CUtensorMapDataType>(9);
    default: return static_cast<CUtensorMapDataType>(device_type);
  }
}

CUtensorMap EncodeTensorMap(const DescriptorArg& arg, CUdeviceptr address) {
  const size_t rank = arg.box.size();
  if (rank < 1 || rank > 5 || arg.view.shape.size() != rank || arg.view.strides.size() != rank ||
      arg.view.strides.back() != 1) {
    throw UserError("a tensor descriptor needs one to five dimensions, the last of them contiguous");
  }
  std::array<cuuint64_t, 5> sizes{}, strides{};
  std::array<cuuint32_t, 5> box{}, element_strides{1, 1, 1, 1, 1};
  for (size_t i = 0; i < rank; ++i) {   // the driver lists dimensions innermost first
    sizes[rank - 1 - i] = static_cast<cuuint64_t>(arg.view.shape[i]);
    box[rank - 1 - i] = static_cast<cuuint32_t>(arg.box[i]);
    if (i + 1 < rank) strides[rank - 2 - i] = static_cast<cuuint64_t>(arg.view.strides[i] * arg.element_bytes);
  }
  CUtensorMap map{};
  Check(FindCudaDriver()->cuTensorMapEncodeTiled(
            &map, HostElementType(arg.element_type), static_cast<cuuint32_t>(rank),
            reinterpret_cast<void*>(address), sizes.data(), strides.data(), box.data(), element_strides.data(),
            CU_TENSOR_MAP_INTERLEAVE_NONE, static_cast<CUtensorMapSwizzle>(arg.swizzle),
            CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
            arg.padding == 1 ? CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA : CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
        "encoding a tensor descriptor");
  return map;
}

}  // namespace

template <typename T>
void LaunchArguments::Push(const T& value) {
  static_assert(sizeof(T) <= sizeof(Cell));
  cells_.push_back(std::make_unique<Cell>());
  std::memcpy(cells_.back()->bytes, &value, sizeof(T));
  pointers_.push_back(cells_.back()->bytes);
}

void LaunchArguments::PushScalar(const ScalarArg& arg) {
  switch (arg.type) {
    case ParamType::kF16: return Push(Float16Bits(arg.real));
    // Triton's launcher truncates bfloat16 scalars; rounding here would give other results than the user's run.
    case ParamType::kBF16: return Push(static_cast<uint16_t>(Float32Bits(arg.real) >> 16));
    case ParamType::kF32: return Push(Float32Bits(arg.real));
    case ParamType::kF64: return Push(arg.real);
    default: return Push(arg.integer);   // little-endian: the kernel reads as many low bytes as its type has
  }
}

void LaunchArguments::PushShape(const DescriptorArg& arg) {
  for (const int64_t size : arg.view.shape) Push(static_cast<int32_t>(size));
  for (const int64_t stride : arg.view.strides) Push(stride);
}

void LaunchArguments::PushDescriptor(const DescriptorArg& arg, CUdeviceptr buffer) {
  const CUdeviceptr address = buffer + static_cast<CUdeviceptr>(arg.view.offset * ElementBytes(arg.view.dtype));
  if (arg.element_type >= 0) {
    Push(EncodeTensorMap(arg, address));
  } else {
    Push(address);
    for (const int64_t size : arg.view.shape) Push(size);
    for (const int64_t stride : arg.view.strides) Push(stride);
    Push(static_cast<int8_t>(arg.padding == 1));
  }
  PushShape(arg);
}

LaunchArguments::LaunchArguments(const LaunchPlan& plan, const std::vector<CUdeviceptr>& buffers, const PlanLayout& layout, size_t step, CUdeviceptr base) {
  const auto address = [&](const PlanLayout::Range& range) {
    return range.bytes > 0 ? base + static_cast<CUdeviceptr>(range.offset) : CUdeviceptr{0};
  };
  for (const LaunchArg& arg : std::get<LaunchStep>(plan.steps.at(step)).args) {
    if (const auto* pointer = std::get_if<PointerArg>(&arg)) {
      // Buffer -1 is a null pointer: an argument that was None.
      if (pointer->buffer < 0) Push(CUdeviceptr{0});
      else Push(buffers.at(static_cast<size_t>(pointer->buffer)) + static_cast<CUdeviceptr>(pointer->byte_offset));
    } else if (const auto* scalar = std::get_if<ScalarArg>(&arg)) {
      PushScalar(*scalar);
    } else {
      const auto& descriptor = std::get<DescriptorArg>(arg);
      PushDescriptor(descriptor, buffers.at(static_cast<size_t>(descriptor.view.buffer)));
    }
  }
  Push(address(layout.global_scratch.at(step)));
  Push(address(layout.profile_scratch.at(step)));
}

}  // namespace drtriton
