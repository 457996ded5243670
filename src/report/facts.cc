#include <algorithm>

#include "graph/registry.h"
#include "report/report.h"

namespace drtriton {

KernelFacts FactsOf(const KernelStep& step, const DeviceSpec& device) {
  KernelFacts facts;
  const Program& program = step.fragment.program;
  double matmul_us = 0;
  double other_flops = 0;
  for (const Node& node : program.nodes) {
    double flops = NodeFlops(program, node);
    facts.flops += flops;
    const OperatorInfo* info = FindOperator(node.op);
    if (info != nullptr && info->kind == OpKind::kMatmul && !node.Inputs().empty()) {
      DType dtype = program.value(node.Inputs().front()).dtype;
      matmul_us += flops / device.MatmulFlopsPerUs(dtype, program.context.matmul_tf32);
    } else {
      other_flops += flops;
    }
  }
  for (ValueId id : step.fragment.Inputs()) {
    // A view reads at most what its storage holds.
    const Value& value = program.value(id);
    facts.bytes += static_cast<double>(std::min(value.Elements(), StorageExtent(value.shape, value.strides)) *
                                       ElementBytes(value.dtype));
  }
  for (ValueId id : step.fragment.Results()) facts.bytes += static_cast<double>(program.value(id).Bytes());
  facts.time_ms = step.verdict.time_ms;
  if (!facts.time_ms || *facts.time_ms <= 0) return facts;
  double time_us = *facts.time_ms * 1000;
  facts.bytes_per_us = facts.bytes / time_us;
  facts.flops_per_us = facts.flops / time_us;
  double bound_us =
      std::max({facts.bytes / device.memory_bytes_per_us, matmul_us, other_flops / device.fp32_flops_per_us});
  facts.roofline_share = bound_us / time_us;
  return facts;
}

}  // namespace drtriton
