// The tiles that one step of an implicit product's loop multiplies; see implicit_gemm_writer.h.
#include "templates/implicit_gemm_writer.h"
#include "templates/tile.h"

namespace drtriton {

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
  if (schedule_.precision == Precision::kTf32) {
    // What was packed has been rounded.
    for (const auto& [operand, is_packed] : {std::pair(image, schedule_.pack_input), std::pair(weight, schedule_.pack_weight)}) {
      if (is_packed) continue;
      kernel_.helpers().insert("round_tf32");
      kernel_.Line(operand + " = round_tf32(" + operand + ")");
    }
  }
  const std::string operands = schedule_.positions_first ? image + ", " + weight : weight + ", " + image;
  kernel_.Line("acc = tl.dot(" + operands + ", acc" + DotPrecision(schedule_.precision) + ")");
}

}  // namespace drtriton
