// Enumerates and prices the row family's schedules.  See row.h.
#include <algorithm>
#include <cmath>

#include "templates/blocks.h"
#include "templates/cost.h"
#include "templates/layout.h"
#include "templates/row.h"
#include "templates/row_passes.h"

namespace drtriton {
namespace {

constexpr int64_t kLargestTile = 32768;       // elements that a program keeps in registers
constexpr int64_t kLargestRow = 65536;        // of one row; registers of lanes beyond its end are never made
constexpr int64_t kRegisterElements = 49152;  // live float32 elements up to which compilers spill nothing
constexpr double kCachedShare = 0.35;         // time of a pass that hits the L2 cache, over one from memory
constexpr int64_t kMostSplits = 256;
constexpr int kResidentWarps = 48;            // of a multiprocessor, with the registers that a loop takes

class Enumerator {
 public:
  Enumerator(const Lowered& lowered, const RowProblem& problem, const DeviceSpec& device)
      : lowered_(lowered), problem_(problem), device_(device), rows_(problem.row_count), columns_(problem.column_count),
        passes_(PlanPasses(lowered, problem, true).size()) {}

  std::vector<RowSchedule> Run() {
    AddWhole();
    AddLooped();
    AddSplit();
    std::stable_sort(schedules_.begin(), schedules_.end(),
                     [](const auto& a, const auto& b) { return a.estimated_us < b.estimated_us; });
    return schedules_;
  }

 private:
  void AddWhole() {
    int64_t block_n = NextPowerOfTwo(columns_);
    if (block_n > kLargestRow) return;
    int64_t most_rows = NextPowerOfTwo(rows_);
    for (int64_t block_m = 1; block_m <= 128 && block_m <= most_rows; block_m *= 2) {
      int64_t tile = block_m * block_n;
      if (tile > kLargestTile && block_m > 1) break;
      if (tile < 256 && block_m < most_rows && block_m < 128) continue;   // too little work a program
      for (int warps : {1, 2, 4, 8, 16, 32}) {
        int64_t per_thread = tile / (32 * warps);
        int64_t live = block_m * columns_ / (32 * warps);
        if ((per_thread < 4 && warps > 1) || live > (tile > kLargestTile ? 80 : 64)) continue;
        Price({RowWay::kWhole, block_m, block_n, 1, 0, warps, 1});
      }
    }
  }

  // Steps of a loop: wide along columns, or along the rows where those are contiguous.
  std::vector<std::pair<int64_t, int64_t>> Steps() const {
    std::vector<std::pair<int64_t, int64_t>> steps;
    std::vector<std::pair<int64_t, int64_t>> wanted = {{1, 4096}, {1, 8192}, {1, 2048}, {1, 1024}, {4, 1024}, {8, 256}};
    if (problem_.strided) wanted = {{32, 128}, {32, 64}, {64, 32}, {128, 16}, {128, 32}, {16, 64}};
    for (auto [block_m, block_n] : wanted) {
      block_m = std::min(block_m, NextPowerOfTwo(rows_));
      block_n = std::min(block_n, NextPowerOfTwo(columns_));
      if (std::find(steps.begin(), steps.end(), std::pair{block_m, block_n}) == steps.end()) steps.emplace_back(block_m, block_n);
    }
    return steps;
  }

  void AddLooped() {
    for (auto [block_m, block_n] : Steps()) {
      if (block_n >= columns_) continue;
      for (int warps : {4, 8, 16, 32}) {
        int64_t per_thread = block_m * block_n / (32 * warps);
        if (per_thread < (warps == 32 ? 4 : 2) || per_thread > 32) continue;
        Price({RowWay::kLooped, block_m, block_n, 1, 0, warps, 3});
      }
    }
  }

  void AddSplit() {
    for (auto [block_m, block_n] : Steps()) {
      int64_t row_blocks = CeilDiv(rows_, block_m);
      if (row_blocks >= 2 * device_.multiprocessors) continue;
      for (int64_t target : {2 * device_.multiprocessors, 4 * device_.multiprocessors}) {
        int64_t splits = std::min(NextPowerOfTwo(CeilDiv(target, row_blocks)), kMostSplits);
        while (splits > 1 && CeilDiv(columns_, splits) < block_n) splits /= 2;
        if (splits == 1) continue;
        int64_t part = CeilDiv(CeilDiv(columns_, splits), block_n) * block_n;
        int warps = block_m * block_n >= 4096 ? 8 : 4;
        Price({RowWay::kSplit, block_m, block_n, splits, part, warps, 3});
      }
    }
  }

  // Walks along the rows, those that find them in the L2 cache counted in part.
  double Passes(const RowSchedule& schedule) const {
    if (schedule.way == RowWay::kWhole) return 1;
    double working_set = problem_.row_bytes * static_cast<double>(rows_);
    if (schedule.way == RowWay::kLooped) {
      int64_t programs = kResidentWarps / schedule.num_warps * device_.multiprocessors;
      working_set = std::min(working_set, problem_.row_bytes * static_cast<double>(programs * schedule.block_m));
    }
    double again = working_set < 0.7 * static_cast<double>(device_.l2_bytes) ? kCachedShare : 1.0;
    return 1 + (static_cast<double>(passes_) - 1) * again;
  }

  void Price(RowSchedule schedule) {
    bool already = std::any_of(schedules_.begin(), schedules_.end(), [&](const RowSchedule& other) {
      return other.way == schedule.way && other.block_m == schedule.block_m && other.block_n == schedule.block_n &&
             other.splits == schedule.splits && other.num_warps == schedule.num_warps;
    });
    if (already) return;
    KernelCost cost;
    cost.bytes = problem_.load_bytes * Passes(schedule) + problem_.store_bytes;
    cost.bytes *= SectorWaste(schedule);
    cost.flops = ScalarFlops(lowered_) * Passes(schedule);
    cost.num_warps = schedule.num_warps;
    cost.programs = CeilDiv(rows_, schedule.block_m) * schedule.splits;
    double tile_bytes = problem_.row_bytes / static_cast<double>(columns_) * static_cast<double>(schedule.block_m * schedule.block_n);
    cost.bytes_per_program_in_flight = tile_bytes * (problem_.strided ? 2 : 1);
    double padding = schedule.way == RowWay::kWhole ? static_cast<double>(schedule.block_n) / static_cast<double>(columns_) : 1;
    double time = EstimateUs(cost, device_) * (1 + 0.1 * (padding - 1));
    if (schedule.way == RowWay::kSplit) {   // further kernels: a ramp and a gap each
      double kernels = static_cast<double>(passes_) + (problem_.row_stores.empty() ? 0 : 1);
      time += (kernels - 1) * (1.5 + device_.launch_us);
    }
    time *= 1 + ReductionShare(schedule);
    schedule.estimated_us = time;
    schedules_.push_back(schedule);
  }

  // Bytes fetched over bytes used: memory is read in sectors of 32 bytes, and well in lines of 128.
  double SectorWaste(const RowSchedule& schedule) const {
    int64_t length = problem_.strided ? schedule.block_m : schedule.block_n;
    if (length >= (problem_.strided ? rows_ : columns_)) return 1;
    double element = problem_.row_bytes / static_cast<double>(std::max<int64_t>(1, columns_));
    double run_bytes = std::min(element, 4.0) * static_cast<double>(length);
    return run_bytes >= 128 ? 1 : run_bytes >= 64 ? 1.15 : run_bytes >= 32 ? 1.5 : 3;
  }

  // Crossing warps costs a round through shared memory for each level, once a row: more for many warps on few elements.
  double ReductionShare(const RowSchedule& schedule) const {
    int64_t tile = schedule.block_m * schedule.block_n;
    double per_thread = static_cast<double>(tile) / (32.0 * schedule.num_warps);
    double across = schedule.block_m < schedule.num_warps ? 0.04 * std::log2(static_cast<double>(schedule.num_warps)) : 0.0;
    if (schedule.way != RowWay::kWhole) return StepShare(schedule, per_thread) + across * StepsShare(schedule) + OnlineShare(schedule);
    double pressure = per_thread > 16 ? std::min(0.05, 0.01 * (per_thread - 16)) : 0;
    if (tile > kLargestTile) pressure += 0.01 * static_cast<double>(std::max<int64_t>(0, columns_ - kRegisterElements)) / 1024;
    return across + pressure + (per_thread < 4 ? 0.1 : 0.0);
  }

  // Rescaling sums lengthens each step of a pass that finds a maximum and exponentials together.
  double OnlineShare(const RowSchedule& schedule) const {
    if (!FindOnlinePair(lowered_, problem_, 0)) return 0;
    double reading = problem_.load_bytes / (problem_.load_bytes + problem_.store_bytes);
    return (schedule.block_m > 1 ? 0.6 : 0.25) * reading;
  }

  // Columns of a step over columns of a program.
  double StepsShare(const RowSchedule& schedule) const {
    int64_t length = schedule.way == RowWay::kSplit ? schedule.part : columns_;
    return static_cast<double>(schedule.block_n) / static_cast<double>(length);
  }

  // What the loop itself costs: steps with few loads in flight, or, where a step gathers along the rows, with too many.
  double StepShare(const RowSchedule& schedule, double per_thread) const {
    if (problem_.strided) return per_thread > 8 ? 0.1 : 0.0;
    return per_thread < 8 ? 0.05 : per_thread < 16 ? 0.02 : per_thread > 16 ? 0.03 : schedule.block_m > 1 ? 0.03 : 0.0;
  }

  const Lowered& lowered_;
  const RowProblem& problem_;
  const DeviceSpec& device_;
  int64_t rows_, columns_;
  size_t passes_;   // of the looped and split ways
  std::vector<RowSchedule> schedules_;
};

}  // namespace

std::vector<RowSchedule> RowSchedules(const Lowered& lowered, const RowProblem& problem, const DeviceSpec& device) {
  return Enumerator(lowered, problem, device).Run();
}

}  // namespace drtriton
