// The scan family's problem and schedules, and the family itself.  See scan.h.
#include "templates/scan.h"

#include <algorithm>

#include "templates/blocks.h"
#include "templates/cost.h"
#include "templates/family.h"
#include "templates/layout.h"

namespace drtriton {
namespace {

constexpr int64_t kLargestRow = 16384;      // that a program keeps in registers
constexpr int64_t kLargestTile = 8192;      // of several rows
constexpr int64_t kMostSplits = 256;
constexpr double kScanFlops = 24;           // float32 instructions' worth of one element's share of a scan

bool SameSet(const AxisList& a, const AxisList& b) { return a.size() == b.size() && Without(a, b).empty(); }

const Access& Largest(const Lowered& lowered) {
  const std::vector<const Access*> all = AllAccesses(lowered);
  return **std::max_element(all.begin(), all.end(), [&](const Access* a, const Access* b) {
    return AccessBytes(lowered, *a) < AccessBytes(lowered, *b);
  });
}

class Enumerator {
 public:
  Enumerator(const Lowered& lowered, const ScanProblem& problem, const DeviceSpec& device)
      : lowered_(lowered), problem_(problem), device_(device), rows_(problem.row_count), columns_(problem.column_count) {}

  std::vector<ScanSchedule> Run() {
    AddWhole();
    for (auto [block_m, block_n] : Tiles()) AddWalks(std::min(block_m, NextPowerOfTwo(rows_)), block_n);
    std::stable_sort(schedules_.begin(), schedules_.end(),
                     [](const auto& a, const auto& b) { return a.estimated_us < b.estimated_us; });
    return schedules_;
  }

 private:
  void AddWhole() {
    int64_t block_n = NextPowerOfTwo(columns_);
    if (block_n > kLargestRow) return;
    for (int64_t block_m = 1; block_m <= 128 && block_m <= NextPowerOfTwo(rows_); block_m *= 2) {
      int64_t tile = block_m * block_n;
      if (tile > kLargestTile && block_m > 1) break;
      if (tile < 256 && 2 * block_m <= std::min<int64_t>(128, NextPowerOfTwo(rows_))) continue;
      for (int warps : {1, 2, 4, 8, 16}) {
        int64_t per_thread = tile / (32 * warps);
        if ((per_thread < 2 && warps > 1) || per_thread > 32) continue;
        Price({ScanWay::kWhole, block_m, block_n, 1, 0, warps});
      }
    }
  }

  std::vector<std::pair<int64_t, int64_t>> Tiles() const {
    if (problem_.strided) return {{32, 64}, {64, 32}, {32, 128}, {128, 32}};
    return {{1, 2048}, {1, 4096}, {1, 1024}, {1, 8192}, {4, 512}};
  }

  void AddWalks(int64_t block_m, int64_t block_n) {
    if (block_n >= columns_) return;
    int warps = block_m * block_n >= 4096 ? 8 : 4;
    Price({ScanWay::kLooped, block_m, block_n, 1, 0, warps});
    int64_t row_blocks = CeilDiv(rows_, block_m);
    if (problem_.chained || row_blocks >= 2 * device_.multiprocessors) return;
    int64_t splits = std::min(NextPowerOfTwo(CeilDiv(4 * device_.multiprocessors, row_blocks)), kMostSplits);
    while (splits > 1 && CeilDiv(columns_, splits) < block_n) splits /= 2;
    if (splits > 1) Price({ScanWay::kSplit, block_m, block_n, splits, CeilDiv(CeilDiv(columns_, splits), block_n) * block_n, warps});
  }

  void Price(ScanSchedule schedule) {
    KernelCost cost;
    cost.bytes = problem_.bytes * (schedule.way == ScanWay::kSplit ? 1.6 : 1);
    cost.flops = ScalarFlops(lowered_) + kScanFlops * static_cast<double>(rows_ * columns_ * static_cast<int64_t>(problem_.scans.size()));
    cost.num_warps = schedule.num_warps;
    cost.programs = CeilDiv(rows_, schedule.block_m) * schedule.splits;
    cost.bytes_per_program_in_flight = problem_.bytes / static_cast<double>(rows_ * columns_) * static_cast<double>(schedule.block_m * schedule.block_n) / 2;
    double padding = schedule.way == ScanWay::kWhole ? static_cast<double>(schedule.block_n) / static_cast<double>(columns_) : 1;
    schedule.estimated_us = EstimateUs(cost, device_) * (1 + 0.1 * (padding - 1));
    // Crossing warps takes a round through shared memory for each tile.
    if (schedule.block_m < schedule.num_warps) schedule.estimated_us *= 1 + 0.02 * schedule.num_warps;
    if (schedule.way == ScanWay::kSplit) schedule.estimated_us += 1.5 + device_.launch_us;
    schedules_.push_back(schedule);
  }

  const Lowered& lowered_;
  const ScanProblem& problem_;
  const DeviceSpec& device_;
  int64_t rows_, columns_;
  std::vector<ScanSchedule> schedules_;
};

class ScanFamily : public Family {
 public:
  std::string Name() const override { return "scan"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    auto problem = AnalyseScans(lowered);
    if (const auto* reason = std::get_if<std::string>(&problem)) return *reason;
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    const ScanProblem problem = std::get<ScanProblem>(AnalyseScans(lowered));
    std::vector<Proposal> proposals;
    for (const ScanSchedule& schedule : ScanSchedules(lowered, problem, device)) {
      if (static_cast<int>(proposals.size()) >= max_count) break;
      ModuleSource module(lowered);
      Proposal proposal;
      proposal.proposer = "templates";
      AppendScan(lowered, problem, schedule, device, module, proposal);
      proposal.source = module.Text(proposal.kernels.front().why);
      proposals.push_back(std::move(proposal));
    }
    return proposals;
  }

  void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const override {
    const ScanProblem problem = std::get<ScanProblem>(AnalyseScans(part));
    const std::vector<ScanSchedule> schedules = ScanSchedules(part, problem, device);
    AppendScan(part, problem, schedules[std::min(choice, schedules.size() - 1)], device, module, proposal);
  }
};

}  // namespace

std::variant<ScanProblem, std::string> AnalyseScans(const Lowered& lowered) {
  ScanProblem problem;
  problem.scans = lowered.OfKind(LoweredKind::kScan);
  if (problem.scans.empty()) return "it scans nothing";
  for (LoweredKind kind : {LoweredKind::kReduce, LoweredKind::kMatmul, LoweredKind::kWindow}) {
    if (lowered.Has(kind)) return "it does more than scan";
  }
  problem.columns = lowered.node(problem.scans[0]).reduced;
  AxisList all;
  for (size_t axis = 0; axis < lowered.axes.size(); ++axis) {
    all.push_back(static_cast<AxisId>(axis));
    if (!DependsOn(problem.columns, all.back())) problem.rows.push_back(all.back());
  }
  std::vector<bool> scanned(lowered.nodes.size(), false);
  for (size_t i = 0; i < lowered.nodes.size(); ++i) {
    const LoweredNode& node = lowered.nodes[i];
    bool below = std::any_of(node.operands.begin(), node.operands.end(), [&](NodeId id) { return scanned[static_cast<size_t>(id)]; });
    scanned[i] = below || node.kind == LoweredKind::kScan;
    if (node.kind != LoweredKind::kScan) continue;
    if (node.reduced != problem.columns) return "its scans run along different dimensions";
    problem.chained = problem.chained || below;
  }
  for (const LoweredStore& store : lowered.stores) {
    if (!SameSet(store.access.axes, all)) return "a result does not run over all that is scanned";
  }
  const Access& largest = Largest(lowered);
  problem.rows = OrderedBy(largest, problem.rows);
  problem.row_count = lowered.Product(problem.rows);
  problem.column_count = lowered.Product(problem.columns);
  AxisList run = ContiguousRun(lowered, largest, all);
  problem.strided = !run.empty() && !DependsOn(problem.columns, run.back());
  for (const Access* access : AllAccesses(lowered)) problem.bytes += AccessBytes(lowered, *access);
  return problem;
}

std::vector<ScanSchedule> ScanSchedules(const Lowered& lowered, const ScanProblem& problem, const DeviceSpec& device) {
  return Enumerator(lowered, problem, device).Run();
}

std::unique_ptr<Family> MakeScanFamily() { return std::make_unique<ScanFamily>(); }

}  // namespace drtriton
