// See implicit_gemm_writer.h.
#include "templates/implicit_gemm_writer.h"

#include <algorithm>
#include <cctype>
#include <numeric>

#include "templates/direct_convolution.h"
#include "templates/tile.h"

namespace drtriton {

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

}  // namespace drtriton
