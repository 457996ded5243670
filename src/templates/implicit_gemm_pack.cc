// See implicit_gemm_pack.h.
#include "templates/implicit_gemm_pack.h"

#include <algorithm>

#include "templates/blocks.h"
#include "templates/tile.h"
#include "templates/window_tile.h"

namespace drtriton {
namespace {

constexpr int64_t kPackedElements = 4096;   // a program: 64 x 64, so that both sides touch whole sectors

struct Blocks {
  int64_t down, across;
  int num_warps;
};

// A tile of rows x columns, as square as the sizes allow.
Blocks Square(int64_t rows, int64_t columns) {
  Blocks blocks{};
  blocks.across = std::min<int64_t>(NextPowerOfTwo(columns), 64);
  blocks.down = std::min<int64_t>(NextPowerOfTwo(rows), kPackedElements / blocks.across);
  blocks.num_warps = blocks.down * blocks.across >= 2048 ? 8 : 4;
  return blocks;
}

// Sets up the two block dimensions, rows [:, None] and columns [None, :], and the grid that covers them.
struct PackTile {
  TileDim rows, columns;
  std::vector<std::string> grid;
};

PackTile AddPackTile(const Lowered& lowered, KernelSource& kernel, const BlockSpec& rows, const BlockSpec& columns) {
  const int64_t across = CeilDiv(columns.extent, columns.block), down = CeilDiv(rows.extent, rows.block);
  const std::string program = ProgramIdText(lowered, 0), second = ProgramIdText(lowered, 1);
  BlockSpec row = rows, column = columns;
  row.lie = Lie::kDown, column.lie = Lie::kAcross;
  std::string upper_row(1, static_cast<char>(row.name[0] - 'a' + 'A')), upper_column(1, static_cast<char>(column.name[0] - 'a' + 'A'));
  if (down > 1) row.start = program + " * BLOCK_" + upper_row;
  if (across > 1) column.start = second + " * BLOCK_" + upper_column;
  PackTile tile{AddBlock(kernel, row), AddBlock(kernel, column), {std::to_string(down)}};
  if (across > 1) tile.grid.push_back(std::to_string(across));
  return tile;
}

void StorePacked(KernelSource& kernel, const TensorRef& packed, const PackTile& tile, const std::string& columns, const std::string& value) {
  const std::string mask = tile.rows.mask.empty() ? tile.columns.mask : tile.columns.mask.empty() ? tile.rows.mask : tile.rows.mask + " & " + tile.columns.mask;
  kernel.Line("tl.store(" + kernel.Pointer(packed) + " + " + tile.rows.index + " * " + columns + " + " + tile.columns.index + ", " + value +
              (mask.empty() ? "" : ", mask=" + mask) + ")");
}

// What one product of TF32 is made of is rounded to it here, once.
std::string Rounded(KernelSource& kernel, Precision precision, const std::string& value) {
  if (precision != Precision::kTf32) return value;
  kernel.helpers().insert("round_tf32");
  return "round_tf32(" + value + ")";
}

KernelPlan PlanOf(const KernelSource& kernel, const Blocks& blocks, Precision precision, const std::string& why, double estimated_us) {
  KernelPlan plan{.name = kernel.name(), .family = "convolution", .tile = {{"ROWS", blocks.down}, {"COLUMNS", blocks.across}}};
  plan.num_warps = blocks.num_warps;
  plan.numerics = precision == Precision::kTf32 ? "rounded to tf32" : "a copy";
  plan.why = why;
  plan.estimated_us = estimated_us;
  return plan;
}

}  // namespace

ImageView PackImage(const WindowProblem& problem, Precision precision, const DeviceSpec& device, ModuleSource& module, std::vector<KernelPlan>& plans) {
  const Lowered& lowered = *problem.lowered;
  const Window& window = problem.window();
  KernelSource& kernel = module.AddKernel("pack_input_kernel");
  kernel.Doc("The input with its channels last and the zeros around it that windows reach, places x channels.");
  for (const char* name : {"q", "c", "image", "inside"}) kernel.Fresh(name);

  const int64_t channels = problem.groups * problem.in_channels;
  ImageView view{.group = problem.in_channels, .channel = 1, .padded = true};
  Shape shape{problem.images};
  int64_t places = problem.images;
  for (size_t i = 0; i < window.dims.size(); ++i) {
    shape.push_back(PackedSize(window, i));
    view.shift.push_back(-WalkOf(window, i).Lowest());
    places *= shape.back();
  }
  shape.push_back(channels);
  const Shape strides = ContiguousStrides(shape);
  view.image = strides[0];
  view.space.assign(strides.begin() + 1, strides.end() - 1);
  view.tensor = module.AddScratch("packed", problem.dtype, shape);

  const Blocks blocks = Square(places, channels);
  PackTile tile = AddPackTile(lowered, kernel, {"q", {}, places, blocks.down}, {"c", {}, channels, blocks.across});
  AxisList in_channels = window.in_groups;
  in_channels.insert(in_channels.end(), window.in_channels.begin(), window.in_channels.end());
  std::vector<TileDim> dims = {{tile.columns.index, in_channels, tile.columns.mask, "C", "c"}};
  std::string inside = tile.rows.mask;
  int64_t inner = places / problem.images;
  if (problem.images > 1) kernel.Line("image = " + PartText(tile.rows.index, inner, problem.images, true));
  std::vector<std::string> names;
  for (size_t i = 0; i < window.dims.size(); ++i) {
    const int64_t size = shape[i + 1];
    inner /= size;
    names.push_back(kernel.Fresh(SpatialName(window.dims.size(), i)));
    const std::string shift = view.shift[i] > 0 ? " - " + std::to_string(view.shift[i]) : view.shift[i] < 0 ? " + " + std::to_string(-view.shift[i]) : "";
    kernel.Line(names[i] + " = " + PartText(tile.rows.index, inner, size, i == 0 && problem.images == 1) + shift);
    if (view.shift[i] > 0) inside += (inside.empty() ? "(" : " & (") + names[i] + " >= 0)";
    if (size - view.shift[i] > window.dims[i].input) inside += (inside.empty() ? "(" : " & (") + names[i] + " < " + std::to_string(window.dims[i].input) + ")";
  }
  if (!inside.empty()) {
    kernel.Line("inside = " + inside);
    inside = "inside";
  }
  dims.push_back({"image", window.in_batch, inside, "", "image"});
  for (size_t i = 0; i < names.size(); ++i) dims.push_back({names[i], window.in_space[i], inside, "", names[i]});
  std::string value = TileWriter(lowered, kernel, std::move(dims)).Value(problem.input);
  if (!inside.empty()) value = "tl.where(inside, " + value + ", 0.0)";
  StorePacked(kernel, view.tensor, tile, kernel.Constant("C", channels), Rounded(kernel, precision, value));
  module.Launch(kernel, tile.grid, blocks.num_warps, 1);
  plans.push_back(PlanOf(kernel, blocks, precision, "bound by memory; afterwards the loop loads whole vectors and has no bounds to check", PackImageUs(problem, device)));
  return view;
}

WeightView PackWeight(const WindowProblem& problem, Precision precision, const DeviceSpec& device, ModuleSource& module, std::vector<KernelPlan>& plans) {
  const Lowered& lowered = *problem.lowered;
  const Window& window = problem.window();
  KernelSource& kernel = module.AddKernel("pack_weight_kernel");
  kernel.Doc("The weight with its channels last: out channels x (taps x in channels).");
  const int64_t rows = problem.groups * problem.out_channels, columns = problem.SumLength();
  AxisList down = window.weight_groups, across;
  down.insert(down.end(), window.weight_out.begin(), window.weight_out.end());
  for (const AxisList& axes : window.taps) across.insert(across.end(), axes.begin(), axes.end());
  across.insert(across.end(), window.weight_in.begin(), window.weight_in.end());

  const Blocks blocks = Square(rows, columns);
  PackTile tile = AddPackTile(lowered, kernel, {"n", down, rows, blocks.down}, {"k", across, columns, blocks.across});
  const std::string value = TileWriter(lowered, kernel, {tile.rows, tile.columns}).Value(problem.weight);
  WeightView view{.group = problem.out_channels * columns, .out = columns, .in = 1};
  view.tensor = module.AddScratch("packed_weight", problem.dtype, {rows, columns});
  int64_t inner = problem.in_channels;
  for (size_t i = window.dims.size(); i-- > 0; inner *= window.dims[i].kernel) view.taps.insert(view.taps.begin(), inner);
  StorePacked(kernel, view.tensor, tile, kernel.Constant("K", columns), Rounded(kernel, precision, value));
  module.Launch(kernel, tile.grid, blocks.num_warps, 1);
  plans.push_back(PlanOf(kernel, blocks, precision, "small; afterwards the loop loads whole vectors of channels", PackWeightUs(problem, device)));
  return view;
}

}  // namespace drtriton
