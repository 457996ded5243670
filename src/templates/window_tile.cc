// See window_tile.h.  Tested through direct_convolution_test.cc and pool_test.cc.
#include "templates/window_tile.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "templates/blocks.h"
#include "templates/cost.h"
#include "templates/layout.h"

namespace drtriton {
namespace {

// Taps that are unrolled: few enough, and for each thread few enough steps in all.  LLVM takes long over, or breaks off at,
// chains of thousands.
constexpr int64_t kMostUnrolledTaps = 64;
constexpr int64_t kMostUnrolledSteps = 512;
constexpr double kIndexCost = 6;   // instructions of one tap's address and bounds, a lane

std::string Upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

AxisList Join(AxisList a, const AxisList& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string And(const std::string& a, const std::string& b) { return a.empty() ? b : b.empty() ? a : a + " & " + b; }

// k with k * value = 1 (mod modulus), which are coprime.
int64_t Inverse(int64_t value, int64_t modulus) {
  int64_t k = 1 % modulus;
  while (k < modulus && k * value % modulus != 1 % modulus) ++k;
  return k;
}

}  // namespace

const char* SpatialName(size_t count, size_t index) {
  static const char* const kNames[] = {"d", "h", "w"};
  return kNames[3 - count + index];
}

std::string PartText(const std::string& index, int64_t inner, int64_t size, bool outermost) {
  std::string text = index;
  if (inner > 1) text += " // " + std::to_string(inner);
  if (!outermost) text += " % " + std::to_string(size);
  return text;
}

std::vector<WindowSchedule> WindowSchedules(const WindowProblem& problem, const DeviceSpec& device, double taps_cost) {
  const int64_t channels = problem.groups * problem.out_channels;
  const double results = static_cast<double>(problem.positions) * static_cast<double>(channels);
  const double taps = problem.Flops() / 2 / results;
  std::vector<WindowSchedule> schedules;
  for (bool channels_last : {problem.channels_last, !problem.channels_last}) {
    for (auto [elements, across, warps] : {std::tuple<int64_t, int64_t, int>{512, 256, 4}, {1024, 256, 4}, {1024, 1024, 4}, {256, 64, 4}, {512, 64, 4},
                                           {512, 128, 4}, {512, 32, 4}, {256, 16, 4}, {2048, 512, 8}, {256, 256, 2}, {128, 128, 1}}) {
      WindowSchedule schedule{.channels_last = channels_last, .num_warps = warps};
      int64_t& fast = channels_last ? schedule.block_c : schedule.block_p;
      int64_t& slow = channels_last ? schedule.block_p : schedule.block_c;
      fast = std::min(across, NextPowerOfTwo(channels_last ? channels : problem.positions));
      slow = std::min(elements / fast, NextPowerOfTwo(channels_last ? problem.positions : channels));
      KernelCost cost;
      cost.programs = CeilDiv(problem.positions, schedule.block_p) * CeilDiv(channels, schedule.block_c);
      const double lanes = static_cast<double>(cost.programs * schedule.block_p * schedule.block_c);
      // Taps come from the caches.  Along the wrong dimension lanes touch a sector each, of which the tile uses a part.
      const bool crosses = channels_last != problem.channels_last;
      const int64_t along = (problem.channels_last ? schedule.block_c : schedule.block_p) * ElementBytes(problem.dtype);
      cost.bytes = problem.input_bytes + problem.weight_bytes + problem.epilogue_bytes;
      if (crosses) cost.bytes *= 32.0 / static_cast<double>(std::min<int64_t>(along, 32));
      const double index = kIndexCost / static_cast<double>(std::min<int64_t>(schedule.block_c, 4));   // shared by channels
      cost.flops = lanes * (taps * (taps_cost * (crosses ? 4 : 1) + index + problem.prologue_cost) + problem.epilogue_cost + 20);
      cost.num_warps = warps;
      cost.bytes_per_program_in_flight = static_cast<double>(schedule.block_p * schedule.block_c * ElementBytes(problem.dtype));
      schedule.estimated_us = EstimateUs(cost, device);
      const auto same = [&](const WindowSchedule& s) {
        return s.channels_last == channels_last && s.block_p == schedule.block_p && s.block_c == schedule.block_c && s.num_warps == warps;
      };
      if (std::none_of(schedules.begin(), schedules.end(), same)) schedules.push_back(schedule);
    }
  }
  std::stable_sort(schedules.begin(), schedules.end(), [](const auto& a, const auto& b) { return a.estimated_us < b.estimated_us; });
  return schedules;
}

WindowTile::WindowTile(const WindowProblem& problem, const WindowSchedule& schedule, KernelSource& kernel)
    : problem_(problem), schedule_(schedule), kernel_(kernel) {
  const size_t count = problem.window().dims.size();
  for (size_t i = 0; i < count; ++i) spatial_.push_back({.name = SpatialName(count, i)});
}

void WindowTile::Begin() {
  const Window& window = problem_.window();
  const int64_t channels = problem_.groups * problem_.out_channels;
  const int64_t tiles_p = CeilDiv(problem_.positions, schedule_.block_p), tiles_c = CeilDiv(channels, schedule_.block_c);
  const std::string program = ProgramIdText(*problem_.lowered, 0);
  const bool last = schedule_.channels_last;
  std::string start_p = program, start_c = program;
  if (tiles_p > 1 && tiles_c > 1) {
    const std::string inner = last ? kernel_.Constant("TILES_C", tiles_c) : kernel_.Constant("TILES_P", tiles_p);
    start_p = program + (last ? " // " : " % ") + inner;
    start_c = program + (last ? " % " : " // ") + inner;
  }
  start_p = tiles_p > 1 ? start_p + " * BLOCK_P" : "";
  start_c = tiles_c > 1 ? start_c + " * BLOCK_C" : "";
  positions_ = AddBlock(kernel_, {"p", window.Positions(), problem_.positions, schedule_.block_p, last ? Lie::kDown : Lie::kAcross, start_p});
  channels_ = AddBlock(kernel_, {"c", Join(window.groups, window.channels), channels, schedule_.block_c, last ? Lie::kAcross : Lie::kDown, start_c});
  Starts();
}

void WindowTile::Starts() {
  const Window& window = problem_.window();
  int64_t inner = 1;
  for (const WindowDim& dim : window.dims) inner *= dim.output;
  if (problem_.images > 1) {
    image_ = kernel_.Fresh("image");
    kernel_.Line(image_ + " = " + PartText(positions_.index, inner, problem_.images, true));
  }
  for (size_t i = 0; i < window.dims.size(); ++i) {
    inner /= window.dims[i].output;
    StartOf(i, PartText(positions_.index, inner, window.dims[i].output, i == 0 && problem_.images == 1));
  }
  group_ = channels_.index;
  if (problem_.out_channels > 1 && problem_.groups > 1) {
    group_ = kernel_.Fresh("group");
    kernel_.Line(group_ + " = " + channels_.index + " // " + kernel_.Constant("GROUP_CHANNELS", problem_.out_channels));
  }
}

void WindowTile::StartOf(size_t i, const std::string& position) {
  const Window& window = problem_.window();
  const WindowDim& dim = window.dims[i];
  Spatial& spatial = spatial_[i];
  const std::string upper = Upper(spatial.name);
  if (window.adaptive) {
    const std::string in = kernel_.Constant("IN_" + upper, dim.input), out = kernel_.Constant("OUT_" + upper, dim.output);
    const std::string index = kernel_.Fresh(spatial.name + "_out");
    spatial.start = kernel_.Fresh(spatial.name + "_start");
    spatial.first = kernel_.Fresh(spatial.name + "_end");
    kernel_.Line(index + " = " + position);
    kernel_.Line(spatial.start + " = " + index + " * " + in + " // " + out);
    kernel_.Line(spatial.first + " = ((" + index + " + 1) * " + in + " + " + out + " - 1) // " + out);
    return;
  }
  if (!window.transposed) {
    spatial.start = kernel_.Fresh(spatial.name + "_start");
    std::string text = position;
    if (dim.stride != 1) text += " * " + kernel_.Constant("STRIDE_" + upper, dim.stride);
    if (dim.padding != 0) text += " - " + kernel_.Constant("PADDING_" + upper, dim.padding);
    kernel_.Line(spatial.start + " = " + text);
    return;
  }
  spatial.start = kernel_.Fresh(spatial.name + "_padded");
  kernel_.Line(spatial.start + " = " + position + (dim.padding == 0 ? "" : " + " + kernel_.Constant("PADDING_" + upper, dim.padding)));
  if (dim.stride == 1) return;
  const int64_t shared = std::gcd(dim.stride, dim.dilation), tap_step = dim.stride / shared;
  const int64_t inverse = Inverse(dim.dilation / shared, tap_step);
  spatial.first = kernel_.Fresh(spatial.name + "_first");
  std::string first = spatial.start + " % " + kernel_.Constant("STRIDE_" + upper, dim.stride);
  if (shared > 1) first += " // " + std::to_string(shared);
  if (inverse > 1) first += " * " + std::to_string(inverse) + " % " + std::to_string(tap_step);
  kernel_.Line(spatial.first + " = " + first);
}

void WindowTile::BeginTaps() {
  const Window& window = problem_.window();
  std::vector<int64_t> counts;
  int64_t total = 1;
  for (size_t i = 0; i < window.dims.size(); ++i) {
    counts.push_back(window.transposed ? std::max<int64_t>(WalkOf(window, i).MostTaps(), 1) : window.dims[i].kernel);
    total *= counts.back();
  }
  const std::string taps = kernel_.Constant("TAPS", total), tap = kernel_.Fresh("tap");
  const int64_t steps = total * std::max<int64_t>(schedule_.block_p * schedule_.block_c / (32 * schedule_.num_warps), 1);
  const bool unrolled = total <= kMostUnrolledTaps && steps <= kMostUnrolledSteps;
  kernel_.BeginLoop("for " + tap + " in " + (unrolled ? "tl.static_range(" : "range(") + taps + "):");
  inside_ = positions_.mask;
  for (size_t i = 0; i < counts.size(); ++i) {
    total /= counts[i];
    std::string part = counts[i] == 1 ? "0" : PartText(tap, total, counts[i], i == 0);
    TapOf(i, part);
  }
  if (inside_ == positions_.mask || inside_.empty()) return;
  const std::string name = kernel_.Fresh("inside");
  kernel_.Line(name + " = " + inside_);
  inside_ = name;
}

// The index along one dimension at the current tap, and what keeps it inside of the operand.
void WindowTile::TapOf(size_t i, const std::string& tap) {
  const Window& window = problem_.window();
  const WindowDim& dim = window.dims[i];
  Spatial& spatial = spatial_[i];
  const std::string upper = Upper(spatial.name), index = spatial.index = kernel_.Fresh(spatial.name);
  auto plus = [](const std::string& a, const std::string& b, int64_t factor) {
    if (b == "0") return a;
    const bool compound = b.find(' ') != std::string::npos;
    return a + " + " + (factor == 1 || !compound ? b : "(" + b + ")") + (factor == 1 ? "" : " * " + std::to_string(factor));
  };
  bool below = true, above = true;
  if (window.adaptive) {
    kernel_.Line(index + " = " + plus(spatial.start, tap, 1));
    inside_ = And(inside_, "(" + index + " < " + spatial.first + ")");
    return;
  }
  const WindowWalk walk = WalkOf(window, i);
  below = walk.Lowest() < 0, above = walk.Highest() >= dim.input;
  spatial.tap = tap.find(' ') == std::string::npos ? tap : "(" + tap + ")";
  if (!window.transposed) {
    kernel_.Line(index + " = " + plus(spatial.start, tap, dim.dilation));
  } else if (dim.stride == 1) {
    kernel_.Line(index + " = " + spatial.start + (tap == "0" ? "" : " - " + spatial.tap + (dim.dilation == 1 ? "" : " * " + std::to_string(dim.dilation))));
  } else {
    below = above = true;
    const int64_t shared = std::gcd(dim.stride, dim.dilation);
    spatial.tap = kernel_.Fresh(spatial.name + "_tap");
    const std::string stride = kernel_.Constant("STRIDE_" + upper, dim.stride);
    kernel_.Line(spatial.tap + " = " + plus(spatial.first, tap, dim.stride / shared));
    kernel_.Line(index + " = (" + spatial.start + " - " + spatial.tap + (dim.dilation == 1 ? "" : " * " + std::to_string(dim.dilation)) + ") // " + stride);
    inside_ = And(inside_, "(" + spatial.tap + " < " + kernel_.Constant("KERNEL_" + upper, dim.kernel) + ")");
    if (shared > 1) inside_ = And(inside_, "(" + spatial.start + " % " + std::to_string(shared) + " == 0)");
  }
  if (below) inside_ = And(inside_, "(" + index + " >= 0)");
  if (above) inside_ = And(inside_, "(" + index + " < " + kernel_.Constant("IN_" + upper, dim.input) + ")");
}

void WindowTile::EndTaps() { kernel_.EndLoop(); }

std::vector<std::string> WindowTile::Grid() const {
  const int64_t channels = problem_.groups * problem_.out_channels;
  return {std::to_string(CeilDiv(problem_.positions, schedule_.block_p) * CeilDiv(channels, schedule_.block_c))};
}

// Whether a load of the operand is masked wherever a lane is outside: it depends on every spatial dimension.
bool WindowTile::LoadMasks() const {
  const LoweredNode& node = problem_.lowered->node(problem_.input);
  if (!problem_.plain_input) return false;
  for (const AxisList& axes : problem_.window().in_space) {
    if (Common(node.axes, axes).empty()) return false;
  }
  return true;
}

std::string WindowTile::Input(const std::string& channel) {
  const Window& window = problem_.window();
  std::vector<TileDim> dims = {{image_, window.in_batch, inside_, "", "image"},
                               {group_, window.in_groups, channels_.mask, "", "c"},
                               {channel, window.in_channels, "", "", "i"}};
  for (size_t i = 0; i < spatial_.size(); ++i) dims.push_back({spatial_[i].index, window.in_space[i], inside_, "", spatial_[i].name});
  std::string text = TileWriter(*problem_.lowered, kernel_, std::move(dims)).Value(problem_.input);
  if (inside_.empty() || inside_ == positions_.mask || LoadMasks()) return text;
  return "tl.where(" + inside_ + ", " + text + ", 0.0)";
}

std::string WindowTile::InputOr(const std::string& otherwise) {
  const Window& window = problem_.window();
  std::vector<TileDim> dims = {{image_, window.in_batch, inside_, "", "image"},
                               {group_, window.in_groups, channels_.mask, "", "c"}};
  for (size_t i = 0; i < spatial_.size(); ++i) dims.push_back({spatial_[i].index, window.in_space[i], inside_, "", spatial_[i].name});
  const std::string text = TileWriter(*problem_.lowered, kernel_, std::move(dims)).Value(problem_.input);
  if (inside_.empty() || inside_ == positions_.mask) return text;
  const std::string name = kernel_.Fresh("value");
  kernel_.Line(name + " = tl.where(" + inside_ + ", " + text + ", " + otherwise + ")");
  return name;
}

std::string WindowTile::Weight(const std::string& channel) {
  const Window& window = problem_.window();
  std::vector<TileDim> dims = {{channels_.index, Join(window.weight_groups, window.weight_out), channels_.mask, "", "c"},
                               {channel, window.weight_in, "", "", "i"}};
  for (size_t i = 0; i < spatial_.size(); ++i) {
    const bool by_lane = window.transposed && window.dims[i].stride > 1;   // and perhaps beyond the kernel
    dims.push_back({spatial_[i].tap, window.taps[i], by_lane ? inside_ : "", "", spatial_[i].name + "_tap"});
  }
  return TileWriter(*problem_.lowered, kernel_, std::move(dims)).Value(problem_.weight);
}

std::string WindowTile::PlaceText() const {
  std::string text = spatial_[0].index;
  for (size_t i = 1; i < spatial_.size(); ++i) {
    if (i > 1) text = "(" + text + ")";
    text += " * " + kernel_.Constant("IN_" + Upper(spatial_[i].name), problem_.window().dims[i].input) + " + " + spatial_[i].index;
  }
  return text;
}

std::string WindowTile::CountText(bool padded) {
  const Window& window = problem_.window();
  int64_t fixed = 1;
  std::string text;
  for (size_t i = 0; i < spatial_.size(); ++i) {
    const WindowDim& dim = window.dims[i];
    const Spatial& spatial = spatial_[i];
    const std::string upper = Upper(spatial.name);
    std::string count;
    if (window.adaptive) {
      count = "(" + spatial.first + " - " + spatial.start + ")";
    } else {
      const int64_t end = (dim.output - 1) * dim.stride - dim.padding + dim.kernel, limit = dim.input + (padded ? dim.padding : 0);
      const bool low = !padded && dim.padding > 0, high = end > limit;
      if (!low && !high) {
        fixed *= dim.kernel;
        continue;
      }
      const std::string kernel = kernel_.Constant("KERNEL_" + upper, dim.kernel);
      std::string last = spatial.start + " + " + kernel, first = spatial.start;
      if (high) {
        const std::string in = kernel_.Constant("IN_" + upper, dim.input);
        const bool behind = padded && dim.padding > 0;
        last = "tl.minimum(" + last + ", " + in + (behind ? " + " + kernel_.Constant("PADDING_" + upper, dim.padding) : "") + ")";
      }
      if (low) first = "tl.maximum(" + first + ", 0)";
      count = "(" + last + " - " + first + ")";
    }
    text += (text.empty() ? "" : " * ") + count;
  }
  if (text.empty()) return std::to_string(fixed) + ".0";
  if (fixed > 1) text += " * " + std::to_string(fixed);
  const std::string name = kernel_.Fresh("count");
  kernel_.Line(name + " = (" + text + ").to(" + AccumulatorType() + ")");
  return name;
}

std::vector<TileDim> WindowTile::ResultDims(const Window& window) const {
  TileDim p = positions_, c = channels_;
  p.axes = window.Positions();
  c.axes = Join(window.groups, window.channels);
  return {p, c};
}

void StoreWindows(const WindowProblem& problem, const WindowTile& tile, std::vector<std::string> texts,
                  KernelSource& kernel) {
  const Lowered& lowered = *problem.lowered;
  std::vector<std::pair<NodeId, TileWriter>> writers;   // one a window, so that stores share what they compute
  if (problem.positions * problem.groups * problem.out_channels == 1) {   // a single element has no block of addresses
    for (std::string& text : texts) text = "tl.sum(tl.sum(" + text + ", axis=1), axis=0)";
  }
  for (NodeId id : problem.nodes) {
    writers.emplace_back(id, TileWriter(lowered, kernel, tile.ResultDims(lowered.node(id).window)));
    for (size_t i = 0; i < texts.size(); ++i) writers.back().second.Bind(problem.nodes[i], texts[i]);
  }
  for (const LoweredStore& store : lowered.stores) {
    const NodeId window = WindowOfStore(problem, store);
    for (auto& [id, writer] : writers) {
      if (id == window) writer.StoreValue(store);
    }
  }
}

}  // namespace drtriton
