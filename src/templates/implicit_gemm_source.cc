// Writes the kernels of one implicit product, top down: which tile, where its windows start, the loop over channels and
// taps, and what follows the sum.
#include <algorithm>
#include <cctype>
#include <numeric>

#include "templates/blocks.h"
#include "templates/direct_convolution.h"
#include "templates/implicit_gemm.h"
#include "templates/implicit_gemm_pack.h"
#include "templates/layout.h"
#include "templates/tile.h"
#include "templates/window_tile.h"

namespace drtriton {
namespace {

std::string And(const std::string& a, const std::string& b) { return a.empty() ? b : b.empty() ? a : a + " & " + b; }
std::string Plus(const std::string& a, const std::string& b) { return a.empty() ? b : b.empty() ? a : a + " + " + b; }

// "h_tap * 56"; nothing where either factor is 0.
std::string Times(const std::string& index, int64_t factor) {
  if (index.empty() || index == "0" || factor == 0) return "";
  return factor == 1 ? index : index + " * " + std::to_string(factor);
}

std::string Parenthesised(const std::string& text) { return text.find(' ') == std::string::npos ? text : "(" + text + ")"; }

// A number or a variable as a factor or divisor.
struct Amount {
  std::string text;
  bool one = false;
};

class GemmWriter {
 public:
  GemmWriter(const WindowProblem& problem, const GemmSchedule& schedule, KernelSource& kernel, std::optional<ImageView> image, WeightView weight)
      : problem_(problem),
        window_(problem.window()),
        schedule_(schedule),
        kernel_(kernel),
        image_(std::move(image)),
        weight_(std::move(weight)),
        down_(schedule.positions_first ? "[:, None]" : "[None, :]"),
        across_(schedule.positions_first ? "[None, :]" : "[:, None]"),
        wide_(NeedsWideIndex(*problem.lowered) ? ".to(tl.int64)" : "") {
    for (size_t i = 0; i < window_.dims.size(); ++i) {
      dims_.push_back({.name = SpatialName(window_.dims.size(), i), .walk = WalkOf(window_, i)});
      phases_ *= dims_[i].walk.phases;
      positions_ *= dims_[i].walk.positions;
    }
    positions_ *= problem.images;
  }

  std::vector<std::string> Write();   // the grid

 private:
  struct Dim {
    std::string name;         // "h"
    WindowWalk walk;
    std::string start;        // variable: where the window starts, a position
    std::string out;          // variable: the place in the result, where phases make it differ from the position
    std::string first_tap;    // of this phase; a number or a variable
    Amount taps;
    std::string tap;          // the current one, counted within the phase
    std::string index;        // variable: the place in the operand
  };

  void Tile();
  void Phase();
  void PhaseOf(size_t i, const std::string& phase);
  void Starts();
  void Loop();
  void StepLoop(const std::string& taps);
  void FlatLoop();
  void Taps(const std::string& tap);
  void Places(bool blocks);
  std::string ImageTile(const std::string& c, const std::string& c_mask);
  std::string ComputedTile(const std::string& mask);
  std::string PlainTile(const std::string& c, const std::string& mask);
  std::string WeightTile(const std::string& c, const std::string& c_mask);
  std::string WeightTaps() const;
  void Dot(const std::string& image, const std::string& weight);
  void Squeeze();
  void Epilogue();
  std::string Upper(const std::string& text) const;
  std::string PairText(const std::string& m, const std::string& k) const { return schedule_.positions_first ? m + ", " + k : k + ", " + m; }

  const WindowProblem& problem_;
  const Window& window_;
  const GemmSchedule& schedule_;
  KernelSource& kernel_;
  std::optional<ImageView> image_;   // else the input is computed where it is read
  WeightView weight_;
  std::string down_, across_;        // how positions and channels lie in the tile of the result
  std::string wide_;
  std::vector<Dim> dims_;
  int64_t phases_ = 1, positions_ = 1;   // positions of one phase
  std::string m_mask_, n_mask_;
  std::string rows_, weight_rows_;   // variables: the part of the operands' addresses that the loop does not change
  std::string inside_;               // which positions (flat: and taps) are inside of the input; may be empty
};

std::string GemmWriter::Upper(const std::string& text) const {
  std::string upper = text;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return upper;
}

void GemmWriter::Tile() {
  for (const char* name : {"tile", "group", "phase", "m", "n", "m_mask", "n_mask", "acc", "a", "b", "c", "k", "c_mask", "k_mask", "step", "tap",
                           "c_start", "k_start", "image", "inside", "taps", "a_rows", "b_rows"}) {
    kernel_.Fresh(name);
  }
  kernel_.Constant("BLOCK_M", schedule_.block_m), kernel_.Constant("BLOCK_N", schedule_.block_n), kernel_.Constant("BLOCK_K", schedule_.block_k);
  const Lowered& lowered = *problem_.lowered;
  const int64_t tiles_n = CeilDiv(problem_.out_channels, schedule_.block_n);
  const std::string tiles = tiles_n > 1 ? kernel_.Constant("TILES_N", tiles_n) : "";
  int axis = 1;
  kernel_.Line("tile = " + ProgramIdText(lowered, 0));
  if (problem_.groups > 1) kernel_.Line("group = " + ProgramIdText(lowered, axis++));
  if (phases_ > 1) kernel_.Line("phase = " + ProgramIdText(lowered, axis));
  kernel_.Line("m = tile" + (tiles.empty() ? "" : " // " + tiles) + " * BLOCK_M + tl.arange(0, BLOCK_M)");
  kernel_.Line("n = " + (tiles.empty() ? "" : "tile % " + tiles + " * BLOCK_N + ") + "tl.arange(0, BLOCK_N)" + (tiles.empty() ? wide_ : ""));
  if (positions_ % schedule_.block_m != 0) {
    m_mask_ = "m_mask";
    kernel_.Line("m_mask = m < " + kernel_.Constant("M", positions_));
  }
  if (problem_.out_channels % schedule_.block_n != 0) {
    n_mask_ = "n_mask";
    kernel_.Line("n_mask = n < " + kernel_.Constant("N", problem_.out_channels));
  }
}

void GemmWriter::Phase() {
  if (phases_ > 1) kernel_.Comment("Results a stride apart meet the same taps: each phase is a dense convolution of its own.");
  int64_t inner = phases_;
  bool outermost = true;
  for (size_t i = 0; i < dims_.size(); ++i) {
    inner /= dims_[i].walk.phases;
    if (dims_[i].walk.phases == 1) {
      const WindowPhase& only = dims_[i].walk.phase[0];
      dims_[i].first_tap = std::to_string(only.first_tap);
      dims_[i].taps = {std::to_string(only.taps), only.taps == 1};
      continue;
    }
    PhaseOf(i, PartText("phase", inner, dims_[i].walk.phases, outermost));
    outermost = false;
  }
}

// The arithmetic of window.cc's TransposedPhase, in the kernel.
void GemmWriter::PhaseOf(size_t i, const std::string& phase) {
  Dim& dim = dims_[i];
  const WindowDim& size = window_.dims[i];
  const std::string name = dim.name, upper = Upper(name), stride = kernel_.Constant("STRIDE_" + upper, size.stride);
  const std::string kernel = kernel_.Constant("KERNEL_" + upper, size.kernel);
  const int64_t shared = std::gcd(size.stride, size.dilation), tap_step = dim.walk.tap_step;
  const std::string shifted = kernel_.Fresh(name + "_shifted");
  dim.out = kernel_.Fresh(name + "_phase");
  dim.first_tap = kernel_.Fresh(name + "_first");
  dim.taps = {kernel_.Fresh(name + "_taps"), false};
  kernel_.Line(dim.out + " = " + phase);
  kernel_.Line(shifted + " = " + dim.out + (size.padding == 0 ? "" : " + " + kernel_.Constant("PADDING_" + upper, size.padding)));
  std::string first = shifted + " % " + stride;
  if (shared > 1) first += " // " + std::to_string(shared);
  int64_t inverse = 1 % tap_step;   // of dilation / shared, modulo tap_step
  while (inverse < tap_step && inverse * (size.dilation / shared) % tap_step != 1 % tap_step) ++inverse;
  if (inverse > 1) first += " * " + std::to_string(inverse) + " % " + std::to_string(tap_step);
  if (tap_step == 1) first = "0";
  kernel_.Line(dim.first_tap + " = " + first);
  std::string taps = "(" + kernel + " - " + dim.first_tap + " + " + std::to_string(tap_step - 1) + ") // " + std::to_string(tap_step);
  if (shared > 1) taps = "tl.where(" + shifted + " % " + std::to_string(shared) + " == 0, " + taps + ", 0)";
  kernel_.Line(dim.taps.text + " = " + taps);
  dim.start = kernel_.Fresh(name + "_begin");
  kernel_.Line(dim.start + " = (" + shifted + " - " + Parenthesised(Times(dim.first_tap, size.dilation)) + ") // " + stride);
}

void GemmWriter::Starts() {
  int64_t inner = positions_ / problem_.images;
  if (problem_.images > 1) kernel_.Line("image = " + PartText("m", inner, problem_.images, true));
  for (size_t i = 0; i < dims_.size(); ++i) {
    Dim& dim = dims_[i];
    inner /= dim.walk.positions;
    const std::string position = PartText("m", inner, dim.walk.positions, i == 0 && problem_.images == 1);
    const int64_t shift = image_ ? image_->shift[i] : 0;
    const std::string start = kernel_.Fresh(dim.name + "_start");
    if (dim.walk.phases > 1) {
      kernel_.Line(start + " = " + position + " + " + dim.start + (shift == 0 ? "" : " + " + std::to_string(shift)));
      const std::string out = kernel_.Fresh(dim.name + "_out");
      kernel_.Line(out + " = " + Parenthesised(position) + " * " + std::to_string(dim.walk.phases) + " + " + dim.out);
      dim.out = out;
    } else {
      const int64_t offset = dim.walk.phase[0].start + shift;
      const std::string text = dim.walk.stride == 1 ? position : position + " * " + kernel_.Constant("STRIDE_" + Upper(dim.name), dim.walk.stride);
      kernel_.Line(start + " = " + text + (offset == 0 ? "" : offset > 0 ? " + " + std::to_string(offset) : " - " + std::to_string(-offset)));
      if (phases_ > 1) {
        dim.out = kernel_.Fresh(dim.name + "_out");
        kernel_.Line(dim.out + " = " + position);
      }
    }
    dim.start = start;
  }
  if (image_) {
    std::string rows = problem_.images > 1 ? Times("image", image_->image) : "";
    if (problem_.groups > 1) rows = Plus(rows, Times("group", image_->group));
    for (size_t i = 0; i < dims_.size(); ++i) rows = Plus(rows, Times(dims_[i].start, image_->space[i]));
    if (image_->offset != 0) rows = Plus(rows, std::to_string(image_->offset));
    rows_ = "a_rows";
    kernel_.Line("a_rows = " + (rows.empty() ? "m * 0" : rows));
  }
  std::string rows = Times("n", weight_.out);
  if (problem_.groups > 1) rows = Plus(rows, Times("group", weight_.group));
  if (weight_.offset != 0) rows = Plus(rows, std::to_string(weight_.offset));
  weight_rows_ = "b_rows";
  kernel_.Line("b_rows = " + (rows.empty() ? "n * 0" : rows));
}

// Where the current taps are in the operand, and whether that is inside; `blocks`: taps are a block of their own.
void GemmWriter::Places(bool blocks) {
  inside_ = m_mask_.empty() ? "" : blocks ? m_mask_ + down_ : m_mask_;
  const bool padded = image_ && image_->padded;
  for (size_t i = 0; i < dims_.size() && !padded; ++i) {
    Dim& dim = dims_[i];
    const bool below = dim.walk.Lowest() < 0, above = dim.walk.Highest() >= window_.dims[i].input;
    if (!below && !above && image_) continue;
    dim.index = kernel_.Fresh(dim.name);
    std::string moved = dim.tap.empty() || dim.tap == "0" ? "" : Times(dim.tap, std::abs(dim.walk.step));
    if (blocks) {
      kernel_.Line(dim.index + " = " + dim.start + down_ + (moved.empty() ? "" : (dim.walk.step < 0 ? " - (" : " + (") + moved + ")" + across_));
    } else {
      kernel_.Line(dim.index + " = " + dim.start + (moved.empty() ? "" : (dim.walk.step < 0 ? " - " : " + ") + moved));
    }
    if (below) inside_ = And(inside_, "(" + dim.index + " >= 0)");
    if (above) inside_ = And(inside_, "(" + dim.index + " < " + kernel_.Constant("IN_" + Upper(dim.name), window_.dims[i].input) + ")");
  }
  if (inside_.empty() || inside_ == m_mask_) return;
  kernel_.Line("inside = " + inside_);
  inside_ = "inside";
}

// The taps of each dimension out of one row-major index.
void GemmWriter::Taps(const std::string& tap) {
  std::string inner;
  bool first = true;
  for (size_t i = dims_.size(); i-- > 0;) {
    Dim& dim = dims_[i];
    bool outermost = true;
    for (size_t j = 0; j < i; ++j) outermost = outermost && dims_[j].taps.one;
    if (dim.taps.one) {
      dim.tap = "0";
      continue;
    }
    const std::string text = tap + (first ? "" : " // " + Parenthesised(inner)) + (outermost ? "" : " % " + dim.taps.text);
    dim.tap = text == tap ? tap : kernel_.Fresh(dim.name + "_tap");
    if (text != tap) kernel_.Line(dim.tap + " = " + text);
    inner = first ? dim.taps.text : inner + " * " + dim.taps.text;
    first = false;
  }
}

void GemmWriter::Loop() {
  const std::string shape = schedule_.positions_first ? "(BLOCK_M, BLOCK_N)" : "(BLOCK_N, BLOCK_M)";
  kernel_.Line("acc = tl.zeros(" + shape + ", dtype=tl.float32)");
  if (schedule_.flat) return FlatLoop();
  std::string taps;
  int64_t fixed = 1;
  for (const Dim& dim : dims_) {
    if (dim.walk.phases == 1) fixed *= dim.walk.phase[0].taps;
    if (dim.walk.phases > 1) taps += (taps.empty() ? "" : " * ") + dim.taps.text;
  }
  if (taps.empty()) {
    taps = fixed == 1 ? "" : kernel_.Constant("TAPS", fixed);
  } else {
    kernel_.Line("taps = " + taps + (fixed == 1 ? "" : " * " + std::to_string(fixed)));
    taps = "taps";
  }
  StepLoop(taps);
}

// Taps inside of channels: neighbouring windows share most of what they read.
void GemmWriter::StepLoop(const std::string& taps) {
  const std::string channels = kernel_.Constant("C", problem_.in_channels);
  const int64_t blocks = CeilDiv(problem_.in_channels, schedule_.block_k);
  const std::string steps = blocks == 1 ? "" : kernel_.Constant("BLOCKS_C", blocks);
  const bool even = problem_.in_channels % schedule_.block_k == 0;
  auto lanes = [&](const std::string& start) {
    kernel_.Line("c = " + (start.empty() ? "" : start + " + ") + "tl.arange(0, BLOCK_K)" + wide_);
    if (!even) kernel_.Line("c_mask = c < " + channels);
  };
  if (blocks == 1) lanes("");
  if (taps.empty()) {
    kernel_.Line(blocks == 1 ? "for c_start in range(0, 1):" : "for c_start in range(0, " + channels + ", BLOCK_K):");
    kernel_.Indent();
    if (blocks > 1) lanes("c_start");
    Taps("0");
  } else {
    kernel_.Line("for " + std::string(blocks == 1 ? "tap" : "step") + " in range(0, " + taps + (blocks == 1 ? "" : " * " + steps) + "):");
    kernel_.Indent();
    if (blocks > 1) {
      kernel_.Line("tap = step % " + taps);
      lanes("step // " + taps + " * BLOCK_K");
    }
    Taps("tap");
  }
  Places(false);
  const std::string c_mask = even ? "" : "c_mask";
  const std::string image = ImageTile("c", c_mask), weight = WeightTile("c", c_mask);
  Dot(image, weight);
  kernel_.Dedent();
}

// One index over channels and taps: for inputs of few channels.
void GemmWriter::FlatLoop() {
  const int64_t taps = window_.TapCount(), length = problem_.SumLength();
  const bool even = length % schedule_.block_k == 0;
  kernel_.Line("for k_start in range(0, " + kernel_.Constant("K", length) + ", BLOCK_K):");
  kernel_.Indent();
  kernel_.Line("k = k_start + tl.arange(0, BLOCK_K)" + wide_);
  if (!even) kernel_.Line("k_mask = k < K");
  kernel_.Line("c = k // " + kernel_.Constant("TAPS", taps));
  kernel_.Line("tap = k % TAPS");
  Taps("tap");
  Places(true);
  const std::string k_mask = even ? "" : "k_mask";
  const std::string image = ImageTile("c", k_mask), weight = WeightTile("c", k_mask);
  Dot(image, weight);
  kernel_.Dedent();
}

std::string GemmWriter::ImageTile(const std::string& c, const std::string& c_mask) {
  const bool inside_is_block = schedule_.flat && inside_ == "inside";
  std::string mask = inside_.empty() ? "" : inside_is_block ? inside_ : inside_ == m_mask_ + down_ ? inside_ : inside_ + down_;
  mask = And(mask, c_mask.empty() ? "" : c_mask + across_);
  return image_ ? PlainTile(c, mask) : ComputedTile(mask);
}

std::string GemmWriter::PlainTile(const std::string& c, const std::string& mask) {
  std::string taps;   // of this step: one number, or flat a block along k
  for (size_t i = 0; i < dims_.size(); ++i) taps = Plus(taps, Times(dims_[i].tap, dims_[i].walk.step * image_->space[i]));
  const std::string pointer = kernel_.Pointer(image_->tensor), name = pointer.substr(0, pointer.size() - 4);
  const std::string stride = image_->channel == 1 ? "" : " * " + kernel_.Constant(name + "_stride_c", image_->channel);
  std::string address = pointer + " + " + rows_ + down_;
  if (schedule_.flat) {
    address += " + (" + Plus(c + stride, taps) + ")" + across_;
  } else {
    address += (taps.empty() ? "" : " + (" + taps + ")") + " + " + c + across_ + stride;
  }
  kernel_.Line("a = tl.load(" + address + (mask.empty() ? "" : ", mask=" + mask + ", other=0.0") + ")");
  return "a";
}

// What is fused in front of the convolution, computed for every tap anew.
std::string GemmWriter::ComputedTile(const std::string& mask) {
  const LoweredNode& node = problem_.lowered->node(problem_.input);
  const std::string c_mask = schedule_.flat ? (problem_.SumLength() % schedule_.block_k == 0 ? "" : "k_mask") : (problem_.in_channels % schedule_.block_k == 0 ? "" : "c_mask");
  const bool block = schedule_.flat && inside_ == "inside";
  const std::string inside = inside_.empty() ? "" : block || inside_ == m_mask_ + down_ ? inside_ : inside_ + down_;
  std::vector<TileDim> dims = {{"image" + down_, window_.in_batch, inside, "", "image"},
                               {"group", window_.in_groups, "", "", "group"},
                               {"c" + across_, window_.in_channels, c_mask.empty() ? "" : c_mask + across_, "", "c"}};
  for (size_t i = 0; i < dims_.size(); ++i) {
    dims.push_back({schedule_.flat ? dims_[i].index : dims_[i].index + down_, window_.in_space[i], inside, "", dims_[i].name});
  }
  std::string text = TileWriter(*problem_.lowered, kernel_, std::move(dims)).Value(problem_.input);
  if (!mask.empty()) text = "tl.where(" + mask + ", " + text + ", 0.0)";
  if (RegisterType(node.dtype) != problem_.dtype) text = "(" + text + ").to(" + std::string(TritonName(problem_.dtype)) + ")";
  kernel_.Line("a = tl.broadcast_to(" + text + ", (" + PairText("BLOCK_M", "BLOCK_K") + "))");
  return "a";
}

std::string GemmWriter::WeightTaps() const {
  std::string text;
  for (size_t i = 0; i < dims_.size(); ++i) {
    const Dim& dim = dims_[i];
    text = Plus(text, Times(dim.tap, dim.walk.tap_step * weight_.taps[i]));
    if (dim.first_tap != "0") text = Plus(text, Times(dim.first_tap, weight_.taps[i]));
  }
  return text;
}

std::string GemmWriter::WeightTile(const std::string& c, const std::string& c_mask) {
  const std::string pointer = kernel_.Pointer(weight_.tensor), name = pointer.substr(0, pointer.size() - 4);
  std::string taps = WeightTaps();
  const std::string stride = weight_.in == 1 ? "" : " * " + kernel_.Constant(name + "_stride_c", weight_.in);
  std::string address = pointer + " + " + weight_rows_ + across_;
  if (schedule_.flat) {
    bool whole = weight_.in == window_.TapCount();   // channels x taps as they are counted
    int64_t inner = 1;
    for (size_t i = dims_.size(); i-- > 0; inner *= window_.dims[i].kernel) whole = whole && (weight_.taps[i] == inner || window_.dims[i].kernel == 1);
    address += " + " + (whole ? "k" + down_ : "(" + Plus(c + stride, taps) + ")" + down_);
  } else {
    address += (taps.empty() ? "" : " + (" + taps + ")") + " + " + c + down_ + stride;
  }
  const std::string mask = And(n_mask_.empty() ? "" : n_mask_ + across_, c_mask.empty() ? "" : c_mask + down_);
  kernel_.Line("b = tl.load(" + address + (mask.empty() ? "" : ", mask=" + mask + ", other=0.0") + ")");
  return "b";
}

void GemmWriter::Dot(const std::string& image, const std::string& weight) {
  const std::string operands = schedule_.positions_first ? image + ", " + weight : weight + ", " + image;
  kernel_.Line("acc = tl.dot(" + operands + ", acc" + DotPrecision(schedule_.precision) + ")");
}

// A result of one position or one channel has no index for it: the tile shrinks to the one.
void GemmWriter::Squeeze() {
  const bool first = schedule_.positions_first;
  auto squeeze = [&](const std::string& index, bool rows) {
    kernel_.Line("acc = tl.sum(tl.where(" + index + " == 0, acc, 0.0), axis=" + (rows ? "0" : "1") + ", keep_dims=True)");
  };
  if (window_.Positions().empty()) squeeze("m" + down_, first);
  if (window_.channels.empty()) squeeze("n" + across_, !first);
}

void GemmWriter::Epilogue() {
  Squeeze();
  std::string valid = m_mask_;
  if (phases_ > 1) {
    for (size_t i = 0; i < dims_.size(); ++i) {
      const Dim& dim = dims_[i];
      if (window_.dims[i].output % dim.walk.phases == 0) continue;
      valid = And(valid, "(" + dim.out + " < " + kernel_.Constant("OUT_" + Upper(dim.name), window_.dims[i].output) + ")");
    }
  }
  if (valid != m_mask_) {
    const std::string name = kernel_.Fresh("valid");
    kernel_.Line(name + " = " + valid);
    valid = name;
  }
  if (!valid.empty()) valid += down_;
  std::vector<TileDim> dims = {{"group", window_.groups, "", "", "group"},
                               {"n" + across_, window_.channels, n_mask_.empty() ? "" : n_mask_ + across_, "N", "n"}};
  if (phases_ == 1) {
    dims.push_back({"m" + down_, window_.Positions(), valid, "M", "m"});
  } else {
    dims.push_back({"image" + down_, window_.batch, valid, "", "image"});
    for (size_t i = 0; i < dims_.size(); ++i) dims.push_back({dims_[i].out + down_, window_.space[i], valid, "", dims_[i].name});
  }
  TileWriter tile(*problem_.lowered, kernel_, std::move(dims));
  tile.Bind(problem_.nodes.front(), "acc");
  for (const LoweredStore& store : problem_.lowered->stores) tile.StoreValue(store);
}

std::vector<std::string> GemmWriter::Write() {
  kernel_.Doc(schedule_.positions_first ? "One tile of positions x out channels, and what follows it, a program."
                                        : "One tile of out channels x positions, and what follows it, a program.");
  Tile();
  Phase();
  Starts();
  Loop();
  Epilogue();
  std::vector<std::string> grid{std::to_string(CeilDiv(positions_, schedule_.block_m) * CeilDiv(problem_.out_channels, schedule_.block_n))};
  if (problem_.groups > 1) grid.push_back(std::to_string(problem_.groups));
  if (phases_ > 1) grid.push_back(std::to_string(phases_));
  return grid;
}

std::string Why(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device) {
  const double bytes_us = (problem.input_bytes + problem.weight_bytes + problem.epilogue_bytes) / device.memory_bytes_per_us;
  const double flops_us = problem.Flops() / device.MatmulFlopsPerUs(problem.dtype, schedule.precision == Precision::kTf32);
  std::string text = bytes_us > flops_us ? "bound by memory" : "bound by the tensor cores";
  if (problem.window().transposed) text += "; every phase has its own share of the taps, so that no product with an inserted zero is made";
  if (schedule.flat) text += "; few channels, so the sum runs over channels and taps at once";
  if (schedule.pack_input) text += "; the input was rewritten, so the loop loads whole vectors and checks no bounds";
  return text;
}

}  // namespace

void AppendGemm(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                Proposal& proposal) {
  const Lowered& lowered = *problem.lowered;
  std::vector<KernelPlan> plans;   // rewritten operands first
  const std::optional<ImageView> image = schedule.pack_input ? PackImage(problem, device, module, plans) : PlainImage(problem);
  const WeightView weight = schedule.pack_weight ? PackWeight(problem, device, module, plans) : *PlainWeight(problem);
  KernelSource& kernel = module.AddKernel(KernelName(lowered.operators));
  const std::vector<std::string> grid = GemmWriter(problem, schedule, kernel, image, weight).Write();
  module.Launch(kernel, grid, schedule.num_warps, schedule.num_stages);

  KernelPlan plan{.name = kernel.name(), .family = "convolution", .fuses = lowered.operators};
  plan.tile = {{"BLOCK_M", schedule.block_m}, {"BLOCK_N", schedule.block_n}, {"BLOCK_K", schedule.block_k}};
  plan.num_warps = schedule.num_warps;
  plan.num_stages = schedule.num_stages;
  plan.numerics = NumericsText(schedule.precision, problem.dtype);
  plan.why = Why(problem, schedule, device);
  plan.estimated_us = schedule.estimated_us;
  for (const KernelPlan& before : plans) plan.estimated_us -= before.estimated_us + device.launch_us;
  plans.push_back(std::move(plan));
  proposal.kernels.insert(proposal.kernels.end(), plans.begin(), plans.end());
  proposal.estimated_us += schedule.estimated_us;
}

Proposal WriteGemm(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device) {
  ModuleSource module(*problem.lowered);
  Proposal proposal{.proposer = "templates"};
  AppendGemm(problem, schedule, device, module, proposal);
  proposal.source = module.Text(OperatorsText(*problem.lowered) + " (" + Describe(schedule) + ").");
  return proposal;
}

}  // namespace drtriton
