// Candidates are every tile of a table under every way to load, split and multiply; what does not fit is dropped, the
// model orders the rest.  Its figures are fits to runs on an H200, within a fifth where matmul_schedule_test.cc has the
// times; that of the halves is a guess.  The measured time decides in the end.
#include "templates/matmul_schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <utility>

#include "templates/blocks.h"

namespace drtriton {
namespace {

struct Tile {
  int64_t m, n, k;
  int warps, stages;
};

// 16-bit operands: 128 bytes of k a row is what TMA and the tensor cores like best.
constexpr Tile kNarrowTiles[] = {
    {128, 256, 64, 8, 3}, {128, 256, 64, 8, 4}, {256, 128, 64, 8, 3}, {128, 128, 64, 8, 4}, {128, 128, 64, 8, 3},
    {128, 128, 64, 4, 4}, {128, 128, 64, 4, 3}, {128, 64, 64, 4, 4},  {128, 64, 64, 4, 3},  {128, 64, 64, 8, 4},
    {64, 256, 64, 4, 4},  {64, 128, 64, 4, 4},  {64, 128, 64, 4, 3},  {64, 128, 128, 4, 3}, {64, 64, 64, 4, 5},
    {64, 64, 64, 4, 3},   {64, 64, 128, 4, 4},  {64, 32, 128, 4, 4},  {32, 64, 128, 4, 4},  {32, 128, 64, 4, 4},
    {16, 32, 256, 4, 4},  {16, 64, 128, 4, 5},  {16, 128, 128, 8, 4}, {16, 64, 64, 4, 4},   {16, 16, 256, 4, 4},
    {16, 16, 64, 4, 3},   {32, 32, 32, 4, 3},
};
// float32 operands that pass through registers on their way (tf32x3) or not (tf32).
constexpr Tile kWideTiles[] = {
    {128, 256, 32, 8, 3}, {128, 128, 32, 8, 3}, {128, 128, 32, 8, 4}, {128, 128, 32, 4, 4}, {128, 64, 32, 4, 4},
    {128, 64, 32, 8, 4},  {64, 128, 32, 4, 4},  {64, 128, 32, 4, 3},  {64, 128, 32, 8, 4},  {64, 64, 32, 4, 4},
    {64, 64, 64, 4, 3},   {64, 32, 64, 4, 4},   {32, 64, 64, 4, 4},   {32, 32, 64, 4, 4},   {16, 64, 64, 4, 4},
    {16, 32, 128, 4, 4},  {16, 128, 32, 4, 4},  {16, 16, 128, 4, 4},  {32, 64, 32, 4, 3},   {16, 16, 64, 4, 3},
    {32, 32, 32, 4, 3},   {16, 32, 32, 4, 3},
};
// float32 without tensor cores: the loop over a tile's k is unrolled, so that more than this spills.
constexpr Tile kPlainTiles[] = {
    {64, 64, 16, 8, 2}, {32, 64, 32, 4, 2}, {64, 32, 32, 4, 2}, {32, 32, 32, 4, 2},
    {16, 64, 32, 4, 3}, {16, 32, 32, 4, 3}, {16, 16, 32, 4, 2},
};
// Halves: four float16 tiles a step, and a second accumulator for the step's own sum.
constexpr Tile kHalvesTiles[] = {
    {128, 128, 64, 8, 3}, {128, 128, 32, 8, 4}, {128, 64, 32, 4, 4}, {128, 64, 64, 4, 4},
    {128, 64, 32, 8, 4},  {64, 128, 64, 4, 4},  {64, 64, 64, 4, 4},
};
constexpr Tile kVectorTiles[] = {
    {1, 16, 256, 4, 2}, {1, 8, 512, 4, 2},  {1, 4, 1024, 4, 2},
    {1, 16, 512, 8, 2}, {1, 32, 128, 4, 2}, {1, 64, 64, 4, 2},
};
constexpr std::array<int64_t, 6> kSplits = {1, 2, 4, 8, 16, 32};

constexpr int64_t kMaxGridZ = 65535;
constexpr double kL2BytesPerUs = 1.1e7;
constexpr double kStartUs = 4.0;       // from launch to a full pipeline with cold caches, and the last store
constexpr double kLatencyUs = 1.6;     // memory latency under load: decides how many bytes must be in flight
constexpr double kStreamShare = 0.75;  // of the memory's rate, which a loop with products in it reaches
constexpr double kFillUs = 0.4;        // a tile's first loads and its store, where nothing hides them
// Descriptors are encoded for every launch and fetched before the first load; only short kernels notice.
constexpr double kDescriptorsUs = 3.5;
// An operand that is computed passes through registers to shared memory and holds up the products meanwhile.
constexpr double kPrologueFactor = 2.1;

int64_t OperandElementBytes(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  if (schedule.precision == Precision::kHalves) return 4;  // two float16
  if (schedule.precision == Precision::kHalf) return 2;
  return ElementBytes(problem.dtype);
}

int64_t OutputTiles(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  return CeilDiv(problem.m, schedule.block_m) * CeilDiv(problem.n, schedule.block_n) * problem.batch;
}

// Registers a thread: accumulators, operands that are changed on their way to the tensor cores, and the rest.
int64_t Registers(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  const int64_t threads = 32 * schedule.num_warps;
  const int64_t anchors = problem.AnchorCount();
  const int64_t a = schedule.block_m * schedule.block_k / threads;
  const int64_t b = schedule.block_n * schedule.block_k / threads;
  const int64_t accumulator = schedule.block_m * schedule.block_n / threads;
  const int64_t accumulators = anchors * accumulator;
  if (schedule.vector) return anchors * schedule.block_n * schedule.block_k / threads * 2 + 48;
  if (schedule.precision == Precision::kHalves) return accumulators + accumulator + 56;
  int64_t operands = 0;
  // Below 64 rows the older instruction takes both operands from registers.
  if (schedule.precision == Precision::kTf32x3)
    operands = (schedule.block_m < 64 ? 4 : 2) * (a + b * (schedule.block_m < 64 ? anchors : 1));
  if (schedule.precision == Precision::kIeee) operands = a + b * anchors;
  if (!schedule.SplitsOperands() && !problem.a.plain) operands = std::max(operands, 2 * a);
  return accumulators + operands + 64;
}

bool FitsDescriptors(const MatmulProblem& problem, const MatmulSchedule& schedule, const MatmulOperand& operand) {
  if (!operand.matrix) return false;
  // Rows along k of one batch element would run into the next one's where the tile overshoots.
  return !operand.matrix->k_is_row || problem.batch == 1 || problem.k % schedule.block_k == 0;
}

bool FitsLoads(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  if (schedule.SplitsOperands())
    return schedule.descriptors && schedule.block_m >= 64 && problem.k % 8 == 0 && problem.k >= 64;
  if (!schedule.descriptors) return true;
  bool any = FitsDescriptors(problem, schedule, problem.a);
  for (const MatmulAnchor* anchor : problem.Anchors()) any = any || FitsDescriptors(problem, schedule, anchor->b);
  return any && schedule.block_m >= 64;
}

bool FitsSize(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  const int64_t smallest = schedule.vector ? 1 : 16;
  auto too_wide = [&](int64_t block, int64_t size) { return block > std::max(smallest, NextPowerOfTwo(size)); };
  if (too_wide(schedule.block_m, problem.m) || too_wide(schedule.block_n, problem.n)) return false;
  if (too_wide(schedule.block_k, problem.k)) return false;
  return !schedule.vector || (problem.m <= 4 && problem.batch <= kMaxGridZ);
}

bool FitsSplit(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  if (schedule.split_k == 1) return true;
  const int64_t tiles = OutputTiles(problem, schedule);
  return !schedule.persistent && !schedule.vector && tiles < device.multiprocessors &&
         tiles * schedule.split_k <= 4 * device.multiprocessors && problem.k >= 4 * schedule.split_k * schedule.block_k;
}

bool AllByDescriptors(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  if (schedule.SplitsOperands()) return true;
  if (!schedule.descriptors || !FitsDescriptors(problem, schedule, problem.a)) return false;
  const auto anchors = problem.Anchors();
  return std::all_of(anchors.begin(), anchors.end(),
                     [&](const MatmulAnchor* anchor) { return FitsDescriptors(problem, schedule, anchor->b); });
}

// Share of the hardware's rate that a long sum reaches on this tile.
double Efficiency(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  if (schedule.vector) return 0.6;
  const double m = static_cast<double>(schedule.block_m);
  const double n = static_cast<double>(schedule.block_n * problem.AnchorCount());
  const bool tf32x3 = schedule.precision == Precision::kTf32x3;
  // One for 128x256 in 16 bits.  tf32x3 splits every element, A's in registers and B's back to shared memory: 0.7 for
  // 128x128, and tall tiles before wide ones.
  double share = tf32x3 ? 1.14 / (1 + 50 / m + 30 / n) : 1.3 / (1 + 24 * (1 / m + 1 / n));
  if (schedule.block_m < 64) share *= 0.5;  // the older tensor-core instruction
  if (schedule.num_warps == 4 && m * n >= 128 * 128) share *= 0.8;
  // Splitting in registers undoes what descriptors gain.
  if (tf32x3) return schedule.descriptors ? share * 0.92 : share;
  if (schedule.block_m >= 64 && schedule.block_n < 128) share *= 0.9;
  if (schedule.block_m > schedule.block_n) share *= 0.97;
  if (!schedule.descriptors) share *= problem.AnchorCount() > 1 ? 0.8 : 0.85;
  return share;
}

// How much longer a tile takes in a persistent loop, which hides its end: the loop over tiles and k is one, so that
// several accumulators, and operands that are not simply fetched, cost it registers and its pipeline.
double PersistentFactor(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  if (!schedule.persistent) return 1;
  if (!AllByDescriptors(problem, schedule)) return 1.8;
  if (problem.AnchorCount() == 1) return 1.02;
  return schedule.precision == Precision::kTf32x3 ? 1.16 : 1.47;
}

double MatmulRate(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  switch (schedule.precision) {
    case Precision::kNative:
      return schedule.vector ? device.fp32_flops_per_us : device.bf16_flops_per_us;
    case Precision::kTf32:
      return device.tf32_flops_per_us;
    case Precision::kTf32x3:
      return device.tf32_flops_per_us / 3;
    case Precision::kIeee:
      return device.fp32_flops_per_us * 0.6;
    case Precision::kHalves:  // every step waits for its products to add them up
      return device.bf16_flops_per_us / 3 * 0.56;
    case Precision::kHalf:
      return device.bf16_flops_per_us;
  }
  return device.MatmulFlopsPerUs(problem.dtype, problem.tf32_allowed);
}

// Blocks of the main kernel that one multiprocessor holds at once.
int64_t Occupancy(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  const int64_t shared = std::max<int64_t>(SharedBytes(problem, schedule) + 1024, 1);
  const int64_t threads = 32 * schedule.num_warps;
  const int64_t by_registers =
      device.registers_per_multiprocessor / (std::max<int64_t>(Registers(problem, schedule), 32) * threads);
  return std::clamp<int64_t>(std::min({device.shared_bytes_per_block / shared, by_registers, 2048 / threads}), 1, 16);
}

double ComputeUs(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  const int64_t tiles = OutputTiles(problem, schedule) * schedule.split_k;
  const double k = static_cast<double>(CeilDiv(problem.k, schedule.split_k * schedule.block_k) * schedule.block_k);
  const double flops = 2.0 * static_cast<double>(schedule.block_m * schedule.block_n * problem.AnchorCount()) * k;
  const double per_sm = MatmulRate(problem, schedule, device) / device.multiprocessors;
  const double waves = static_cast<double>(CeilDiv(tiles, device.multiprocessors));
  const double scalar_per_sm = device.fp32_flops_per_us / 2 / device.multiprocessors;
  double scalar = 0;
  if (!schedule.SplitsOperands()) {
    scalar += kPrologueFactor * problem.a.scalar_cost * static_cast<double>(schedule.block_m) * k;
    for (const MatmulAnchor* anchor : problem.Anchors())
      scalar += kPrologueFactor * anchor->b.scalar_cost * static_cast<double>(schedule.block_n) * k;
  }
  scalar += problem.epilogue_cost * static_cast<double>(schedule.block_m * schedule.block_n);
  double tile_us = flops / (per_sm * Efficiency(problem, schedule)) + scalar / scalar_per_sm;
  const int64_t together = std::min(Occupancy(problem, schedule, device), CeilDiv(tiles, device.multiprocessors));
  if (!schedule.persistent && together == 1) tile_us += kFillUs;
  return waves * tile_us * PersistentFactor(problem, schedule);
}

double MainBytes(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  double operands = problem.OperandBytes();
  if (schedule.SplitsOperands()) operands *= schedule.precision == Precision::kHalves ? 1.0 : 0.5;
  return operands + (schedule.split_k > 1 ? 0 : problem.epilogue_bytes);
}

// Of all parts of a split K.
double PartialBytes(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  return static_cast<double>(problem.batch * problem.m * problem.n) * 4.0 * problem.AnchorCount() *
         static_cast<double>(schedule.split_k);
}

double MainUs(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  const int64_t tiles = OutputTiles(problem, schedule) * schedule.split_k;
  const double element = static_cast<double>(OperandElementBytes(problem, schedule));
  const int64_t width = schedule.block_n * problem.AnchorCount();
  const double tile_bytes = static_cast<double>(schedule.block_m + width) * element;
  const double l2 = static_cast<double>(tiles) * tile_bytes * static_cast<double>(problem.k) /
                    static_cast<double>(schedule.split_k) / kL2BytesPerUs;
  const int64_t running = std::min(tiles, device.multiprocessors * Occupancy(problem, schedule, device));
  const double stages = schedule.vector ? 1 : std::max(schedule.num_stages - 1, 1);
  const double in_flight = static_cast<double>(running) * stages * tile_bytes * static_cast<double>(schedule.block_k);
  const double share = std::min(1.0, in_flight / (device.memory_bytes_per_us * kLatencyUs));
  const double memory = MainBytes(problem, schedule) / (device.memory_bytes_per_us * share * kStreamShare);
  const double compute = ComputeUs(problem, schedule, device);
  const double longest = std::max({compute, memory, l2});
  double us = longest + 0.04 * (compute + memory + l2 - longest) + kStartUs;
  if (schedule.descriptors) us += kDescriptorsUs;
  // Parts are written at the end, when no product is left to hide it.
  if (schedule.split_k > 1) us += PartialBytes(problem, schedule) / device.memory_bytes_per_us;
  return us;
}

std::vector<Precision> Precisions(const MatmulProblem& problem, const DeviceSpec& device) {
  if (problem.dtype != DType::kFloat32) return {Precision::kNative};
  if (problem.tf32_allowed && problem.convolution && device.split_fp32) {
    return {Precision::kTf32, Precision::kHalf, Precision::kTf32x3};
  }
  if (problem.tf32_allowed && problem.convolution) return {Precision::kTf32, Precision::kHalf, Precision::kIeee};
  if (problem.tf32_allowed) return {Precision::kTf32, Precision::kHalf};
  if (!device.split_fp32) return {Precision::kIeee};
  return {Precision::kTf32x3, Precision::kHalves, Precision::kIeee};
}

void AddTile(const MatmulProblem& problem, const DeviceSpec& device, Precision precision, const Tile& tile, bool vector,
             std::vector<MatmulSchedule>& out) {
  for (int64_t split : kSplits) {
    for (int loads = 0; loads < 3; ++loads) {
      MatmulSchedule schedule{
          .precision = precision, .descriptors = loads > 0, .persistent = loads == 2, .vector = vector};
      schedule.split_k = split;
      schedule.block_m = tile.m, schedule.block_n = tile.n, schedule.block_k = tile.k;
      schedule.num_warps = tile.warps, schedule.num_stages = tile.stages;
      if (!IsValid(problem, schedule, device)) continue;
      schedule.estimated_us = EstimateUs(problem, schedule, device);
      out.push_back(schedule);
    }
  }
}

std::vector<MatmulSchedule> Candidates(const MatmulProblem& problem, const DeviceSpec& device) {
  std::vector<MatmulSchedule> all;
  auto add = [&](Precision precision, const auto& tiles, bool vector) {
    for (const Tile& tile : tiles) AddTile(problem, device, precision, tile, vector, all);
  };
  for (Precision precision : Precisions(problem, device)) {
    if (precision == Precision::kNative || precision == Precision::kHalf) {
      add(precision, kNarrowTiles, false);
    } else if (precision == Precision::kHalves) {
      add(precision, kHalvesTiles, false);
    } else if (precision == Precision::kIeee) {
      add(precision, kPlainTiles, false);
    } else {
      add(precision, kWideTiles, false);
    }
  }
  add(problem.dtype == DType::kFloat32 ? Precision::kIeee : Precision::kNative, kVectorTiles, true);
  return all;
}

// Sizes below every table (k = 3, n = 1): the smallest tile, which is always valid.
MatmulSchedule Smallest(const MatmulProblem& problem, const DeviceSpec& device) {
  MatmulSchedule schedule{.precision = Precisions(problem, device).front()};
  schedule.block_m = std::clamp<int64_t>(NextPowerOfTwo(problem.m), 16, 32);
  schedule.block_n = std::clamp<int64_t>(NextPowerOfTwo(problem.n), 16, problem.AnchorCount() > 2 ? 16 : 32);
  schedule.block_k = std::clamp<int64_t>(NextPowerOfTwo(problem.k), 16, 32);
  schedule.num_stages = 2;
  schedule.estimated_us = EstimateUs(problem, schedule, device);
  return schedule;
}

}  // namespace

std::string Kind(const MatmulSchedule& schedule) {
  std::string text = ShortName(schedule.precision);
  text += schedule.vector ? ", vector" : schedule.descriptors ? ", TMA" : ", pointers";
  if (schedule.persistent) text += ", persistent";
  return text + (schedule.split_k > 1 ? ", split K" : "");
}

std::string Describe(const MatmulSchedule& schedule) {
  std::string text = Kind(schedule);
  if (schedule.split_k > 1) text += " in " + std::to_string(schedule.split_k);
  text += ", " + std::to_string(schedule.block_m) + "x" + std::to_string(schedule.block_n) + "x" +
          std::to_string(schedule.block_k);
  return text + ", " + std::to_string(schedule.num_warps) + " warps, " + std::to_string(schedule.num_stages) +
         " stages";
}

int64_t SharedBytes(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  if (schedule.vector) return 1024;
  const int64_t element = OperandElementBytes(problem, schedule);
  const int64_t stage = (schedule.block_m + schedule.block_n * problem.AnchorCount()) * schedule.block_k * element;
  int64_t bytes = stage * schedule.num_stages + 64;
  // The store converts the accumulators' layout through shared memory; a persistent loop keeps its pipeline meanwhile.
  const int64_t conversion = schedule.block_m * schedule.block_n * problem.result_bytes;
  return schedule.persistent ? bytes + conversion : std::max(bytes, conversion);
}

bool IsValid(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  if (schedule.vector && (schedule.descriptors || schedule.split_k > 1)) return false;
  if (!FitsSize(problem, schedule) || !FitsLoads(problem, schedule) || !FitsSplit(problem, schedule, device))
    return false;
  if (schedule.persistent && OutputTiles(problem, schedule) < 2 * device.multiprocessors) return false;
  if (schedule.precision == Precision::kIeee && schedule.descriptors) return false;
  return SharedBytes(problem, schedule) <= device.shared_bytes_per_block && Registers(problem, schedule) <= 255;
}

double RewriteUs(const MatmulOperand& operand, int64_t elements, const MatmulSchedule& schedule,
                 const DeviceSpec& device) {
  const double written = static_cast<double>(elements) * (schedule.precision == Precision::kHalves ? 4.0 : 2.0);
  return 1.15 * (operand.bytes + written) / device.memory_bytes_per_us + 1.0;
}

double SumUs(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  const double bytes = PartialBytes(problem, schedule) + problem.epilogue_bytes;
  return bytes / device.memory_bytes_per_us + kStartUs;
}

double EstimateUs(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  double us = MainUs(problem, schedule, device);
  if (schedule.split_k > 1) us += SumUs(problem, schedule, device) + device.launch_us;
  if (schedule.SplitsOperands()) {
    us += RewriteUs(problem.a, problem.batch * problem.m * problem.k, schedule, device) + device.launch_us;
    for (const MatmulAnchor* anchor : problem.Anchors()) {
      us += RewriteUs(anchor->b, problem.batch * problem.n * problem.k, schedule, device) + device.launch_us;
    }
  }
  return us;
}

std::vector<MatmulSchedule> MatmulSchedules(const MatmulProblem& problem, const DeviceSpec& device, int max_count) {
  std::vector<MatmulSchedule> all = Candidates(problem, device);
  if (all.empty()) all.push_back(Smallest(problem, device));
  std::stable_sort(all.begin(), all.end(),
                   [](const MatmulSchedule& a, const MatmulSchedule& b) { return a.estimated_us < b.estimated_us; });
  std::map<std::string, int> taken;
  std::map<std::pair<int64_t, int64_t>, int> taken_tiles;
  std::vector<MatmulSchedule> chosen;
  size_t halves = 0;
  while (!all.empty() && static_cast<int>(chosen.size()) < std::max(max_count, 1)) {
    // Halves promise most and are the least certain: every third place, three of the first eight.
    const bool enough = 8 * (halves + 1) > 3 * (chosen.size() + 1);
    auto handicapped = [&](const MatmulSchedule& s) {
      const bool late = enough && s.precision == Precision::kHalves;
      const double repeats = 0.06 * taken[Kind(s)] + 0.02 * taken_tiles[{s.block_m, s.block_n}];
      return s.estimated_us * (1 + repeats) * (late ? 1e9 : 1.0);
    };
    auto best = std::min_element(all.begin(), all.end(), [&](const MatmulSchedule& a, const MatmulSchedule& b) {
      return handicapped(a) < handicapped(b);
    });
    ++taken[Kind(*best)];
    ++taken_tiles[{best->block_m, best->block_n}];
    if (best->precision == Precision::kHalves) ++halves;
    chosen.push_back(*best);
    all.erase(best);
  }
  return chosen;
}

}  // namespace drtriton
