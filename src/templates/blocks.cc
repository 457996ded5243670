// See blocks.h.
#include "templates/blocks.h"

#include <cctype>

namespace drtriton {

int64_t NextPowerOfTwo(int64_t value) {
  int64_t power = 1;
  while (power < value) power *= 2;
  return power;
}

bool NeedsWideIndex(const Lowered& lowered) {
  constexpr int64_t kLimit = int64_t{1} << 31;
  for (const LoweredNode& node : lowered.nodes) {
    if (node.kind == LoweredKind::kLoad && lowered.TensorExtent(node.access.tensor) >= kLimit) return true;
  }
  for (const LoweredStore& store : lowered.stores) {
    if (lowered.TensorExtent(store.access.tensor) >= kLimit) return true;
  }
  return false;
}

std::string ProgramIdText(const Lowered& lowered, int grid_axis) {
  return "tl.program_id(" + std::to_string(grid_axis) + ")" + (NeedsWideIndex(lowered) ? ".to(tl.int64)" : "");
}

TileDim AddBlock(KernelSource& kernel, const BlockSpec& spec) {
  std::string upper = spec.name;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  TileDim dim;
  dim.axes = spec.axes;
  dim.name = spec.name;
  dim.index = kernel.Fresh(spec.name);
  std::string start = spec.start.empty() ? "0" : spec.start;
  if (spec.lie == Lie::kScalar) {
    kernel.Line(dim.index + " = " + start);
    return dim;
  }
  std::string block = kernel.Constant("BLOCK_" + upper, spec.block);
  std::string range = "tl.arange(0, " + block + ")";
  if (!spec.start.empty()) range = start + " + " + range;
  if (spec.lie != Lie::kFlat) {
    if (!spec.start.empty()) range = "(" + range + ")";
    range += spec.lie == Lie::kDown ? "[:, None]" : "[None, :]";
  }
  kernel.Line(dim.index + " = " + range);
  dim.extent = upper;
  if (!spec.always_full && spec.extent % spec.block != 0) {
    dim.mask = kernel.Fresh(spec.name + "_mask");
    kernel.Line(dim.mask + " = " + dim.index + " < " + kernel.Constant(upper, spec.extent));
  }
  return dim;
}

}  // namespace drtriton
