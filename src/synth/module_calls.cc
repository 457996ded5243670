// Positions of arguments follow the schemas in graph/operators_*.cc; module_text_test.cc imports what is written here.
#include "synth/module_calls.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace drtriton {
namespace {

// One call being written.
class CallWriter {
 public:
  CallWriter(std::string& out, const Node& node, const NameOf& name_of) : out_(out), node_(node), name_of_(name_of) {}

  const Attr& Arg(size_t position) const { return node_.args[position]; }
  bool Has(size_t position) const { return position < node_.args.size() && !Arg(position).IsNone(); }
  bool Uses(size_t output) const { return output < node_.outputs.size() && node_.outputs[output] >= 0; }

  void Text(std::string_view text) { out_ += text; }
  void Item(const Attr& item) { out_ += PythonText(item, name_of_); }
  void Value(size_t position) { Item(Arg(position)); }
  void Keyword(std::string_view name, size_t position) {
    out_ += ", ";
    out_ += name;
    out_ += '=';
    OneOrAll(position);
  }
  // One item for a list whose items are equal.
  void OneOrAll(size_t position) {
    const Attr& arg = Arg(position);
    const bool equal = arg.Is<AttrList>() && !arg.AsList().empty() && AllEqual(position, arg.AsList()[0]);
    out_ += PythonText(equal ? arg.AsList()[0] : arg, name_of_);
  }
  bool AllEqual(size_t position, const Attr& item) const {
    const AttrList& list = Arg(position).AsList();
    return std::all_of(list.begin(), list.end(), [&](const Attr& other) { return other == item; });
  }
  // ", name=value" unless it is the usual one.
  void KeywordUnless(std::string_view name, size_t position, const Attr& usual) {
    if (Has(position) && !(Arg(position) == usual)) Keyword(name, position);
  }
  void Reduction(size_t position) {
    static constexpr std::string_view kNames[] = {"none", "mean", "sum"};
    const int64_t reduction = Arg(position).AsInt();
    if (reduction == 1) return;
    out_ += ", reduction='";
    out_ += kNames[reduction];
    out_ += '\'';
  }
  // "F.name(first, second"
  void Open(std::string_view function, int values) {
    out_ += function;
    out_ += '(';
    for (int i = 0; i < values; ++i) {
      if (i > 0) out_ += ", ";
      Value(static_cast<size_t>(i));
    }
  }

 private:
  std::string& out_;
  const Node& node_;
  const NameOf& name_of_;
};

using Writer = bool (*)(CallWriter&);  // false: nothing was written, the registry's form does better

// A loss: F.name(self, target, keywords...), each keyword left out where it has its usual value.
struct LossKeyword {
  std::string_view name;
  size_t position;
  Attr usual;
};
struct Loss {
  std::string_view function;
  size_t reduction;  // its position
  std::vector<LossKeyword> keywords;
};

const std::unordered_map<std::string_view, Loss>& Losses() {
  static const auto* const losses = new std::unordered_map<std::string_view, Loss>{
      {"aten.mse_loss.default", {"F.mse_loss", 2, {}}},
      {"aten.l1_loss.default", {"F.l1_loss", 2, {}}},
      {"aten.smooth_l1_loss.default", {"F.smooth_l1_loss", 2, {{"beta", 3, Attr(1.0)}}}},
      {"aten.huber_loss.default", {"F.huber_loss", 2, {{"delta", 3, Attr(1.0)}}}},
      {"aten.binary_cross_entropy.default", {"F.binary_cross_entropy", 3, {{"weight", 2, Attr()}}}},
      {"aten.binary_cross_entropy_with_logits.default",
       {"F.binary_cross_entropy_with_logits", 4, {{"weight", 2, Attr()}, {"pos_weight", 3, Attr()}}}},
      {"aten.kl_div.default", {"F.kl_div", 2, {{"log_target", 3, Attr(false)}}}},
      {"aten.cross_entropy_loss.default",
       {"F.cross_entropy",
        3,
        {{"weight", 2, Attr()}, {"ignore_index", 4, Attr(-100)}, {"label_smoothing", 5, Attr(0.0)}}}},
      {"aten.nll_loss_nd.default", {"F.nll_loss", 3, {{"weight", 2, Attr()}, {"ignore_index", 4, Attr(-100)}}}},
  };
  return *losses;
}

void WriteLoss(CallWriter& w, const Loss& loss) {
  w.Open(loss.function, 2);
  for (const LossKeyword& keyword : loss.keywords) w.KeywordUnless(keyword.name, keyword.position, keyword.usual);
  w.Reduction(loss.reduction);
  w.Text(")");
}

// x[:, 2:10:2]
bool WriteSlice(CallWriter& w) {
  const bool from_start = !w.Has(2) || w.Arg(2).AsInt() == 0;
  const bool to_end = !w.Has(3) || w.Arg(3).AsInt() == std::numeric_limits<int64_t>::max();
  const bool nothing_cut = from_start && to_end && w.Arg(4).AsInt() == 1;  // x[:] would be x itself
  if (w.Arg(1).AsInt() < 0 || nothing_cut) return false;
  w.Value(0);
  w.Text("[");
  for (int64_t i = 0; i < w.Arg(1).AsInt(); ++i) w.Text(":, ");
  if (!from_start) w.Value(2);
  w.Text(":");
  if (!to_end) w.Value(3);
  if (w.Arg(4).AsInt() != 1) {
    w.Text(":");
    w.Value(4);
  }
  w.Text("]");
  return true;
}

// x[:, index]
bool WriteIndex(CallWriter& w) {
  const AttrList& indices = w.Arg(1).AsList();
  w.Value(0);
  w.Text("[");
  for (size_t i = 0; i < indices.size(); ++i) {
    if (i > 0) w.Text(", ");
    w.Text(indices[i].IsNone() ? ":" : "");
    if (!indices[i].IsNone()) w.Item(indices[i]);
  }
  w.Text("]");
  return true;
}

template <int kDims>
bool WriteAdaptiveMaxPool(CallWriter& w) {
  static const std::string name = "F.adaptive_max_pool" + std::to_string(kDims) + "d(";
  w.Text(name);
  w.Value(0);
  w.Text(", ");
  w.OneOrAll(1);
  if (w.Uses(1)) w.Text(", return_indices=True");
  w.Text(")");
  return true;
}

// max_poolNd_with_indices(self, kernel_size, stride, padding, dilation, ceil_mode)
template <int kDims>
bool WriteMaxPoolWithIndices(CallWriter& w) {
  static const std::string name = "F.max_pool" + std::to_string(kDims) + "d(";
  w.Text(name);
  w.Value(0);
  w.Text(", ");
  w.OneOrAll(1);
  if (!w.Arg(2).AsInts().empty()) w.Keyword("stride", 2);
  if (!w.AllEqual(3, Attr(0))) w.Keyword("padding", 3);
  if (!w.AllEqual(4, Attr(1))) w.Keyword("dilation", 4);
  w.KeywordUnless("ceil_mode", 5, Attr(false));
  w.Text(", return_indices=True)");
  return true;
}

// upsample_nearest2d.vec(input, output_size, scale_factors)
bool WriteUpsampleNearest(CallWriter& w) {
  w.Open("F.interpolate", 1);
  if (w.Has(1)) w.Keyword("size", 1);
  if (w.Has(2)) w.Keyword("scale_factor", 2);
  w.Text(")");
  return true;
}

// upsample_bilinear2d.vec(input, output_size, align_corners, scale_factors)
bool WriteUpsampleBilinear(CallWriter& w) {
  w.Open("F.interpolate", 1);
  if (w.Has(1)) w.Keyword("size", 1);
  if (w.Has(3)) w.Keyword("scale_factor", 3);
  w.Text(", mode='bilinear'");
  w.KeywordUnless("align_corners", 2, Attr(false));
  w.Text(")");
  return true;
}

// to.dtype(self, dtype, non_blocking, copy, memory_format)
bool WriteTo(CallWriter& w) {
  w.Value(0);
  w.Text(".to(");
  w.Value(1);
  w.KeywordUnless("copy", 3, Attr(false));
  w.Text(")");
  return true;
}

// batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled)
bool WriteBatchNorm(CallWriter& w) {
  if (w.Arg(5).AsBool()) return false;
  w.Text("F.batch_norm(");
  for (const size_t position : {size_t{0}, size_t{3}, size_t{4}, size_t{1}, size_t{2}}) {
    if (position != 0) w.Text(", ");
    w.Value(position);
  }
  w.KeywordUnless("momentum", 6, Attr(0.1));
  w.KeywordUnless("eps", 7, Attr(1e-5));
  w.Text(")");
  return true;
}

// var.dim(self, dim, unbiased, keepdim)
template <const char* const* kFunction>
bool WriteVariance(CallWriter& w) {
  w.Open(*kFunction, 1);
  w.Keyword("dim", 1);
  w.KeywordUnless("unbiased", 2, Attr(true));
  w.KeywordUnless("keepdim", 3, Attr(false));
  w.Text(")");
  return true;
}

// var(self, unbiased); without the keyword the call would be var.correction.
template <const char* const* kFunction>
bool WriteWholeVariance(CallWriter& w) {
  w.Open(*kFunction, 1);
  w.Keyword("unbiased", 1);
  w.Text(")");
  return true;
}

// var.correction(self, dim, correction, keepdim); without a correction the call would be var.dim.
template <const char* const* kFunction>
bool WriteCorrectedVariance(CallWriter& w) {
  w.Open(*kFunction, 1);
  if (w.Has(1)) w.Keyword("dim", 1);
  if (w.Has(2)) {
    w.Keyword("correction", 2);
  } else {
    w.Text(", correction=1");
  }
  w.KeywordUnless("keepdim", 3, Attr(false));
  w.Text(")");
  return true;
}
constexpr const char* kVar = "torch.var";
constexpr const char* kStd = "torch.std";
constexpr const char* kVarMean = "torch.var_mean";
constexpr const char* kStdMean = "torch.std_mean";

// The operator `x & y` has another name in ATen than the function.
template <const char* const* kFunction>
bool WriteFunction(CallWriter& w) {
  w.Open(*kFunction, 2);
  w.Text(")");
  return true;
}
constexpr const char* kAnd = "torch.bitwise_and";
constexpr const char* kOr = "torch.bitwise_or";
constexpr const char* kXor = "torch.bitwise_xor";
constexpr const char* kLeftShift = "torch.bitwise_left_shift";
constexpr const char* kRightShift = "torch.bitwise_right_shift";

const std::unordered_map<std::string_view, Writer>& Writers() {
  static const auto* const writers = new std::unordered_map<std::string_view, Writer>{
      {"aten.slice.Tensor", WriteSlice},
      {"aten.index.Tensor", WriteIndex},
      {"aten.adaptive_max_pool1d.default", WriteAdaptiveMaxPool<1>},
      {"aten.adaptive_max_pool2d.default", WriteAdaptiveMaxPool<2>},
      {"aten.adaptive_max_pool3d.default", WriteAdaptiveMaxPool<3>},
      {"aten.max_pool2d_with_indices.default", WriteMaxPoolWithIndices<2>},
      {"aten.max_pool3d_with_indices.default", WriteMaxPoolWithIndices<3>},
      {"aten.upsample_nearest2d.vec", WriteUpsampleNearest},
      {"aten.upsample_bilinear2d.vec", WriteUpsampleBilinear},
      {"aten.batch_norm.default", WriteBatchNorm},
      {"aten.to.dtype", WriteTo},
      {"aten.var.default", WriteWholeVariance<&kVar>},
      {"aten.std.default", WriteWholeVariance<&kStd>},
      {"aten.var_mean.default", WriteWholeVariance<&kVarMean>},
      {"aten.std_mean.default", WriteWholeVariance<&kStdMean>},
      {"aten.var.dim", WriteVariance<&kVar>},
      {"aten.std.dim", WriteVariance<&kStd>},
      {"aten.var_mean.dim", WriteVariance<&kVarMean>},
      {"aten.std_mean.dim", WriteVariance<&kStdMean>},
      {"aten.var.correction", WriteCorrectedVariance<&kVar>},
      {"aten.std.correction", WriteCorrectedVariance<&kStd>},
      {"aten.var_mean.correction", WriteCorrectedVariance<&kVarMean>},
      {"aten.std_mean.correction", WriteCorrectedVariance<&kStdMean>},
      {"aten.bitwise_and.Tensor", WriteFunction<&kAnd>},
      {"aten.bitwise_and.Scalar", WriteFunction<&kAnd>},
      {"aten.bitwise_or.Tensor", WriteFunction<&kOr>},
      {"aten.bitwise_or.Scalar", WriteFunction<&kOr>},
      {"aten.bitwise_xor.Tensor", WriteFunction<&kXor>},
      {"aten.bitwise_xor.Scalar", WriteFunction<&kXor>},
      {"aten.bitwise_left_shift.Tensor", WriteFunction<&kLeftShift>},
      {"aten.bitwise_left_shift.Tensor_Scalar", WriteFunction<&kLeftShift>},
      {"aten.bitwise_right_shift.Tensor", WriteFunction<&kRightShift>},
      {"aten.bitwise_right_shift.Tensor_Scalar", WriteFunction<&kRightShift>},
  };
  return *writers;
}

}  // namespace

void AppendCall(std::string& out, const Node& node, const NameOf& name_of) {
  CallWriter writer(out, node, name_of);
  if (const auto found = Writers().find(node.op); found != Writers().end()) {
    if (found->second(writer)) return;
  } else if (const auto loss = Losses().find(node.op); loss != Losses().end()) {
    return WriteLoss(writer, loss->second);
  }
  AppendCallText(out, node, name_of);
}

}  // namespace drtriton
