// See cost.h.
#include "templates/cost.h"

#include <algorithm>
#include <cmath>

#include "templates/expression.h"

namespace drtriton {
namespace {

constexpr double kMemoryLatencyUs = 0.8;    // loaded latency of device memory
constexpr double kRampUs = 1.2;             // from launch to the first useful load, and the last store
constexpr double kSaturatingShare = 0.6;    // this share of the multiprocessors draws the full bandwidth
constexpr double kProgramsPerUs = 2500;     // that the hardware starts
constexpr int64_t kSharedPerMultiprocessor = 233472;
constexpr int kThreadsPerMultiprocessor = 2048;

double ResidentPrograms(const KernelCost& cost) {
  int64_t by_threads = std::max(1, kThreadsPerMultiprocessor / (32 * cost.num_warps));
  int64_t by_shared = cost.shared_bytes > 0 ? std::max<int64_t>(1, kSharedPerMultiprocessor / cost.shared_bytes) : 32;
  return static_cast<double>(std::min<int64_t>({by_threads, by_shared, 32}));
}

}  // namespace

double EstimateUs(const KernelCost& cost, const DeviceSpec& device) {
  double programs = static_cast<double>(cost.programs);
  double slots = device.multiprocessors * ResidentPrograms(cost);
  double waves = programs / slots;
  // The last wave is partly empty; memory traffic of the others hides half of that.
  double tail = waves < 1 ? 1 : 1 + 0.5 * (std::ceil(waves) / waves - 1);
  double busy = std::min(1.0, programs / device.multiprocessors);
  double bandwidth = device.memory_bytes_per_us * std::min(1.0, busy / kSaturatingShare);
  if (cost.bytes_per_program_in_flight > 0) {   // Little's law
    double in_flight = std::min(programs, slots) * cost.bytes_per_program_in_flight;
    bandwidth = std::min(bandwidth, in_flight / kMemoryLatencyUs);
  }
  double memory = cost.bytes / bandwidth;
  double scalar = cost.flops / (0.5 * device.fp32_flops_per_us * busy);
  double matmul = cost.matmul_flops > 0 ? cost.matmul_flops / (cost.matmul_flops_per_us * busy) : 0;
  return kRampUs + std::max(tail * std::max({memory, scalar, matmul}), programs / kProgramsPerUs);
}

double AccessBytes(const Lowered& lowered, const Access& access) {
  double elements = static_cast<double>(lowered.Product(access.axes) * lowered.Product(access.indexed_axes));
  return elements * static_cast<double>(ElementBytes(lowered.TensorType(access.tensor)));
}

double ScalarFlops(const Lowered& lowered) {
  double flops = 0;
  for (const LoweredNode& node : lowered.nodes) {
    if (node.kind != LoweredKind::kPointwise && node.kind != LoweredKind::kReduce) continue;
    AxisList axes = node.kind == LoweredKind::kReduce ? lowered.node(node.operands[0]).axes : node.axes;
    flops += FunctionCost(node.function) * static_cast<double>(lowered.Product(axes));
  }
  return flops;
}

}  // namespace drtriton
