#include "execute/value_bounds.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "graph/base_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Results that lie in an interval whatever the operand is.
const std::map<std::string, ValueBounds>& FixedBounds() {
  static const std::map<std::string, ValueBounds> bounds = {
      {"sigmoid", {0, 1}}, {"hardsigmoid", {0, 1}}, {"softmax", {0, 1}}, {"_softmax", {0, 1}}, {"tanh", {-1, 1}}, {"erf", {-1, 1}},
      {"erfc", {0, 2}}, {"sin", {-1, 1}}, {"cos", {-1, 1}}, {"softsign", {-1, 1}}, {"relu6", {0, 6}}, {"sign", {-1, 1, true}}, {"sgn", {-1, 1, true}},
      {"exp", {0, kInfinity}}, {"exp2", {0, kInfinity}}, {"square", {0, kInfinity}}, {"abs", {0, kInfinity}}, {"sqrt", {0, kInfinity}}, {"rsqrt", {0, kInfinity}},
      {"softplus", {0, kInfinity}}, {"relu", {0, kInfinity}}, {"cosh", {1, kInfinity}}, {"var", {0, kInfinity}}, {"std", {0, kInfinity}},
      {"norm", {0, kInfinity}}, {"linalg_vector_norm", {0, kInfinity}}, {"expm1", {-1, kInfinity}}, {"log_softmax", {-kInfinity, 0}}, {"_log_softmax", {-kInfinity, 0}},
      {"logsigmoid", {-kInfinity, 0}}, {"log_sigmoid", {-kInfinity, 0}}, {"gelu", {-0.171, kInfinity}}, {"silu", {-0.279, kInfinity}}, {"mish", {-0.309, kInfinity}},
      {"hardswish", {-0.376, kInfinity}}, {"atan", {-1.5708, 1.5708}}, {"eq", {0, 1, true}}, {"ne", {0, 1, true}}, {"lt", {0, 1, true}}, {"le", {0, 1, true}},
      {"gt", {0, 1, true}}, {"special_i0e", {0, 1}}, {"special_i0", {1, kInfinity}}, {"i0", {1, kInfinity}}, {"hypot", {0, kInfinity}}, {"ge", {0, 1, true}}, {"one_hot", {0, 1, true}},
      {"special_erfcx", {0, kInfinity}}, {"mse_loss", {0, kInfinity}}, {"l1_loss", {0, kInfinity}}, {"smooth_l1_loss", {0, kInfinity}}, {"huber_loss", {0, kInfinity}}, {"soft_margin_loss", {0, kInfinity}},
      {"count_nonzero", {0, kInfinity, true}}};
  return bounds;
}

// Results whose elements are elements, averages or extremes of the first operand's.
bool KeepsBounds(const std::string& base) {
  static const std::set<std::string> kKeeping = {
      "view", "reshape", "permute", "transpose", "t", "expand", "unsqueeze", "squeeze", "flatten", "unflatten", "select", "slice", "clone", "contiguous", "alias", "detach", "to", "_to_copy",
      "flip", "roll", "repeat", "tile", "narrow", "mean", "amax", "amin", "max", "min", "median", "max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices",
      "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "upsample_nearest2d", "gather", "index_select", "sort", "topk", "cummax", "cummin",
      "replication_pad1d", "replication_pad2d", "replication_pad3d", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d", "masked_select", "index", "take", "take_along_dim",
      "unbind", "split", "chunk", "dropout", "view_as", "expand_as", "reshape_as", "movedim", "swapaxes", "diagonal", "unfold", "pixel_shuffle"};
  return kKeeping.contains(base);
}

// Zeros may stand among the first operand's elements.
bool MixesZeros(const std::string& base) {
  static const std::set<std::string> kMixing = {"tril", "triu", "avg_pool1d", "avg_pool2d", "avg_pool3d"};
  return kMixing.contains(base);
}

class Analysis {
 public:
  explicit Analysis(const Program& program) : program_(program), bounds_(program.values.size()) {
    for (size_t i = 0; i < program.values.size(); ++i) {
      if (program.values[i].dtype == DType::kBool) bounds_[i] = {0, 1, true};
      if (!IsFloating(program.values[i].dtype)) bounds_[i].whole = true;
    }
    for (const Node& node : program.nodes) Visit(node);
  }
  std::vector<ValueBounds> Take() { return std::move(bounds_); }

 private:
  ValueBounds Of(const Attr& attr) const {
    if (attr.IsValue()) return bounds_[static_cast<size_t>(attr.AsValue())];
    if (!attr.IsNumber()) return {};
    const double number = attr.AsDouble();
    return {number, number, number == std::floor(number)};
  }

  void Visit(const Node& node) {
    const std::string base = BaseName(node.op);
    ValueBounds result = Result(node, base);
    for (const ValueId id : node.outputs) {
      if (id < 0) continue;
      ValueBounds& bounds = bounds_[static_cast<size_t>(id)];
      if (!IsFloating(program_.value(id).dtype) && IsFloating(FirstType(node))) continue;   // an index, a comparison
      const bool whole = bounds.whole || result.whole;
      bounds = result;
      bounds.whole = whole;
    }
  }

  DType FirstType(const Node& node) const {
    const auto inputs = node.Inputs();
    return inputs.empty() ? DType::kFloat32 : program_.value(inputs.front()).dtype;
  }

  ValueBounds Result(const Node& node, const std::string& base) const {
    if (const auto fixed = FixedBounds().find(base); fixed != FixedBounds().end()) return Narrowed(node, base, fixed->second);
    if (node.args.empty()) return {};
    const ValueBounds first = Of(node.args[0]);
    if (KeepsBounds(base)) {
      const bool averages = base == "mean" || base.find("avg") != std::string::npos;
      return {first.low, first.high, first.whole && !averages};
    }
    if (MixesZeros(base)) return {std::min(first.low, 0.0), std::max(first.high, 0.0), first.whole && base.starts_with("tri")};
    if (base == "floor" || base == "ceil" || base == "round" || base == "trunc") return {std::floor(first.low), std::ceil(first.high), true};
    if (base == "floor_divide") return {-kInfinity, kInfinity, true};
    if (base == "div" && std::any_of(node.args.begin(), node.args.end(), [](const Attr& attr) { return attr.Is<std::string>(); })) return {-kInfinity, kInfinity, true};
    if (base == "threshold" && node.args.size() > 2) return {std::min(Of(node.args[1]).low, Of(node.args[2]).low), std::max(first.high, Of(node.args[2]).high)};
    if (base == "special_zeta" && node.args.size() > 1 && Of(node.args[1]).low > 0) return {0, kInfinity};
    if (base == "sum" || base == "cumsum" || base == "prod") return {first.low >= 0 ? 0 : -kInfinity, first.high <= 0 && base != "prod" ? 0 : kInfinity, first.whole};
    if (base == "neg") return {-first.high, -first.low, first.whole};
    return Binary(node, base, first);
  }

  // The interval of the function, narrowed where it keeps the operand's order.
  ValueBounds Narrowed(const Node& node, const std::string& base, ValueBounds fixed) const {
    if (node.args.empty()) return fixed;
    const ValueBounds first = Of(node.args[0]);
    if (base == "relu") return {std::max(0.0, first.low), std::max(0.0, first.high), first.whole};
    if (base == "relu6") return {std::clamp(first.low, 0.0, 6.0), std::clamp(first.high, 0.0, 6.0), first.whole};
    if (base == "abs") return {first.low > 0 ? first.low : 0, std::max(std::fabs(first.low), std::fabs(first.high)), first.whole};
    if (base == "square") fixed.whole = first.whole;
    if (base == "exp" && first.low > -kInfinity) fixed.low = std::exp(first.low);
    if (base == "exp" && first.high < kInfinity) fixed.high = std::exp(first.high);
    if ((base == "tanh" || base == "erf" || base == "atan" || base == "softsign" || base == "sign") && first.low >= 0) fixed.low = 0;
    if ((base == "gelu" || base == "silu" || base == "mish" || base == "hardswish" || base == "expm1") && first.low >= 0) fixed.low = 0;
    if (base == "sigmoid" && first.low >= 0) fixed.low = 0.5;
    return fixed;
  }

  ValueBounds Binary(const Node& node, const std::string& base, const ValueBounds& a) const {
    if (base == "clamp" || base == "hardtanh") {
      const ValueBounds low = node.args.size() > 1 && !node.args[1].IsNone() ? Of(node.args[1]) : ValueBounds{};
      const ValueBounds high = node.args.size() > 2 && !node.args[2].IsNone() ? Of(node.args[2]) : ValueBounds{};
      return {std::min(std::max(a.low, low.low), high.high), std::min(std::max(a.high, low.high), high.high), false};
    }
    if (node.args.size() < 2) return {};
    const ValueBounds b = Of(node.args[1]);
    if (base == "clamp_min" || base == "maximum") return {std::max(a.low, b.low), std::max(a.high, b.high), a.whole && b.whole};
    if (base == "clamp_max" || base == "minimum") return {std::min(a.low, b.low), std::min(a.high, b.high), a.whole && b.whole};
    if ((base == "add" || base == "sub") && (node.args.size() < 3 || (node.args[2].IsNumber() && node.args[2].AsDouble() == 1))) {
      return base == "add" ? ValueBounds{a.low + b.low, a.high + b.high, a.whole && b.whole} : ValueBounds{a.low - b.high, a.high - b.low, a.whole && b.whole};
    }
    if (base == "mul" && node.args[0] == node.args[1]) return {0, kInfinity, a.whole};
    if (base == "mul" && b.low == b.high && std::isfinite(b.low) && b.low != 0) {
      return {std::min(a.low * b.low, a.high * b.low), std::max(a.low * b.low, a.high * b.low), a.whole && b.whole};
    }
    if (base == "mul" && a.low >= 0 && b.low >= 0) return {0, a.high < kInfinity && b.high < kInfinity ? a.high * b.high : kInfinity, a.whole && b.whole};
    if (base == "div" && a.low >= 0 && b.low >= 0) return {0, kInfinity};
    if (base == "pow" && (a.low >= 0 || (b.whole && b.low == b.high && std::fmod(b.low, 2) == 0))) return {0, kInfinity};
    return {};
  }

  const Program& program_;
  std::vector<ValueBounds> bounds_;
};

}  // namespace

std::vector<ValueBounds> BoundsOf(const Program& program) { return Analysis(program).Take(); }

}  // namespace drtriton
