// See pointwise.h.  Tested by pointwise_test.cc and, for values, by python/tests/test_templates.py.
#include "templates/pointwise.h"

#include <algorithm>
#include <cmath>

#include "templates/blocks.h"
#include "templates/cost.h"
#include "templates/family.h"
#include "templates/layout.h"
#include "templates/source.h"
#include "templates/tile.h"

namespace drtriton {
namespace {

constexpr double kDivisionCost = 8;   // float32 instructions' worth of one index division with its remainder
constexpr int64_t kSmallestRow = 32;  // shorter rows waste lanes: stay flat

// The store that decides the order of the axes: the largest.
const Access& Primary(const Lowered& lowered) {
  const Access* best = &lowered.stores.front().access;
  for (const LoweredStore& store : lowered.stores) {
    if (AccessBytes(lowered, store.access) > AccessBytes(lowered, *best)) best = &store.access;
  }
  return *best;
}

double TotalBytes(const Lowered& lowered) {
  double bytes = 0;
  for (const Access* access : AllAccesses(lowered)) bytes += AccessBytes(lowered, *access);
  return bytes;
}

// Index arithmetic of an operand over a tile dimension, an element.
double IndexCost(const Lowered& lowered, const Access& access, const AxisList& axes) {
  return kDivisionCost * std::max(0, RunCount(lowered, access, axes) - 1);
}

// Whether an access is contiguous along another axis than the result.
bool Crosses(const Lowered& lowered, const Access& access, const AxisList& order) {
  AxisList run = ContiguousRun(lowered, access, order);
  return !run.empty() && run.back() != order.back();
}

// A load that crosses, and is large enough to matter.
const Access* CrossingLoad(const Lowered& lowered, const AxisList& order) {
  for (NodeId id : lowered.OfKind(LoweredKind::kLoad)) {
    const Access& access = lowered.node(id).access;
    bool large = lowered.Product(access.axes) * 4 >= lowered.Product(order);
    if (large && Crosses(lowered, access, order) && DependsOn(access.axes, order.back())) return &access;
  }
  return nullptr;
}

// Where to cut the axes into rows and columns: the cut after which most operands need no division.  Empty: nowhere.
AxisList BestColumns(const Lowered& lowered, const AxisList& order) {
  AxisList best;
  double best_cost = 1e30;
  for (size_t cut = 1; cut < order.size(); ++cut) {
    AxisList down(order.begin(), order.begin() + static_cast<ptrdiff_t>(cut));
    AxisList across(order.begin() + static_cast<ptrdiff_t>(cut), order.end());
    if (lowered.Product(across) < kSmallestRow) continue;
    double cost = 0;
    for (const Access* access : AllAccesses(lowered)) {
      cost += IndexCost(lowered, *access, down) + IndexCost(lowered, *access, across);
      if (Common(access->axes, down).empty() || Common(access->axes, across).empty()) cost -= 0.5;   // read once a tile
    }
    if (cost < best_cost) {
      best_cost = cost;
      best = across;
    }
  }
  return best;
}

class Enumerator {
 public:
  Enumerator(const Lowered& lowered, const DeviceSpec& device)
      : lowered_(lowered), device_(device), primary_(Primary(lowered)), order_(OrderedBy(primary_, primary_.axes)) {}

  std::vector<PointwiseSchedule> Run() {
    const Access* crossing = CrossingLoad(lowered_, order_);
    AddFlat();
    if (crossing != nullptr) AddPlanes(*crossing);
    AddRows();
    std::stable_sort(schedules_.begin(), schedules_.end(),
                     [](const auto& a, const auto& b) { return a.estimated_us < b.estimated_us; });
    return schedules_;
  }

 private:
  void AddFlat() {
    int64_t total = lowered_.Product(order_);
    for (auto [block, warps] : {std::pair{1024, 4}, {2048, 8}, {512, 4}, {4096, 8}, {256, 2}, {128, 1}}) {
      if (block > 128 && block / 2 >= total) continue;
      PointwiseSchedule schedule;
      schedule.across = order_;
      schedule.block_across = block;
      schedule.num_warps = warps;
      Price(schedule);
    }
  }

  void AddRows() {
    bool clean = true;
    for (const Access* access : AllAccesses(lowered_)) clean = clean && RunCount(lowered_, *access, order_) <= 1;
    AxisList across = BestColumns(lowered_, order_);
    if (clean || across.empty()) return;
    AxisList down = Without(order_, across);
    int64_t columns = lowered_.Product(across), rows = lowered_.Product(down);
    for (auto [elements, warps] : {std::pair<int64_t, int>{1024, 4}, {2048, 4}, {2048, 8}, {4096, 8}, {512, 4}}) {
      PointwiseSchedule schedule;
      schedule.layout = PointwiseLayout::kRows;
      schedule.down = down;
      schedule.across = across;
      schedule.block_across = std::min(NextPowerOfTwo(columns), std::min<int64_t>(elements, 1024));
      schedule.block_down = std::min(elements / schedule.block_across, NextPowerOfTwo(rows));
      schedule.num_warps = warps;
      Price(schedule);
    }
  }

  void AddPlanes(const Access& crossing) {
    AxisList down = ContiguousRun(lowered_, crossing, Without(order_, {order_.back()}));
    AxisList across = ContiguousRun(lowered_, primary_, Without(order_, down));
    if (across.empty()) return;
    for (auto [block_down, block_across, warps] : {std::tuple{64, 64, 8}, {32, 64, 4}, {64, 32, 4}, {32, 32, 4}, {128, 32, 8}}) {
      PointwiseSchedule schedule;
      schedule.layout = PointwiseLayout::kPlanes;
      schedule.down = down;
      schedule.across = across;
      schedule.outer = Without(Without(order_, down), across);
      schedule.block_down = std::min<int64_t>(block_down, NextPowerOfTwo(lowered_.Product(down)));
      schedule.block_across = std::min<int64_t>(block_across, NextPowerOfTwo(lowered_.Product(across)));
      schedule.num_warps = warps;
      Price(schedule);
    }
  }

  // Bytes that a layout really moves: a crossing operand read along the wrong axis fetches a sector of 32 bytes for each
  // element, of which the L2 cache saves most when the tile is wide.
  double MovedBytes(const PointwiseSchedule& schedule) const {
    double bytes = 0;
    for (const Access* access : AllAccesses(lowered_)) {
      double own = AccessBytes(lowered_, *access);
      if (Crosses(lowered_, *access, order_) && schedule.layout != PointwiseLayout::kPlanes) own *= 3;
      bytes += own;
    }
    return bytes;
  }

  void Price(PointwiseSchedule schedule) {
    double elements = static_cast<double>(lowered_.Product(order_));
    KernelCost cost;
    cost.bytes = MovedBytes(schedule);
    cost.flops = ScalarFlops(lowered_);
    for (const Access* access : AllAccesses(lowered_)) {
      double across = IndexCost(lowered_, *access, schedule.across), down = IndexCost(lowered_, *access, schedule.down);
      cost.flops += elements * (across / static_cast<double>(schedule.block_down) + down / static_cast<double>(schedule.block_across));
    }
    cost.num_warps = schedule.num_warps;
    cost.programs = Programs(schedule);
    double tile = static_cast<double>(schedule.block_across * schedule.block_down);
    cost.bytes_per_program_in_flight = tile * TotalBytes(lowered_) / elements;
    schedule.estimated_us = EstimateUs(cost, device_) * Waste(schedule);
    schedules_.push_back(schedule);
  }

  int64_t Programs(const PointwiseSchedule& schedule) const {
    return lowered_.Product(schedule.outer) * CeilDiv(lowered_.Product(schedule.down), schedule.block_down) *
           CeilDiv(lowered_.Product(schedule.across), schedule.block_across);
  }

  // Lanes launched over elements, as far as it costs: a mild penalty.
  double Waste(const PointwiseSchedule& schedule) const {
    double lanes = static_cast<double>(Programs(schedule) * schedule.block_across * schedule.block_down);
    return 1 + 0.1 * (lanes / static_cast<double>(lowered_.Product(order_)) - 1);
  }

  const Lowered& lowered_;
  const DeviceSpec& device_;
  const Access& primary_;
  AxisList order_;
  std::vector<PointwiseSchedule> schedules_;
};

std::string SizeText(const Lowered& lowered, const AxisList& axes) {
  std::string text;
  for (AxisId axis : axes) text += (text.empty() ? "" : " x ") + std::to_string(lowered.size(axis));
  return text.empty() ? "1" : text;
}

// Sets up the indices and returns the tile; the grid goes to `grid`.
std::vector<TileDim> AddTile(const Lowered& lowered, const PointwiseSchedule& schedule, KernelSource& kernel,
                             std::vector<std::string>& grid) {
  std::string program = ProgramIdText(lowered, 0);
  int64_t down = lowered.Product(schedule.down), across = lowered.Product(schedule.across);
  int64_t outer = lowered.Product(schedule.outer);
  if (schedule.layout == PointwiseLayout::kFlat) {
    grid = {std::to_string(CeilDiv(across, schedule.block_across))};
    return {AddBlock(kernel, {"n", schedule.across, across, schedule.block_across, Lie::kFlat, program + " * BLOCK_N"})};
  }
  int64_t blocks_across = CeilDiv(across, schedule.block_across), blocks_down = CeilDiv(down, schedule.block_down);
  grid = {std::to_string(outer * blocks_down * blocks_across)};
  std::string blocks_n = blocks_across > 1 ? kernel.Constant("BLOCKS_N", blocks_across) : "";
  std::string blocks_m = outer > 1 && blocks_down > 1 ? kernel.Constant("BLOCKS_M", blocks_down) : "";
  kernel.Line("pid = " + program);
  std::string row_program = blocks_n.empty() ? "pid" : "pid // " + blocks_n;
  std::vector<TileDim> dims;
  if (outer > 1) {
    std::string plane = blocks_m.empty() ? row_program : row_program + " // " + blocks_m;
    dims.push_back(AddBlock(kernel, {"plane", schedule.outer, outer, 1, Lie::kScalar, plane}));
    row_program = blocks_down == 1 ? "" : "(" + row_program + ") % " + blocks_m;
  } else if (blocks_down == 1) {
    row_program = "";
  }
  std::string row_start = row_program.empty() ? "" : "(" + row_program + ") * BLOCK_M";
  std::string column_start = blocks_across == 1 ? "" : "(pid % " + blocks_n + ") * BLOCK_N";
  dims.push_back(AddBlock(kernel, {"m", schedule.down, down, schedule.block_down, Lie::kDown, row_start}));
  dims.push_back(AddBlock(kernel, {"n", schedule.across, across, schedule.block_across, Lie::kAcross, column_start}));
  return dims;
}

const char* LayoutText(PointwiseLayout layout) {
  switch (layout) {
    case PointwiseLayout::kFlat: return "one flat index";
    case PointwiseLayout::kRows: return "tiles of rows x columns, so that what repeats along either is read once a tile";
    default: return "tiles across both contiguous directions, so that loads and stores touch whole sectors";
  }
}

class PointwiseFamily : public Family {
 public:
  std::string Name() const override { return "pointwise"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    if (lowered.Has(LoweredKind::kReduce)) return "it reduces";
    if (lowered.Has(LoweredKind::kScan)) return "it scans";
    if (lowered.Has(LoweredKind::kMatmul)) return "it holds a matrix product";
    if (lowered.Has(LoweredKind::kWindow)) return "it holds a convolution or pooling";
    AxisList all = Primary(lowered).axes;
    for (const LoweredStore& store : lowered.stores) {
      if (store.access.axes.size() != all.size() || !Without(store.access.axes, all).empty()) {
        return "its results run over different index spaces";
      }
    }
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    std::vector<Proposal> proposals;
    for (const PointwiseSchedule& schedule : PointwiseSchedules(lowered, device)) {
      if (static_cast<int>(proposals.size()) >= max_count) break;
      ModuleSource module(lowered);
      Proposal proposal;
      proposal.proposer = "templates";
      AppendPointwise(lowered, schedule, device, module, proposal);
      proposal.source = module.Text(proposal.kernels.front().why);
      proposals.push_back(std::move(proposal));
    }
    return proposals;
  }

  void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const override {
    const std::vector<PointwiseSchedule> schedules = PointwiseSchedules(part, device);
    AppendPointwise(part, schedules[std::min(choice, schedules.size() - 1)], device, module, proposal);
  }
};

}  // namespace

std::vector<PointwiseSchedule> PointwiseSchedules(const Lowered& lowered, const DeviceSpec& device) {
  return Enumerator(lowered, device).Run();
}

void AppendPointwise(const Lowered& lowered, const PointwiseSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                     Proposal& proposal) {
  std::vector<std::string> fused = lowered.operators;
  KernelSource& kernel = module.AddKernel(KernelName(fused));
  AxisList all = OrderedBy(Primary(lowered), Primary(lowered).axes);
  kernel.Doc("Elementwise over " + SizeText(lowered, all) + ": " + LayoutText(schedule.layout) + ".");
  std::vector<std::string> grid;
  TileWriter tile(lowered, kernel, AddTile(lowered, schedule, kernel, grid));
  for (const LoweredStore& store : lowered.stores) tile.StoreValue(store);
  module.Launch(kernel, grid, schedule.num_warps, 1);

  KernelPlan plan;
  plan.name = kernel.name();
  plan.family = "pointwise";
  plan.fuses = fused;
  if (schedule.layout != PointwiseLayout::kFlat) plan.tile.emplace_back("BLOCK_M", schedule.block_down);
  plan.tile.emplace_back("BLOCK_N", schedule.block_across);
  plan.num_warps = schedule.num_warps;
  plan.num_stages = 1;
  plan.numerics = lowered.node(lowered.stores.front().node).dtype == DType::kFloat64 ? "float64" : "float32 in registers";
  plan.why = "Bound by memory: " + std::to_string(static_cast<int64_t>(std::llround(TotalBytes(lowered) / 1e3))) +
             " kB in one pass, nothing stored between operators; " + LayoutText(schedule.layout) + ".";
  plan.estimated_us = schedule.estimated_us;
  proposal.estimated_us += schedule.estimated_us + device.launch_us;
  proposal.kernels.push_back(std::move(plan));
}

std::unique_ptr<Family> MakePointwiseFamily() { return std::make_unique<PointwiseFamily>(); }

}  // namespace drtriton
