#include "synth/estimate_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "synth/convolution_reach.h"

namespace drtriton {
namespace {

constexpr double kMostCovered = 0.02;  // the probability that all cells are written, beyond which they count as written
constexpr int64_t kFew = 8;
constexpr int64_t kMostRows = 64;    // of a matrix that are looked at
constexpr size_t kLeastNumbers = 8;  // what a function of numbers may look at

size_t NumbersOf(const Node& node) { return std::max(node.args.size(), kLeastNumbers); }

// Tensors among the arguments, at most.
size_t MostOperands(const Node& node) {
  size_t count = 0;
  for (const Attr& arg : node.args) count += arg.Is<AttrList>() ? arg.AsList().size() : 1;
  return count;
}

EstimatePlan::Numbers NumbersOf(DType dtype) {
  if (IsFloating(dtype)) return EstimatePlan::Numbers::kFloat;
  return dtype == DType::kBool ? EstimatePlan::Numbers::kBool : EstimatePlan::Numbers::kInteger;
}

// Of a pooling: an index counts all elements of a channel.
double Positions(int spatial, const Shape& shape) {
  double count = 1;
  for (size_t d = shape.size() - std::min(static_cast<size_t>(spatial), shape.size()); d < shape.size(); ++d)
    count *= static_cast<double>(shape[d]);
  return count;
}

// The size along the dimension that the call names; 1 where it names none.
double SizeAlong(const Node& node, const NumericTraits& traits, const Shape& shape) {
  const int64_t rank = static_cast<int64_t>(shape.size());
  if (traits.dim < 0 || rank == 0 || !node.args[static_cast<size_t>(traits.dim)].IsNumber()) return 1;
  const int64_t at = node.args[static_cast<size_t>(traits.dim)].AsInt();
  return static_cast<double>(shape[static_cast<size_t>(at < 0 ? at + rank : at)]);
}

// Whether the result holds the operand's elements again and again: only dimensions of size 1 differ.
bool Repeats(const Shape& operand, const Shape& result) {
  if (operand.size() != result.size() || operand == result) return false;
  for (size_t d = 0; d < operand.size(); ++d) {
    if (operand[d] != result[d] && operand[d] != 1) return false;
  }
  return true;
}

// The share of elements outside of the triangle that is kept.
double OutsideTriangle(const Node& node, const NumericTraits& traits, const Shape& shape) {
  const int64_t rows = shape[shape.size() - 2];
  const int64_t columns = shape.back();
  const int64_t diagonal = node.args.size() > 1 ? node.args[1].AsInt() : 0;
  const bool lower = traits.triangle > 0;
  int64_t kept = 0;
  for (int64_t i = 0; i < std::min(rows, kMostRows); ++i) {
    const int64_t row = rows <= kMostRows ? i : i * rows / kMostRows;
    const int64_t below = std::clamp<int64_t>(row + diagonal + (lower ? 1 : 0), 0, columns);
    kept += lower ? below : columns - below;
  }
  return 1 - static_cast<double>(kept) / static_cast<double>(std::max<int64_t>(std::min(rows, kMostRows) * columns, 1));
}

// A loss that is not reduced, or summed, is gathered otherwise; so is padding that repeats elements.
Gather GatherOf(const Node& node, const NumericRule& rule, Gather gather) {
  const bool words = gather == Gather::kPadded && node.args.size() > 2 && node.args[2].Is<std::string>();
  if (words && node.args[2].AsString() != "constant") return Gather::kChoice;
  const bool reduces = gather == Gather::kMean || gather == Gather::kSum;
  if (rule.traits.reduction < 0 || !reduces) return gather;
  const int64_t reduction = node.args[static_cast<size_t>(rule.traits.reduction)].AsInt();
  return reduction == 0 ? Gather::kOne : reduction == 2 ? Gather::kSum : gather;
}

}  // namespace

void EstimatePlan::Read(const Program& program, std::span<const EstimatedNode> nodes) {
  facts_.clear();
  has_few_ = false;
  most_dims_ = 1;
  program_ = &program;
  for (const Value& value : program.values) {
    const Facts& facts = facts_.emplace_back(Facts{&value.shape, value.Elements(), NumbersOf(value.dtype)});
    most_dims_ = std::max(most_dims_, value.shape.size());
    has_few_ = has_few_ || (facts.numbers != Numbers::kFloat && facts.elements <= kFew);
  }
  results_ = program.Results();
  calls_.clear();
  operands_.clear();
  numbers_.clear();
  made_.clear();
  // Calls refer to what lies in these, so it must not move.
  size_t operands = 0, numbers = 0, made = 0;
  for (const EstimatedNode& estimated : nodes) {
    const Node& node = program.nodes[static_cast<size_t>(estimated.node)];
    operands += MostOperands(node);
    numbers += NumbersOf(node);
    made += node.outputs.size();
  }
  operands_.reserve(operands);
  numbers_.reserve(numbers);
  made_.reserve(made);
  for (const EstimatedNode& estimated : nodes)
    ReadCall(program.nodes[static_cast<size_t>(estimated.node)], estimated.rule, calls_.emplace_back());
}

void EstimatePlan::ReadCall(const Node& node, const NumericRule* rule, Call& call) {
  call.rule = rule;
  const size_t first_operand = operands_.size();
  const size_t first_number = numbers_.size();
  const size_t first_made = made_.size();
  numbers_.resize(first_number + NumbersOf(node), std::numeric_limits<double>::quiet_NaN());
  call.numbers = std::span(numbers_).subspan(first_number);
  if (rule == nullptr) {
    operands_.push_back({0, node.args[0].AsValue()});
  } else {
    call.kind = rule->info->kind;
    call.is_one = rule->gather[0] == Gather::kOne;
    for (size_t a = 0; a < node.args.size(); ++a) ReadArgument(node.args[a], a, call);
    const int padding = rule->traits.padding;
    if (padding >= 0 && node.args[static_cast<size_t>(padding)].IsNumber())
      call.padding = node.args[static_cast<size_t>(padding)].AsDouble();
    const int accumulate = rule->traits.accumulate;
    call.replaces = accumulate >= 0 && node.args[static_cast<size_t>(accumulate)] == Attr(false);
    if (rule->traits.overwrites) call.overwritten = Overwritten(node, rule->traits);
  }
  call.operands = std::span(operands_).subspan(first_operand);
  if (call.kind == OpKind::kScan) {
    call.inner = 8;
  } else if (call.kind == OpKind::kMatmul && !call.operands.empty()) {
    const Shape& rows = *Of(call.operands[call.operands.size() > 2 ? 1 : 0].id).shape;
    call.inner = rows.empty() ? 0 : static_cast<double>(rows.back());
  }
  call.adds = call.kind == OpKind::kMatmul && call.operands.size() == 3 && rule->gather[0] == Gather::kSum;
  if (rule != nullptr && rule->traits.adds_classes && Of(node.args[1].AsValue()).numbers == Numbers::kFloat) {
    const Shape& shape = *Of(call.operands[0].id).shape;
    call.classes = static_cast<double>(shape[shape.size() > 1 ? 1 : 0]);
  }
  if (rule != nullptr && rule->gather[0] == Gather::kMixture && !call.operands.empty()) ReadMixture(call);
  for (size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k] < 0) continue;
    made_.push_back(rule == nullptr ? Result{.id = node.outputs[k]} : ReadResult(node, *rule, call, k));
    made_.back().depends = DependenceOfResult(node, rule, call, k);
  }
  call.results = std::span(made_).subspan(first_made);
}

void EstimatePlan::ReadArgument(const Attr& argument, size_t position, Call& call) {
  const NumericRule& rule = *call.rule;
  const bool is_read = position >= 8 || !(((rule.index_arguments | rule.silent_arguments) >> position) & 1U);
  if (argument.IsValue()) {
    if (is_read) operands_.push_back({position, argument.AsValue()});
  } else if (argument.IsNumber()) {
    call.numbers[position] = argument.AsDouble();
  } else if (argument.Is<std::string>()) {
    call.numbers[position] = WordNumber(argument.AsString());
    call.multiplies = argument.AsString() == "multiply" || argument.AsString() == "prod";
  } else if (argument.Is<AttrList>() && is_read && static_cast<int>(position) != rule.traits.index) {
    for (const Attr& item : argument.AsList()) {
      if (item.IsValue()) operands_.push_back({position, item.AsValue()});
    }
  }
}

// Weights are as PyTorch draws them.
void EstimatePlan::ReadMixture(Call& call) const {
  const Shape& weight = *Of(call.operands[std::min<size_t>(1, call.operands.size() - 1)].id).shape;
  for (size_t d = 1; d < weight.size(); ++d) call.fan_in *= static_cast<double>(weight[d]);
  call.variance = call.rule->function == nullptr      ? 1.0 / 3
                  : call.rule->traits.is_bilinear ? static_cast<double>(weight.back()) / 3
                                                  : 2;
}

// So many positions are drawn in so many cells.
double EstimatePlan::Overwritten(const Node& node, const NumericTraits& traits) const {
  const Facts& whole = Of(node.args[0].AsValue());
  if (traits.overwrites_part) return static_cast<double>(Of(node.args[1].AsValue()).elements) / static_cast<double>(whole.elements);
  const Attr& argument = node.args[static_cast<size_t>(traits.index)];
  const Shape& shape = *whole.shape;
  double cells = 1;
  double written = 0;
  if (argument.IsValue()) {
    const Facts& index = Of(argument.AsValue());
    cells = SizeAlong(node, traits, shape);
    written = traits.scatters ? SizeAlong(node, traits, *index.shape) : static_cast<double>(index.elements);
  } else if (argument.Is<AttrList>()) {
    const AttrList& indices = argument.AsList();
    for (size_t i = 0; i < indices.size(); ++i) {
      if (!indices[i].IsValue()) continue;
      cells *= static_cast<double>(shape[i]);
      written = std::max(written, static_cast<double>(Of(indices[i].AsValue()).elements));
    }
  }
  const double left = std::pow(1 - 1 / std::max(cells, 1.0), written);
  return std::exp(-cells * left) > kMostCovered ? 1 : 1 - left;
}

EstimatePlan::Result EstimatePlan::ReadResult(const Node& node, const NumericRule& rule, const Call& call, size_t k) const {
  const ValueId id = node.outputs[k];
  const Facts& facts = Of(id);
  Result result{.id = id, .gather = GatherOf(node, rule, rule.gather[std::min(k, rule.gather.size() - 1)]), .numbers = facts.numbers};
  result.extreme = rule.traits.extreme[std::min<size_t>(k, 1)];
  if (result.gather == Gather::kIndex) result.extreme = call.kind == OpKind::kPooling ? 0 : rule.traits.extreme[0];
  if (rule.traits.either && result.gather == Gather::kChoice) result.extreme = call.numbers[3] != 0 ? 1 : -1;
  if (call.operands.empty()) return result;
  const Facts& first = Of(call.operands[0].id);
  result.in_place = *facts.shape == *first.shape;
  result.is_whole = call.kind == OpKind::kView && result.in_place;
  const double added = 1 - static_cast<double>(first.elements) / static_cast<double>(std::max<int64_t>(facts.elements, 1));
  result.repeats = Repeats(*first.shape, *facts.shape);
  result.padded = call.overwritten > 0             ? call.overwritten
                  : rule.traits.triangle != 0 ? OutsideTriangle(node, rule.traits, *facts.shape)
                  : call.kind == OpKind::kConvolution ? UnreachedShare(*program_, node, *facts.shape)
                  : std::max(added, 0.0);
  result.many = std::max(1.0, static_cast<double>(first.elements) / static_cast<double>(std::max<int64_t>(facts.elements, 1)));
  result.made_of = MadeOf(node, rule, call, result);
  return result;
}

Dependence EstimatePlan::DependenceOfResult(const Node& node, const NumericRule* rule, const Call& call, size_t k) const {
  std::array<ValueId, Dependence::kOperands + 1> ids;
  const size_t count = std::min(call.operands.size(), ids.size());
  for (size_t o = 0; o < count; ++o) ids[o] = call.operands[o].id;
  return DependenceOf(*program_, node, k, rule, std::span(ids).first(count));
}

double EstimatePlan::MadeOf(const Node& node, const NumericRule& rule, const Call& call, const Result& result) const {
  const Shape& first = *Of(call.operands[0].id).shape;
  if (call.kind == OpKind::kPooling) {
    if (result.gather == Gather::kIndex) return Positions(rule.traits.spatial, first);
    if (!rule.traits.adaptive && node.args.size() > 1 && node.args[1].Is<AttrList>()) {  // windows overlap
      double window = 1;
      for (const Attr& size : node.args[1].AsList()) window *= static_cast<double>(size.AsInt());
      return window;
    }
  }
  const bool sorts = result.gather == Gather::kIndex && result.in_place && call.kind != OpKind::kPooling;
  const bool shares = result.gather == Gather::kShare || result.gather == Gather::kLogShare;
  if (call.kind == OpKind::kScan || shares || sorts) return SizeAlong(node, rule.traits, first);
  if (call.kind == OpKind::kAttention && node.args[1].IsValue()) {
    const Shape& keys = *Of(node.args[1].AsValue()).shape;
    return static_cast<double>(keys[keys.size() - 2]);
  }
  if (rule.traits.sums_batch) {
    const Shape& left = *Of(call.operands[1].id).shape;
    return static_cast<double>(left[0] * left[2]);
  }
  if (call.inner > 0 && result.gather == Gather::kSum) return call.inner;
  return result.many;
}

}  // namespace drtriton
