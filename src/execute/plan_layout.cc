#include "execute/plan_layout.h"

#include "base/error.h"
#include "execute/float_bits.h"

namespace drtriton {
namespace {

constexpr int64_t kAlignment = 256;
constexpr int64_t kShareUnit = int64_t{2} << 20;

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// Reserves `bytes` at the end of the layout.
PlanLayout::Range Take(PlanLayout* layout, int64_t bytes) {
  const PlanLayout::Range range{RoundUp(layout->bytes, kAlignment), bytes};
  layout->bytes = range.offset + bytes;
  return range;
}

int64_t Programs(const LaunchStep& step, const KernelImage& kernel) {
  return step.grid[0] * step.grid[1] * step.grid[2] * kernel.num_ctas;
}

// Elements lie side by side in row-major order.
bool IsDense(const TensorView& view) { return IsContiguous(view.shape, view.strides); }

bool Overlap(const TensorView& a, const TensorView& b) {
  if (a.buffer != b.buffer) return false;
  const int64_t a_begin = a.offset * ElementBytes(a.dtype), b_begin = b.offset * ElementBytes(b.dtype);
  const int64_t a_end = a_begin + StorageExtent(a.shape, a.strides) * ElementBytes(a.dtype);
  const int64_t b_end = b_begin + StorageExtent(b.shape, b.strides) * ElementBytes(b.dtype);
  return a_begin < b_end && b_begin < a_end;
}

bool IsSimpleCopy(const CopyStep& copy) {
  return copy.source.dtype == copy.target.dtype && copy.source.shape == copy.target.shape && IsDense(copy.source) &&
         IsDense(copy.target) && !Overlap(copy.source, copy.target);
}

bool IsSimpleFill(const FillStep& fill) {
  if (!IsDense(fill.target) || !fill.value.IsNumber() || ElementBytes(fill.target.dtype) > 8) return false;
  if (fill.target.dtype == DType::kComplex64) return false;
  if (ElementBytes(fill.target.dtype) < 8) return true;
  const uint64_t pattern = FillPattern(fill.value, fill.target.dtype);   // the driver sets at most 32 bits at a time
  return (pattern >> 32) == (pattern & 0xffffffffu);
}

}  // namespace

uint64_t FillPattern(const Attr& value, DType dtype) {
  switch (dtype) {
    case DType::kFloat16: return Float16Bits(value.AsDouble());
    case DType::kBFloat16: return BFloat16Bits(value.AsDouble());
    case DType::kFloat32: return Float32Bits(value.AsDouble());
    case DType::kFloat64: return Float64Bits(value.AsDouble());
    case DType::kBool: return value.AsDouble() != 0 ? 1 : 0;
    default: break;
  }
  const int64_t integer = value.Is<double>() ? static_cast<int64_t>(value.AsDouble()) : value.AsInt();
  const int64_t bits = ElementBytes(dtype) * 8;
  return bits == 64 ? static_cast<uint64_t>(integer) : static_cast<uint64_t>(integer) & ((uint64_t{1} << bits) - 1);
}

PlanLayout LayOut(const LaunchPlan& plan) {
  PlanLayout layout;
  layout.red_zones.push_back(Take(&layout, kRedZoneBytes));
  for (const Buffer& buffer : plan.buffers) {
    const auto range = Take(&layout, buffer.bytes);
    layout.buffers.push_back(range);
    const int64_t end = range.offset + range.bytes;
    const int64_t next = RoundUp(end, kAlignment) + kRedZoneBytes;
    layout.red_zones.push_back({end, next - end});
    layout.bytes = next;
  }
  for (const PlanStep& step : plan.steps) {
    const auto* launch = std::get_if<LaunchStep>(&step);
    const KernelImage* kernel = launch ? &plan.kernels.at(static_cast<size_t>(launch->kernel)) : nullptr;
    layout.global_scratch.push_back(Take(&layout, launch ? Programs(*launch, *kernel) * kernel->global_scratch_bytes : 0));
    layout.profile_scratch.push_back(Take(&layout, launch ? Programs(*launch, *kernel) * kernel->profile_scratch_bytes : 0));
  }
  layout.bytes = RoundUp(layout.bytes, kShareUnit);
  return layout;
}

bool RunnerCarriesOut(const PlanStep& step) {
  if (std::holds_alternative<LaunchStep>(step)) return true;
  if (const auto* copy = std::get_if<CopyStep>(&step)) return IsSimpleCopy(*copy);
  if (const auto* fill = std::get_if<FillStep>(&step)) return IsSimpleFill(*fill);
  return false;
}

std::vector<PlanSegment> Segments(const LaunchPlan& plan) {
  std::vector<PlanSegment> segments;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const bool in_runner = RunnerCarriesOut(plan.steps[i]);
    if (segments.empty() || segments.back().in_runner != in_runner) segments.push_back({i, i, in_runner, false});
    segments.back().last = i + 1;
    if (std::holds_alternative<LaunchStep>(plan.steps[i])) segments.back().has_launches = true;
  }
  return segments;
}

}  // namespace drtriton
