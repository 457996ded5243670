// Which ways a convolution can be carried out as a product, and a model that orders them.  Its figures are estimates;
// the measured time decides.  Tested by convolution_test.cc.
#include "templates/implicit_gemm.h"

#include <algorithm>
#include <map>

#include "templates/blocks.h"
#include "templates/layout.h"

namespace drtriton {
namespace {

struct Tile {
  int64_t m, n, k;
  int warps, stages;
};

constexpr Tile kNarrowTiles[] = {
    {128, 256, 64, 8, 3}, {256, 128, 64, 8, 3}, {128, 128, 64, 8, 3}, {128, 128, 64, 4, 3}, {128, 128, 32, 4, 4}, {256, 64, 64, 8, 3},
    {128, 64, 64, 4, 3},  {128, 64, 32, 4, 4},  {64, 128, 64, 4, 3},  {64, 64, 64, 4, 4},   {64, 64, 32, 4, 4},   {128, 32, 64, 4, 3},
    {128, 32, 32, 4, 4},  {128, 16, 32, 4, 4},  {64, 32, 64, 4, 4},   {32, 128, 64, 4, 3},  {32, 64, 64, 4, 4},   {16, 64, 64, 4, 4},
    {32, 32, 32, 4, 3},   {16, 32, 32, 4, 3},   {64, 16, 16, 4, 3},   {16, 16, 32, 4, 3},   {16, 16, 16, 4, 3},
};
constexpr Tile kWideTiles[] = {
    {128, 128, 32, 8, 3}, {128, 128, 32, 4, 3}, {256, 64, 32, 8, 3}, {128, 64, 32, 4, 3}, {128, 64, 32, 8, 4}, {64, 128, 32, 4, 3},
    {64, 64, 32, 4, 4},   {128, 32, 32, 4, 4},  {128, 16, 32, 4, 4}, {64, 32, 32, 4, 4},  {32, 128, 32, 4, 3}, {32, 64, 32, 4, 4},
    {16, 64, 32, 4, 4},   {64, 64, 16, 4, 4},   {32, 32, 32, 4, 3},  {16, 32, 32, 4, 3},  {64, 16, 16, 4, 3},  {16, 16, 32, 4, 3},
    {16, 16, 16, 4, 3},
};
constexpr Tile kPlainTiles[] = {{64, 64, 16, 8, 2}, {64, 32, 16, 4, 2}, {32, 64, 16, 4, 2}, {32, 32, 16, 4, 2}, {32, 16, 16, 4, 2}, {16, 16, 16, 4, 2}};

constexpr int64_t kFewestProducts = 16;   // of a sum, for tensor cores to be worth it
constexpr int64_t kFewestChannels = 8;    // of the result, likewise
constexpr double kStartUs = 4.0;
constexpr double kLaneUs = 4.7e-5;        // one lane's load with its address, a multiprocessor

int64_t PositionsOfPhase(const WindowProblem& problem) {
  int64_t count = problem.images;
  for (size_t i = 0; i < problem.window().dims.size(); ++i) count *= WalkOf(problem.window(), i).positions;
  return count;
}

int64_t Phases(const WindowProblem& problem) {
  int64_t count = 1;
  for (size_t i = 0; i < problem.window().dims.size(); ++i) count *= WalkOf(problem.window(), i).phases;
  return count;
}

int64_t Registers(const GemmSchedule& schedule) {
  const int64_t threads = 32 * schedule.num_warps;
  const int64_t operands = (schedule.block_m + schedule.block_n) * schedule.block_k / threads;
  const int64_t factor = schedule.precision == Precision::kTf32x3 ? 2 : schedule.precision == Precision::kNative ? 0 : 1;
  return schedule.block_m * schedule.block_n / threads + factor * operands + 64;
}

bool IsValid(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device) {
  auto too_wide = [](int64_t block, int64_t size) { return block > std::max<int64_t>(16, NextPowerOfTwo(size)); };
  const int64_t k = schedule.flat ? problem.SumLength() : problem.in_channels;
  if (too_wide(schedule.block_m, PositionsOfPhase(problem)) || too_wide(schedule.block_n, problem.out_channels)) return false;
  if (too_wide(schedule.block_k, k)) return false;
  const int64_t shared = (schedule.block_m + schedule.block_n) * schedule.block_k * ElementBytes(problem.dtype) * schedule.num_stages;
  return shared <= device.shared_bytes_per_block && Registers(schedule) <= 255;
}

double Rate(const GemmSchedule& schedule, const DeviceSpec& device) {
  switch (schedule.precision) {
    case Precision::kNative: return device.bf16_flops_per_us;
    case Precision::kTf32: return device.tf32_flops_per_us;
    case Precision::kTf32x3: return device.tf32_flops_per_us / 3;
    default: return device.fp32_flops_per_us * 0.6;
  }
}

// Lanes' worth of loads for one element: vectors of 16 bytes where elements lie next to each other along k.
double InputLanes(const WindowProblem& problem, const GemmSchedule& schedule) {
  const double vector = 16.0 / static_cast<double>(ElementBytes(problem.dtype));
  const auto plain = PlainImage(problem);
  const bool along_k = schedule.pack_input || (plain && plain->channel == 1);
  const bool whole = problem.in_channels % static_cast<int64_t>(vector) == 0;
  if (along_k && !schedule.flat) return whole ? 1 / vector : 1;
  const double narrow = ElementBytes(problem.dtype) < 4 ? 2 : 1;   // too narrow for asynchronous copies
  const bool along_w = plain && plain->space.back() == 1 && WalkOf(problem.window(), problem.window().dims.size() - 1).stride == 1;
  return narrow * (along_w ? 1 : 2) * (schedule.flat ? 1.5 : 1);
}

double WeightLanes(const WindowProblem& problem, const GemmSchedule& schedule) {
  const double vector = 16.0 / static_cast<double>(ElementBytes(problem.dtype));
  const auto plain = PlainWeight(problem);
  const bool along_k = schedule.pack_weight || (plain && plain->in == 1) || schedule.flat;
  if (along_k) return problem.in_channels % static_cast<int64_t>(vector) == 0 ? 1 / vector : 1;
  return ElementBytes(problem.dtype) < 4 ? 3 : 1.5;
}

double TileUs(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device) {
  const double m = static_cast<double>(schedule.block_m), n = static_cast<double>(schedule.block_n), k = static_cast<double>(schedule.block_k);
  double taps = problem.Flops() / 2 / static_cast<double>(problem.positions * problem.groups * problem.out_channels * problem.in_channels);
  const double steps = schedule.flat ? static_cast<double>(CeilDiv(problem.SumLength(), schedule.block_k))
                                     : taps * static_cast<double>(CeilDiv(problem.in_channels, schedule.block_k));
  double share = 0.7 * 1.3 / (1 + 24 * (1 / m + 1 / n));
  if ((schedule.positions_first ? schedule.block_m : schedule.block_n) < 64) share *= 0.5;   // the older instruction
  if (schedule.num_warps == 4 && m * n >= 128 * 128) share *= 0.8;
  // TF32 wants its right operand along k: what lies along positions goes through registers.
  if (!schedule.positions_first && schedule.precision != Precision::kNative) share *= 0.6;
  const double products = 2 * m * n * k / (Rate(schedule, device) / device.multiprocessors * share);
  double loads = kLaneUs * (m * k * InputLanes(problem, schedule) + n * k * WeightLanes(problem, schedule));
  const double scalar = device.fp32_flops_per_us / 2 / device.multiprocessors;
  if (!schedule.pack_input) loads += 2 * problem.prologue_cost * m * k / scalar;
  return steps * (std::max(products, loads) + 0.3 * std::min(products, loads)) + problem.epilogue_cost * m * n / scalar + 0.4;
}

double EstimateUs(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device) {
  const int64_t tiles = CeilDiv(PositionsOfPhase(problem), schedule.block_m) * CeilDiv(problem.out_channels, schedule.block_n) *
                        problem.groups * Phases(problem);
  const double compute = static_cast<double>(CeilDiv(tiles, device.multiprocessors)) * TileUs(problem, schedule, device);
  const double memory = (problem.input_bytes + problem.weight_bytes + problem.epilogue_bytes) / (0.75 * device.memory_bytes_per_us);
  double us = kStartUs + std::max(compute, memory) + 0.1 * std::min(compute, memory);
  if (schedule.pack_input) us += PackImageUs(problem, device) + device.launch_us;
  if (schedule.pack_weight) us += PackWeightUs(problem, device) + device.launch_us;
  return us;
}

std::vector<Precision> Precisions(const WindowProblem& problem, const DeviceSpec& device) {
  if (problem.dtype != DType::kFloat32) return {Precision::kNative};
  // cuDNN need not use TF32 where it may: what is as accurate as float32 stays among the candidates.
  std::vector<Precision> precisions;
  if (problem.lowered->ConvolutionsMayUseTf32()) precisions.push_back(Precision::kTf32);
  if (device.split_fp32) precisions.push_back(Precision::kTf32x3);
  precisions.push_back(Precision::kIeee);
  return precisions;
}

// Every way to load under which a tile can be used.
std::vector<GemmSchedule> Ways(const WindowProblem& problem, Precision precision) {
  const Window& window = problem.window();
  const auto image = PlainImage(problem);
  const auto weight = PlainWeight(problem);
  const bool many_taps = window.TapCount() > 1, few_channels = problem.in_channels < 16;
  std::vector<GemmSchedule> ways;
  for (bool positions_first : {true, false}) {
    for (bool pack_input : {false, true}) {
      for (bool pack_weight : {false, true}) {
        for (bool flat : {false, true}) {
          if (flat && (window.transposed || !few_channels || !many_taps)) continue;
          if (!flat && few_channels && !window.transposed && many_taps) continue;
          if (pack_input && (flat || (image && image->channel == 1 && image->space.size() == 1))) continue;
          if (!pack_weight && !weight) continue;
          if (pack_weight && weight && (flat || !many_taps || weight->in == 1)) continue;
          ways.push_back({.precision = precision, .positions_first = positions_first, .pack_input = pack_input,
                          .pack_weight = pack_weight, .flat = flat});
        }
      }
    }
  }
  return ways;
}

void AddTiles(const WindowProblem& problem, const DeviceSpec& device, const GemmSchedule& way, std::vector<GemmSchedule>& out) {
  auto add = [&](const auto& tiles) {
    for (const Tile& tile : tiles) {
      GemmSchedule schedule = way;
      schedule.block_m = tile.m, schedule.block_n = tile.n, schedule.block_k = tile.k;
      schedule.num_warps = tile.warps, schedule.num_stages = tile.stages;
      if (!IsValid(problem, schedule, device)) continue;
      schedule.estimated_us = EstimateUs(problem, schedule, device);
      out.push_back(schedule);
    }
  };
  if (way.precision == Precision::kNative) return add(kNarrowTiles);
  if (way.precision == Precision::kIeee) return add(kPlainTiles);
  add(kWideTiles);
}

std::optional<int64_t> SingleStride(const Lowered& lowered, const Access& access, const AxisList& axes) {
  if (RunCount(lowered, access, axes) > 1) return std::nullopt;
  return axes.empty() ? 0 : StrideOf(access, axes.back());
}

}  // namespace

std::optional<ImageView> PlainImage(const WindowProblem& problem) {
  if (!problem.plain_input) return std::nullopt;
  const Window& window = problem.window();
  const Access& access = problem.lowered->node(problem.input).access;
  auto stride = [&](const AxisList& axes) { return SingleStride(*problem.lowered, access, axes); };
  const auto image = stride(window.in_batch), group = stride(window.in_groups), channel = stride(window.in_channels);
  if (!image || !group || !channel) return std::nullopt;
  ImageView view{.tensor = access.tensor, .offset = access.offset, .image = *image, .group = *group, .channel = *channel};
  for (const AxisList& axes : window.in_space) {
    const auto along = stride(axes);
    if (!along) return std::nullopt;
    view.space.push_back(*along);
    view.shift.push_back(0);
  }
  return view;
}

std::optional<WeightView> PlainWeight(const WindowProblem& problem) {
  if (!problem.plain_weight) return std::nullopt;
  const Window& window = problem.window();
  const Access& access = problem.lowered->node(problem.weight).access;
  auto stride = [&](const AxisList& axes) { return SingleStride(*problem.lowered, access, axes); };
  const auto group = stride(window.weight_groups), out = stride(window.weight_out), in = stride(window.weight_in);
  if (!group || !out || !in) return std::nullopt;
  WeightView view{.tensor = access.tensor, .offset = access.offset, .group = *group, .out = *out, .in = *in};
  for (const AxisList& axes : window.taps) {
    const auto along = stride(axes);
    if (!along) return std::nullopt;
    view.taps.push_back(*along);
  }
  return view;
}

std::string Kind(const GemmSchedule& schedule) {
  std::string text = ShortName(schedule.precision);
  text += schedule.positions_first ? ", positions first" : ", channels first";
  if (schedule.pack_input) text += ", packed input";
  if (schedule.pack_weight) text += ", packed weight";
  return text + (schedule.flat ? ", flat" : "");
}

std::string Describe(const GemmSchedule& schedule) {
  return Kind(schedule) + ", " + std::to_string(schedule.block_m) + "x" + std::to_string(schedule.block_n) + "x" +
         std::to_string(schedule.block_k) + ", " + std::to_string(schedule.num_warps) + " warps, " +
         std::to_string(schedule.num_stages) + " stages";
}

int64_t PackedSize(const Window& window, size_t dim) {
  const WindowWalk walk = WalkOf(window, dim);
  return walk.Highest() - walk.Lowest() + 1;
}

double PackImageUs(const WindowProblem& problem, const DeviceSpec& device) {
  double packed = static_cast<double>(problem.images * problem.groups * problem.in_channels * ElementBytes(problem.dtype));
  for (size_t i = 0; i < problem.window().dims.size(); ++i) packed *= static_cast<double>(PackedSize(problem.window(), i));
  return 1.3 * (problem.input_bytes + packed) / device.memory_bytes_per_us + 1.5;
}

double PackWeightUs(const WindowProblem& problem, const DeviceSpec& device) {
  return 3 * problem.weight_bytes / device.memory_bytes_per_us + 1.5;
}

std::vector<GemmSchedule> GemmSchedules(const WindowProblem& problem, const DeviceSpec& device, int max_count) {
  if (problem.dtype == DType::kFloat64 || problem.SumLength() < kFewestProducts || problem.out_channels < kFewestChannels) return {};
  if (problem.window().transposed && problem.in_channels < 8) return {};
  std::vector<GemmSchedule> all;
  for (Precision precision : Precisions(problem, device)) {
    for (const GemmSchedule& way : Ways(problem, precision)) AddTiles(problem, device, way, all);
  }
  std::map<std::string, int> taken;
  std::vector<GemmSchedule> chosen;
  while (!all.empty() && static_cast<int>(chosen.size()) < max_count) {
    // The last place is for one that is as accurate as float32, should PyTorch turn out not to use TF32 here.
    const bool last = static_cast<int>(chosen.size()) == max_count - 1 && max_count > 1;
    const bool exact = last && std::all_of(chosen.begin(), chosen.end(), [](const GemmSchedule& s) { return s.precision == Precision::kTf32; });
    auto handicapped = [&](const GemmSchedule& s) {
      return s.estimated_us * (1 + 0.1 * taken[Kind(s)]) * (exact && s.precision == Precision::kTf32 ? 1e9 : 1.0);
    };
    auto best = std::min_element(all.begin(), all.end(), [&](const GemmSchedule& a, const GemmSchedule& b) { return handicapped(a) < handicapped(b); });
    ++taken[Kind(*best)];
    chosen.push_back(*best);
    all.erase(best);
  }
  return chosen;
}

}  // namespace drtriton
