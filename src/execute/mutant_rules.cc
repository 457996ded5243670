// Tested by mutants_test.cc, which also evaluates mutants that a rule calls equal.
#include "execute/mutant_rules.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "execute/base_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

using Names = std::set<std::string>;

const Names kRounding = {"floor", "ceil", "round", "trunc"};
// Order-preserving on all reals, or on the values that their domain leaves.
const Names kIncreasing = {"exp", "exp2", "expm1", "sigmoid", "tanh", "log", "log1p", "log2", "log10", "sqrt", "erf", "softplus", "atan", "softsign", "sinh", "asinh", "logsigmoid", "log_sigmoid",
                           "alias", "softmax", "log_softmax", "_softmax", "_log_softmax"};
const Names kExtremeIndices = {"argmax", "argmin", "argsort"};
const Names kReductions = {"sum", "mean", "amax", "amin", "max", "min", "prod", "logsumexp"};
const Names kScans = {"cumsum", "cumprod", "cummax", "cummin", "logcumsumexp"};
const Names kPooling = {"max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"};
const Names kMakers = {"zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "new_zeros", "new_ones", "new_full"};

bool IsDrop(const Node& node) { return node.op == "aten.alias.default"; }

// Whether `base` holds between a number and a bound.
bool Holds(const std::string& base, double number, double bound) {
  if (base == "lt") return number < bound;
  if (base == "le") return number <= bound;
  if (base == "gt") return number > bound;
  if (base == "ge") return number >= bound;
  return base == "eq" ? number == bound : number != bound;
}

}  // namespace

// What a mutant changes.
struct MutantRules::Change {
  const Node& before;
  const Node& after;
  std::string old_base, new_base;
  std::string argument;   // the one that differs, where the operator stays
  bool drops = false;     // the result is the first operand
  ValueId operand = -1;   // the first
};

MutantRules::MutantRules(const Program& program) : program_(program), bounds_(BoundsOf(program)), users_(program.Users()), is_result_(program.values.size(), false) {
  for (const ValueId id : program.Results()) is_result_[static_cast<size_t>(id)] = true;
}

MutantRules::Change MutantRules::Compare(const Mutant& mutant) const {
  const Node& before = program_.nodes[static_cast<size_t>(mutant.node)];
  Change change{before, mutant.replacement, BaseName(before.op), BaseName(mutant.replacement.op), "", false, -1};
  if (const auto inputs = before.Inputs(); !inputs.empty()) change.operand = inputs.front();
  change.drops = IsDrop(change.after) && change.after.args[0] == before.args[0];
  if (before.op != mutant.replacement.op) return change;
  const Schema& schema = SchemaOf(before);
  for (size_t i = 0; i < before.args.size() && i < schema.arguments.size(); ++i) {
    if (!(before.args[i] == mutant.replacement.args[i])) change.argument = schema.arguments[i].name;
  }
  return change;
}

std::string MutantRules::Find(const Mutant& mutant) const {
  const Change change = Compare(mutant);
  if (change.operand < 0) return "";
  for (const auto rule : {&MutantRules::RectifierRule, &MutantRules::ClampRule, &MutantRules::ComparisonRule, &MutantRules::OneElementRule, &MutantRules::PoolingRule, &MutantRules::OperandRule, &MutantRules::ReaderRule}) {
    std::string name = (this->*rule)(change);
    if (!name.empty()) return name;
  }
  return "";
}

std::string MutantRules::RectifierRule(const Change& change) const {
  static const Names kRectifiers = {"relu", "abs", "leaky_relu", "elu", "prelu", "celu"};
  const ValueBounds& bounds = bounds_[static_cast<size_t>(change.operand)];
  if (change.old_base == "softplus" && change.argument == "threshold") return "softplus beyond its threshold, linear to rounding";
  if (change.old_base == "hardshrink" && bounds.whole && (change.drops || change.argument == "lambd") && change.before.args[1].AsDouble() < 1) return "hardshrink of whole numbers";
  if (change.old_base == "relu6" && change.new_base == "relu" && bounds.high <= 6) return "clamp within its bounds";
  if (kRounding.contains(change.old_base) && (change.drops || kRounding.contains(change.new_base)) && bounds.whole) return "rounding of whole numbers";
  if (change.old_base == "neg" && change.new_base == "abs" && bounds.high <= 0) return "abs of a non-positive value";
  if (!kRectifiers.contains(change.old_base) || bounds.low < 0) return "";
  const bool stays = change.drops || kRectifiers.contains(change.new_base);
  return stays ? change.old_base + " of a non-negative value" : "";
}

// A bound that the operand never reaches.
std::string MutantRules::ClampRule(const Change& change) const {
  const ValueBounds& bounds = bounds_[static_cast<size_t>(change.operand)];
  const auto number = [](const Node& node, std::string_view name, double otherwise) {
    const int at = SchemaOf(node).Find(name);
    return at >= 0 && node.args[static_cast<size_t>(at)].IsNumber() ? node.args[static_cast<size_t>(at)].AsDouble() : otherwise;
  };
  const bool lower = change.argument == "min" || change.argument == "min_val", upper = change.argument == "max" || change.argument == "max_val";
  if (lower && bounds.low >= std::max(number(change.before, change.argument, INFINITY), number(change.after, change.argument, INFINITY))) return "clamp within its bounds";
  if (upper && bounds.high <= std::min(number(change.before, change.argument, -INFINITY), number(change.after, change.argument, -INFINITY))) return "clamp within its bounds";
  if (!change.drops) return "";
  if (change.old_base == "relu6") return bounds.Within(0, 6) ? "clamp within its bounds" : "";
  if (change.old_base != "clamp" && change.old_base != "hardtanh" && change.old_base != "clamp_min" && change.old_base != "clamp_max") return "";
  const std::string suffix = change.old_base == "hardtanh" ? "_val" : "";
  const double least = number(change.before, "min" + suffix, -INFINITY), most = number(change.before, "max" + suffix, INFINITY);
  const bool by_tensors = change.before.Inputs().size() > 1;
  return !by_tensors && bounds.Within(least, most) ? "clamp within its bounds" : "";
}

// A comparison with a number whose answer is the same for everything between the operand's bounds.
std::string MutantRules::ComparisonRule(const Change& change) const {
  static const Names kComparisons = {"lt", "le", "gt", "ge", "eq", "ne"};
  const AttrList &before = change.before.args, &after = change.after.args;
  if (!kComparisons.contains(change.old_base) || !kComparisons.contains(change.new_base) || before.size() < 2 || after.size() < 2) return "";
  if (!before[1].IsNumber() || !after[1].IsNumber()) return "";
  const ValueBounds& bounds = bounds_[static_cast<size_t>(change.operand)];
  const double one = before[1].AsDouble(), other = after[1].AsDouble();
  // Answers change at the bounds only: points at, between and beside them stand for all.
  std::vector<double> points = {one, other, (one + other) / 2, std::min(one, other) - 1, std::max(one, other) + 1, bounds.low, bounds.high};
  if (bounds.whole) points = {std::floor(one) - 1, std::floor(one), std::floor(one) + 1, std::floor(other) - 1, std::floor(other), std::floor(other) + 1, bounds.low, bounds.high};
  for (const double point : points) {
    if (!std::isfinite(point) || point < bounds.low || point > bounds.high) continue;
    if (Holds(change.old_base, point, one) != Holds(change.new_base, point, other)) return "";
  }
  return "a comparison that bounds decide";
}

std::string MutantRules::OneElementRule(const Change& change) const {
  static const Names kOrders = {"flip", "roll", "sort", "argsort", "topk", "argmax", "argmin"};
  const Value& operand = program_.value(change.operand);
  if (operand.Elements() == 0) return "no elements";
  const bool reduces = kReductions.contains(change.old_base) && (change.drops || kReductions.contains(change.new_base));
  if (reduces && change.before.outputs[0] >= 0 && operand.Elements() == program_.value(change.before.outputs[0]).Elements()) return "a reduction over one element";
  static const Names kMoves = {"rot90", "swapaxes", "numpy_T", "transpose", "permute", "movedim"};
  if (operand.Elements() == 1 && kMoves.contains(change.old_base)) return "an order of one element";
  if (operand.Elements() == 1 && kOrders.contains(change.old_base)) return "an order of one element";
  const int dims_at = SchemaOf(change.before).Find(change.old_base == "flip" || change.old_base == "roll" ? "dims" : "dim");
  if (dims_at < 0 || operand.shape.empty()) return "";
  const Attr& dims = change.before.args[static_cast<size_t>(dims_at)];
  if (!dims.Is<AttrList>() && !dims.Is<int64_t>()) return "";
  const auto list = dims.AsInts();
  const bool single = !list.empty() && std::all_of(list.begin(), list.end(), [&](int64_t dim) { return operand.shape[static_cast<size_t>(dim < 0 ? dim + static_cast<int64_t>(operand.shape.size()) : dim)] == 1; });
  if (!single) return "";
  if (kScans.contains(change.old_base) && (change.drops || kScans.contains(change.new_base))) return "a scan over one element";
  return kOrders.contains(change.old_base) ? "an order of one element" : "";
}

std::string MutantRules::PoolingRule(const Change& change) const {
  if (!kPooling.contains(change.old_base)) return "";
  const auto all_are = [&](const char* name, int64_t wanted) {
    const Attr& attr = Argument(change.before, name);
    const auto sizes = attr.IsNone() ? std::vector<int64_t>{} : attr.AsInts();
    return std::all_of(sizes.begin(), sizes.end(), [&](int64_t size) { return size == wanted; });
  };
  if (change.argument == "count_include_pad" && all_are("padding", 0)) return "no padding to count";
  // Of equal shape: the last window reaches past the end in neither case.
  if (change.argument == "ceil_mode") return "ceil_mode that adds no window";
  if (change.argument == "dilation" && all_are("kernel_size", 1)) return "dilation of a kernel of one element";
  return "";
}

// Operands that make the operator trivial.
std::string MutantRules::OperandRule(const Change& change) const {
  static const Names kExtremes = {"maximum", "minimum"};
  const AttrList& args = change.before.args;
  if (change.old_base == "dropout" && change.drops) return "dropout that is off";
  if (kExtremes.contains(change.old_base) && args[0] == args[1] && (change.drops || kExtremes.contains(change.new_base))) return "an extreme of equals";
  if (change.old_base == "where" && args.size() == 3 && args[1] == args[2]) return "a choice between equals";
  if ((change.old_base == "tril" || change.old_base == "triu") && change.drops) {
    const Shape& shape = program_.value(change.operand).shape;
    const int64_t rows = shape[shape.size() - 2], columns = shape.back(), diagonal = args.size() > 1 ? args[1].AsInt() : 0;
    if (change.old_base == "tril" ? diagonal >= columns - 1 : diagonal <= 1 - rows) return "a triangle that is the whole";
  }
  return "";
}

bool MutantRules::AllReaders(ValueId value, const std::function<bool(const Node&)>& holds) const {
  const auto& readers = users_[static_cast<size_t>(value)];
  if (is_result_[static_cast<size_t>(value)] || readers.empty()) return false;
  return std::all_of(readers.begin(), readers.end(), [&](int32_t reader) { return holds(program_.nodes[static_cast<size_t>(reader)]); });
}

// The reader's result stays when one number (with `per_channel`: one a channel) is added to all that it normalises.
bool MutantRules::RemovesShifts(const Node& reader, ValueId value, bool per_channel) const {
  const std::string base = BaseName(reader.op);
  if (reader.args.empty() || !reader.args[0].IsValue() || reader.args[0].AsValue() != value) return false;
  if (base == "instance_norm") return true;
  if (base == "batch_norm") {
    const int at = SchemaOf(reader).Find("training");
    return at >= 0 && reader.args[static_cast<size_t>(at)].Is<bool>() && reader.args[static_cast<size_t>(at)].AsBool();
  }
  if (per_channel) return base == "group_norm" && reader.args[1].IsNumber() && reader.args[1].AsInt() == program_.value(value).shape.at(1);
  static const Names kNormalising = {"layer_norm", "group_norm", "native_layer_norm", "native_group_norm", "softmax", "log_softmax", "_softmax", "_log_softmax", "var", "std"};
  return kNormalising.contains(base) || kExtremeIndices.contains(base);
}

// Everything that reads the value, through views, is the key of an attention.
bool MutantRules::IsKeyAlone(ValueId value) const {
  static const Names kViews = {"view", "reshape", "transpose", "permute", "unsqueeze", "squeeze", "contiguous", "clone", "expand", "unflatten"};
  return AllReaders(value, [&](const Node& reader) {
    if (kViews.contains(BaseName(reader.op))) return IsKeyAlone(reader.outputs[0]);
    const auto inputs = reader.Inputs();
    return BaseName(reader.op) == "scaled_dot_product_attention" && inputs[1] == value && std::count(inputs.begin(), inputs.end(), value) == 1;
  });
}

bool MutantRules::ReadsOrderAlone(const Node& reader) const {
  const std::string base = BaseName(reader.op);
  if (kExtremeIndices.contains(base)) return true;
  if (base != "max" && base != "min" && base != "topk" && base != "sort") return false;
  if (reader.outputs.size() != 2) return false;
  const ValueId values = reader.outputs[0];
  return values < 0 || (!is_result_[static_cast<size_t>(values)] && users_[static_cast<size_t>(values)].empty());
}

std::string MutantRules::ReaderRule(const Change& change) const {
  if (change.before.outputs.size() != 1 || change.before.outputs[0] < 0) return "";
  const ValueId value = change.before.outputs[0];
  if (AllReaders(value, [](const Node& reader) { return kMakers.contains(BaseName(reader.op)); })) return "only the shape is read";
  const AttrList& args = change.before.args;
  const bool one_number = args.size() > 1 && (args[1].IsNumber() || (args[1].IsValue() && program_.value(args[1].AsValue()).Elements() == 1));
  const bool shifts = (change.old_base == "add" || change.old_base == "sub") && one_number &&
                      (change.drops || change.argument == "other" || change.argument == "alpha" || change.new_base == "add" || change.new_base == "sub");
  const bool channel_shift = change.argument == "bias" && change.old_base.find("conv") != std::string::npos;
  if ((shifts || channel_shift) && AllReaders(value, [&](const Node& reader) { return RemovesShifts(reader, value, channel_shift); })) return "a shift that normalisation removes";
  if (change.old_base == "linear" && change.argument == "bias" && IsKeyAlone(value)) return "a key's bias, which softmax removes";
  if (!kIncreasing.contains(change.old_base) || !change.argument.empty()) return "";
  const bool keeps_order = change.drops || kIncreasing.contains(change.new_base);
  const bool along_a_dim = change.old_base.ends_with("softmax") || change.new_base.ends_with("softmax");
  const auto reads_order = [&](const Node& reader) {
    if (!ReadsOrderAlone(reader)) return false;
    const int at = SchemaOf(reader).Find("dim"), here = SchemaOf(change.before).Find("dim");
    return !along_a_dim || (at >= 0 && here >= 0 && reader.args[static_cast<size_t>(at)] == args[static_cast<size_t>(here)]);
  };
  return keeps_order && AllReaders(value, reads_order) ? "an increasing function whose order alone is read" : "";
}

}  // namespace drtriton
