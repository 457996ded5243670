// Tested by mutants_test.cc, which also evaluates mutants that a rule calls equal.
#include "execute/mutant_rules.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "graph/base_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

using Names = std::set<std::string>;

const Names kRounding = {"floor", "ceil", "round", "trunc"};
// Order-preserving on all reals, or on the values that their domain leaves.
const Names kIncreasing = {"exp", "exp2", "expm1", "sigmoid", "tanh", "log", "log1p", "log2", "log10", "sqrt", "erf", "softplus", "atan", "softsign", "sinh", "asinh", "logsigmoid", "log_sigmoid",
                           "alias", "elu", "celu", "selu", "leaky_relu", "deg2rad", "rad2deg", "erfinv", "logit", "special_ndtri", "softmax", "log_softmax", "_softmax", "_log_softmax"};
const Names kExtremeIndices = {"argmax", "argmin", "argsort"};
// Functions with parameters that stay increasing for all positive ones.
const Names kIncreasingFamilies = {"softplus", "elu", "celu", "leaky_relu"};
// Functions whose results are rounded but at single points.
const Names kRounds = {"exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sigmoid", "tanh", "erf", "erfc", "gelu", "silu", "mish", "softplus", "sin", "cos", "tan", "sinh", "cosh", "atan",
                       "hypot", "atan2", "sqrt", "rsqrt", "norm", "linalg_vector_norm", "asinh", "acosh", "atanh", "asin", "acos", "erfinv", "polygamma", "i0", "logit", "logaddexp", "logaddexp2", "selu", "softsign",
                       "logsumexp", "logsigmoid", "log_sigmoid", "lgamma", "digamma", "kl_div", "binary_cross_entropy", "binary_cross_entropy_with_logits", "xlogy", "std", "var", "cumprod"};
// f(-x) = f(x).
const Names kEven = {"abs", "square", "cos", "cosh"};
// f(0) = 0 and f(1) = 1.
const Names kKeepsZeroAndOne = {"sqrt", "square", "abs", "sign", "sgn", "relu", "relu6", "floor", "ceil", "round", "trunc", "pow"};
// Orders of elements, and what does not see them when it takes in all elements.
const Names kRearranging = {"sort", "flip", "roll", "permute", "transpose", "numpy_T", "mT", "t", "swapaxes", "swapdims", "movedim", "rot90", "channel_shuffle"};
const Names kWholeReductions = {"aten.sum.default", "aten.mean.default", "aten.max.default", "aten.min.default", "aten.prod.default", "aten.any.default", "aten.all.default", "aten.std.default", "aten.var.default", "aten.var_mean.default", "aten.std_mean.default",
                                "aten.median.default", "aten.nansum.default", "aten.norm.Scalar"};

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

MutantRules::MutantRules(const Program& program) : program_(program), partly_read_(program), bounds_(BoundsOf(program)), users_(program.Users()), is_result_(program.values.size(), false) {
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
  for (const auto rule : {&MutantRules::RectifierRule, &MutantRules::ClampRule, &MutantRules::ComparisonRule, &MutantRules::OperandRule, &MutantRules::ReaderRule}) {
    std::string name = (this->*rule)(change);
    if (!name.empty()) return name;
  }
  return partly_read_.Find(change.before, change.after);
}

std::string MutantRules::RectifierRule(const Change& change) const {
  static const Names kRectifiers = {"relu", "abs", "leaky_relu", "elu", "prelu", "celu"};
  const ValueBounds& bounds = bounds_[static_cast<size_t>(change.operand)];
  if (change.old_base == "softplus" && change.argument == "threshold") return "softplus beyond its threshold, linear to rounding";
  if (change.old_base == "hardshrink" && bounds.whole && (change.drops || change.argument == "lambd") && change.before.args[1].AsDouble() < 1) return "hardshrink of whole numbers";
  if (change.old_base == "relu6" && change.new_base == "relu" && bounds.high <= 6) return "clamp within its bounds";
  if (kRounding.contains(change.old_base) && (change.drops || kRounding.contains(change.new_base)) && bounds.whole) return "rounding of whole numbers";
  const bool remainders = (change.old_base == "remainder" && change.new_base == "fmod") || (change.old_base == "fmod" && change.new_base == "remainder");
  if (remainders && bounds.low >= 0 && change.before.args[1].IsNumber() && change.before.args[1].AsDouble() > 0) return "a remainder of equal signs";
  if ((change.old_base == "sign" || change.old_base == "sgn") && change.drops && bounds.whole && bounds.Within(-1, 1)) return "the sign of a sign";
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

// Equal to rounding or not equal at all: where a function that nearly always rounds decides, either side is right (docs/numerics.md,
// jumps).
bool MutantRules::IsRoundedTie(const Change& change) const {
  static const std::set<std::pair<std::string, std::string>> kTies = {{"lt", "le"}, {"le", "lt"}, {"gt", "ge"}, {"ge", "gt"}};
  if (!kTies.contains({change.old_base, change.new_base})) return false;
  const auto inputs = change.before.Inputs();
  return std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) {
    // What it is, wherever it was moved.
    while (program_.value(id).node >= 0 && OnlyMoves(program_, program_.nodes[static_cast<size_t>(program_.value(id).node)])) id = program_.nodes[static_cast<size_t>(program_.value(id).node)].Inputs()[0];
    const Value& value = program_.value(id);
    if (value.node < 0 || !IsFloating(value.dtype)) return false;
    const std::string base = BaseName(program_.nodes[static_cast<size_t>(value.node)].op);
    return kRounds.contains(base) || base.starts_with("special_") || base.ends_with("_norm") || base.find("_loss") != std::string::npos || base.ends_with("softmax");
  });
}

// A comparison with a number whose answer is the same for everything between the operand's bounds.
std::string MutantRules::ComparisonRule(const Change& change) const {
  static const Names kComparisons = {"lt", "le", "gt", "ge", "eq", "ne"};
  const AttrList &before = change.before.args, &after = change.after.args;
  if (IsRoundedTie(change)) return "a tie of rounded values, where either side is right";
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

// The operand, as it is or cast, in place of a function that keeps both of its values.
bool MutantRules::IsZeroOrOne(const Change& change) const {
  const bool operand_stays = (IsDrop(change.after) || BaseName(change.after.op) == "_to_copy") && change.after.args[0] == change.before.args[0];
  const ValueBounds& bounds = bounds_[static_cast<size_t>(change.operand)];
  if (!operand_stays || !bounds.whole || !bounds.Within(0, 1) || !kKeepsZeroAndOne.contains(change.old_base)) return false;
  return change.old_base != "pow" || (change.before.args[1].IsNumber() && change.before.args[1].AsDouble() > 0);
}

// Operands that make the operator trivial.
std::string MutantRules::OperandRule(const Change& change) const {
  static const Names kExtremes = {"maximum", "minimum"};
  const AttrList& args = change.before.args;
  if (kExtremes.contains(change.old_base) && args[0] == args[1] && (change.drops || kExtremes.contains(change.new_base))) return "an extreme of equals";
  if (change.old_base == "nextafter") return "one step of the last place";
  const ValueBounds& bounds = bounds_[static_cast<size_t>(change.operand)];
  if (change.old_base == "copysign" && change.drops && args.size() > 1 && args[1].IsValue() && bounds.low >= 0 && bounds_[static_cast<size_t>(args[1].AsValue())].low >= 0) return "copysign of a non-negative value";
  if (IsBelowTheLastPlaces(change)) return "a correction below the last places";
  if (change.old_base == "copysign" && change.drops && args.size() > 1 && args[1].IsNumber() && args[1].AsDouble() > 0 && bounds.low >= 0) return "copysign of a non-negative value";
  if (IsZeroOrOne(change)) return "a function that keeps zero and one";
  const bool norm_of_one = (change.old_base == "norm" || change.old_base == "linalg_vector_norm") && change.new_base == "sum" && args.size() > 1 && args[1].IsNumber() && args[1].AsDouble() == 1;
  if (norm_of_one && bounds.low >= 0) return "a norm of non-negative values that is their sum";
  if (change.old_base == "where" && args.size() == 3 && args[1] == args[2]) return "a choice between equals";
  return "";
}

// Bessel's correction of so many elements that a result of this type hardly shows it: less than the allowed four units.
bool MutantRules::IsBelowTheLastPlaces(const Change& change) const {
  static const Names kVariances = {"var", "var_mean"}, kDeviations = {"std", "std_mean"};
  if (change.argument != "correction" && change.argument != "unbiased") return false;
  if (!kVariances.contains(change.old_base) && !kDeviations.contains(change.old_base)) return false;
  const ValueId result = change.before.outputs[0];
  if (result < 0 || !is_result_[static_cast<size_t>(result)] || !users_[static_cast<size_t>(result)].empty()) return false;
  const double count = static_cast<double>(program_.value(change.operand).Elements()) / static_cast<double>(std::max<int64_t>(1, program_.value(result).Elements()));
  const double relative = (kDeviations.contains(change.old_base) ? 0.5 : 1) / (count - 1);
  return count > 1 && relative < 4 * MachineEpsilon(program_.value(result).dtype);
}

// Identity on positive numbers and negative on negative ones, before a function that is undefined for those.
std::string MutantRules::NanRule(const Change& change, ValueId value) const {
  static const Names kRectifiers = {"leaky_relu", "elu", "celu"}, kOfPositives = {"sqrt", "rsqrt", "log", "log2", "log10"};
  const auto one_to_one = [&](const Node& node) {
    return IsDrop(node) || (kRectifiers.contains(BaseName(node.op)) && std::all_of(node.args.begin() + 1, node.args.end(), [](const Attr& attr) { return !attr.IsNumber() || attr.Is<bool>() || attr.AsDouble() > 0; }));
  };
  const auto scales = [](const Node& node) { return BaseName(node.op) == "elu" && node.args.size() > 2 && node.args[2].IsNumber() && node.args[2].AsDouble() != 1; };
  if (!kRectifiers.contains(change.old_base) || !one_to_one(change.before) || !one_to_one(change.after) || scales(change.before) || scales(change.after)) return "";
  return AllReaders(value, [&](const Node& reader) { return kOfPositives.contains(BaseName(reader.op)); }) ? "a rectifier before a function of positive numbers" : "";
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
  static const Names kNormalising = {"cross_entropy_loss", "layer_norm", "group_norm", "native_layer_norm", "native_group_norm", "softmax", "log_softmax", "_softmax", "_log_softmax", "var", "std"};
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
  if (base != "max" && base != "min" && base != "topk" && base != "sort" && base != "kthvalue" && base != "median") return false;
  if (reader.outputs.size() != 2) return false;
  const ValueId values = reader.outputs[0];
  return values < 0 || (!is_result_[static_cast<size_t>(values)] && users_[static_cast<size_t>(values)].empty());
}

// The same through operators that move elements.
bool MutantRules::OrderAloneIsRead(ValueId value) const {
  return AllReaders(value, [&](const Node& reader) {
    return ReadsOrderAlone(reader) || (OnlyMoves(program_, reader) && reader.outputs.size() == 1 && OrderAloneIsRead(reader.outputs[0]));
  });
}

// Original and replacement are increasing functions of each element.
bool MutantRules::KeepsOrder(const Change& change) const {
  const auto positive = [](const Node& node) {
    return std::all_of(node.args.begin() + 1, node.args.end(), [](const Attr& attr) { return !attr.IsNumber() || attr.Is<bool>() || attr.AsDouble() > 0; });
  };
  if (!kIncreasing.contains(change.old_base) || (kIncreasingFamilies.contains(change.old_base) && !positive(change.before))) return false;
  if (!change.argument.empty()) return kIncreasingFamilies.contains(change.old_base) && positive(change.after);
  return change.drops || (kIncreasing.contains(change.new_base) && (!kIncreasingFamilies.contains(change.new_base) || positive(change.after)));
}

// Batch normalisation by what was learned, without weights: increasing within a channel, and order is read there alone.
bool MutantRules::KeepsOrderOfChannels(const Change& change, ValueId value) const {
  static const Names kSteps = {"bias", "eps", "running_mean", "running_var"};
  if (change.old_base != "batch_norm" || !(change.drops || kSteps.contains(change.argument))) return false;
  const Schema& schema = SchemaOf(change.before);
  const Attr &weight = change.before.args.at(static_cast<size_t>(schema.Find("weight"))), &training = change.before.args.at(static_cast<size_t>(schema.Find("training")));
  if (!weight.IsNone() || !training.Is<bool>() || training.AsBool()) return false;
  const auto rank = static_cast<int64_t>(program_.value(value).shape.size());
  return AllReaders(value, [&](const Node& reader) {
    const int at = SchemaOf(reader).Find("dim");
    if (!ReadsOrderAlone(reader) || at < 0 || !reader.args.at(static_cast<size_t>(at)).Is<int64_t>()) return false;
    const int64_t dim = reader.args[static_cast<size_t>(at)].AsInt();
    return (dim < 0 ? dim + rank : dim) > 1;
  });
}

// Negated or not: every reader is an even function.
std::string MutantRules::SignRule(const Change& change, ValueId value) const {
  const auto reads_size = [&](const Node& reader) {
    const std::string base = BaseName(reader.op);
    if (kEven.contains(base) || base == "hypot") return true;
    return base == "pow" && reader.args[0] == Attr(ValueRef{value}) && reader.args[1].IsNumber() && std::fmod(reader.args[1].AsDouble(), 2) == 0;
  };
  const bool exchanged = (change.old_base == "sub" || change.old_base == "rsub") && change.new_base == change.old_base && change.argument.empty() && change.before.args.size() > 1 && change.before.args[0] == change.after.args[1] &&
                         (change.before.args.size() < 3 || (change.before.args[2].IsNumber() && change.before.args[2].AsDouble() == 1));   // alpha
  const bool reversed = change.old_base == "rsub" && change.new_base == "sub";
  const bool negated = change.old_base == "neg" && (change.drops || change.new_base == "abs");
  const bool unsigned_now = (change.old_base == "abs" || change.old_base == "copysign") && (change.drops || (change.old_base == "copysign" && change.new_base == "copysign" && change.before.args[0] == change.after.args[0]));
  return (exchanged || reversed || negated || unsigned_now) && AllReaders(value, reads_size) ? "a sign that an even function removes" : "";
}

// On every way to a result the value is no more than the direction in which nextafter takes its step.
bool MutantRules::StepsAlone(ValueId value) const {
  return AllReaders(value, [&](const Node& reader) {
    if (BaseName(reader.op) == "nextafter") return !(reader.args[0] == Attr(ValueRef{value}));
    return reader.outputs.size() == 1 && reader.outputs[0] >= 0 && StepsAlone(reader.outputs[0]);
  });
}

// The order of elements in a result that only sums, products or extremes over all of them read.
std::string MutantRules::OrderRule(const Change& change) const {
  if (!kRearranging.contains(change.old_base) || !(change.drops || change.new_base == change.old_base)) return "";
  const bool alone = std::all_of(change.before.outputs.begin() + 1, change.before.outputs.end(), [&](ValueId id) { return id < 0; });
  if (!alone || change.before.outputs[0] < 0) return "";
  const auto reads_all = [](const Node& reader) { return kWholeReductions.contains(reader.op); };
  return AllReaders(change.before.outputs[0], reads_all) ? "an order that a reduction of everything does not see" : "";
}

std::string MutantRules::ReaderRule(const Change& change) const {
  if (std::string name = OrderRule(change); !name.empty()) return name;
  if (change.before.outputs.size() != 1 || change.before.outputs[0] < 0) return "";
  const ValueId value = change.before.outputs[0];
  if (std::string name = SignRule(change, value); !name.empty()) return name;
  if (StepsAlone(value)) return "one step of the last place";
  if (std::string name = NanRule(change, value); !name.empty()) return name;
  const AttrList& args = change.before.args;
  const bool one_number = args.size() > 1 && (args[1].IsNumber() || (args[1].IsValue() && program_.value(args[1].AsValue()).Elements() == 1));
  const bool shifts = (change.old_base == "add" || change.old_base == "sub") && one_number &&
                      (change.drops || change.argument == "other" || change.argument == "alpha" || change.new_base == "add" || change.new_base == "sub");
  const bool exponentials = (change.old_base == "exp" && change.new_base == "expm1") || (change.old_base == "expm1" && change.new_base == "exp");
  const bool channel_shift = change.argument == "bias" && change.old_base.find("conv") != std::string::npos;
  if ((shifts || channel_shift || exponentials) && AllReaders(value, [&](const Node& reader) { return RemovesShifts(reader, value, channel_shift); })) return "a shift that normalisation removes";
  if (change.old_base == "linear" && change.argument == "bias" && IsKeyAlone(value)) return "a key's bias, which softmax removes";
  if (KeepsOrderOfChannels(change, value)) return "an increasing function whose order alone is read";
  if (!KeepsOrder(change)) return "";
  const bool along_a_dim = change.old_base.ends_with("softmax") || change.new_base.ends_with("softmax");
  const auto reads_order = [&](const Node& reader) {
    if (!ReadsOrderAlone(reader)) return false;
    const int at = SchemaOf(reader).Find("dim"), here = SchemaOf(change.before).Find("dim");
    return (at >= 0 && here >= 0 && reader.args[static_cast<size_t>(at)] == args[static_cast<size_t>(here)]);
  };
  return (along_a_dim ? AllReaders(value, reads_order) : OrderAloneIsRead(value)) ? "an increasing function whose order alone is read" : "";
}

}  // namespace drtriton
