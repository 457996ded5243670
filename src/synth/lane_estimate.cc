#include "synth/lane_estimate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>

namespace drtriton {
namespace {

constexpr int kTrials = 10;
constexpr int kMoreTrials = 40;  // of fills that were searched for, which chance would pass, and of few discrete numbers
constexpr int64_t kFew = 8;
constexpr double kMostConstant =
    0.05;                          // over the trials: the sum of probabilities that a result is the same everywhere
constexpr double kLargest = 1e30;
constexpr double kLargestLow = 6e4;  // of float16
constexpr double kLeastLow = 3e-8;   // what is less is 0 in float16
constexpr double kMostDrawn = 16;  // of many elements, so many are drawn one by one
constexpr uint64_t kValueStep = 0x632be59bd9b4e019ULL;

// As the dtype holds it; floats of a low precision as bfloat16.
double Rounded(double x, DType dtype, bool coarse) {
  if (!std::isfinite(x)) return x;
  if (dtype == DType::kBool) return x != 0 ? 1 : 0;
  if (!IsFloating(dtype)) return std::trunc(x);
  if (coarse && std::abs(x) < kLeastLow) return std::copysign(0, x);
  const float narrow = static_cast<float>(x);
  if (!coarse || !std::isfinite(narrow)) return narrow;
  return std::bit_cast<float>((std::bit_cast<uint32_t>(narrow) + 0x8000U) & 0xffff0000U);
}

// From a unit normal: a sum of uniform numbers is near enough, its tails are the sketches' matter.
double Normal(Random& random) {
  double sum = -3;
  for (uint64_t bits = random.Next(), i = 0; i < 3; ++i, bits >>= 20)
    sum += static_cast<double>(bits & 0xfffff) * 0x1.0p-19;
  return sum;
}

// The quantile of a unit normal (Tukey's lambda, within 0.01 between -3 and 3).
double NormalAt(double u) { return (std::pow(u, 0.1349) - std::pow(1 - u, 0.1349)) / 0.1975; }

// The quantile at u in [0, 1) of what a leaf holds.
double QuantileOf(const LeafFill& fill, double u) {
  switch (fill.kind) {
    case LeafFill::Kind::kDefault:
      return NormalAt(u);
    case LeafFill::Kind::kNormal:
      return fill.a + fill.b * NormalAt(u);
    case LeafFill::Kind::kUniform:
      return fill.a + (fill.b - fill.a) * u;
    case LeafFill::Kind::kIntegers:
      return std::floor(fill.a + (fill.b - fill.a) * u);
    case LeafFill::Kind::kMask:
      return u < fill.a ? 1 : 0;
    case LeafFill::Kind::kConstant:
      return fill.a;
  }
  return 0;
}

double Pick(const Lanes& lanes, Random& random) { return lanes[random.Next() % kLanes]; }

// What result k is: 1 the largest of many, -1 the smallest, 0 some other choice.
int ExtremeOf(std::string_view op, int k) {
  const std::string_view name = op.substr(5);
  if (name.starts_with("aminmax")) return k == 0 ? -1 : 1;
  const auto begins = [&](std::string_view word) { return name.starts_with(word); };
  if (begins("amax") || begins("max") || begins("cummax") || begins("adaptive_max") || begins("argmax")) return 1;
  // The mode of numbers that all differ is the least of them, the first or second of many close to it.
  return begins("amin") || begins("min") || begins("cummin") || begins("argmin") || begins("mode") || begins("kthvalue") ? -1 : 0;
}

// The largest (`sign` 1) or smallest of n.
double Extreme(const Lanes& base, double n, int sign, Random& random) {
  double best = Pick(base, random);
  for (int i = 1; i < static_cast<int>(std::min(n, 4 * kMostDrawn)); ++i) {
    const double x = Pick(base, random);
    if (sign * x > sign * best) best = x;
  }
  return best;
}

// The place of the largest (`sign` 1) or smallest of n, the first where several are; 0: of any.
double PlaceOf(const Lanes& base, double n, int sign, Random& random) {
  const int drawn = static_cast<int>(std::min(n, 4 * kMostDrawn));
  const bool same = std::all_of(base.begin(), base.end(), [&](double x) { return x == base[0]; });
  if (same || drawn < 1) return 0;
  int best = 0;
  double extreme = Pick(base, random);
  if (sign == 0) return std::floor(random.Unit() * n);
  for (int i = 1; i < drawn; ++i) {
    const double x = Pick(base, random);
    if (sign * x > sign * extreme) {
      extreme = x;
      best = i;
    }
  }
  return best == 0 ? 0 : std::floor((best + random.Unit()) * n / drawn);
}

// A median: of five, or fewer.
double Middle(const Lanes& base, double n, Random& random) {
  std::array<double, 5> few;
  const size_t count = n >= 5 ? 5 : n >= 3 ? 3 : 1;
  for (size_t i = 0; i < count; ++i) few[i] = Pick(base, random);
  std::sort(few.begin(), few.begin() + static_cast<ptrdiff_t>(count));
  return few[count / 2];
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

// Of n elements: drawn where they are few, of all lanes otherwise.
Moments MomentsOf(const Lanes& base, double n, Random& random) {
  const bool few = n <= kMostDrawn;
  const size_t count = few ? static_cast<size_t>(n) : kLanes;
  Moments moments;
  double square = 0;
  for (size_t i = 0; i < count; ++i) {
    const double x = few ? Pick(base, random) : base[i];
    const double change = x - moments.mean;
    moments.mean += change / static_cast<double>(i + 1);
    square += change * (x - moments.mean);
  }
  moments.variance = count > 1 ? square / static_cast<double>(count - 1) : 0;
  if (!few && moments.variance > 0) moments.mean += std::sqrt(moments.variance / n) * Normal(random);
  return moments;
}

double MeanOfExp(const Lanes& base, double largest) {
  double sum = 0;
  for (double x : base) sum += std::exp(x - largest);
  return sum / static_cast<double>(kLanes);
}

// A variance, deviation or norm of n elements.
double SizeOf(std::string_view op, double order, Lanes base, double n, Random& random) {
  const std::string_view name = op.substr(5);
  if (std::isinf(order)) {
    for (double& x : base) x = std::abs(x);
    return Extreme(base, n, order > 0 ? 1 : -1, random);
  }
  if (order == 1) {
    for (double& x : base) x = std::abs(x);
    return n * MomentsOf(base, n, random).mean;
  }
  const bool norm = !name.starts_with("var") && !name.starts_with("std");
  if (norm) {
    for (double& x : base) x *= x;
    return std::sqrt(n * std::max(MomentsOf(base, n, random).mean, 0.0));
  }
  const Moments moments = MomentsOf(base, n, random);
  const bool varies = moments.variance > 1e-10 * moments.mean * moments.mean;
  const double noise = n <= kMostDrawn || !varies ? 1 : std::max(1 + 0.6 * Normal(random) / std::sqrt(n), 0.1);
  return name.starts_with("var") ? moments.variance * noise : std::sqrt(moments.variance) * noise;
}

double Product(const Lanes& base, double n, Random& random) {
  double product = 1;
  for (int i = 0; i < static_cast<int>(std::min(n, 64.0)); ++i) product *= Pick(base, random);
  return product;
}

bool GivesOrder(std::string_view op) {
  const std::string_view name = op.substr(5);
  for (const std::string_view word : {"sort", "topk", "cummax", "cummin", "logcumsumexp", "cumprod"}) {
    if (name.starts_with(word)) return true;
  }
  return false;
}

// Whether groups of its elements have the same mean whatever the operand holds.
bool GivesLevel(std::string_view op, Gather gather) {
  const std::string_view name = op.substr(5);
  if (gather == Gather::kStandard) return !name.starts_with("batch_norm") && !name.starts_with("rms_norm");
  const bool permutes = gather == Gather::kIndex && (name.starts_with("sort") || name.starts_with("argsort"));
  return permutes || gather == Gather::kShare;
}

// Whether the numbers `to` are an affine function of the numbers `from`.
bool IsAffine(const Lanes& from, const Lanes& to) {
  size_t other = 0;
  for (size_t l = 1; l < kLanes; ++l) other = std::abs(from[l] - from[0]) > std::abs(from[other] - from[0]) ? l : other;
  const double run = from[other] - from[0];
  const double rise = to[other] - to[0];
  for (size_t l = 1; l < kLanes; ++l) {
    if (std::abs((to[l] - to[0]) * run - rise * (from[l] - from[0])) > 1e-5 * std::abs(rise * run)) return false;
  }
  return true;
}

// Of a pooling: an index counts all elements of a channel.
double Positions(std::string_view op, const Shape& shape) {
  const size_t spatial = op.find("3d") != op.npos ? 3 : op.find("2d") != op.npos ? 2 : 1;
  double count = 1;
  for (size_t d = shape.size() - std::min(spatial, shape.size()); d < shape.size(); ++d) count *= static_cast<double>(shape[d]);
  return count;
}

// The share of elements of the first operand that others replace or join; 0 where the operator does no such thing.
double Overwritten(const Program& program, const Node& node, const OperatorInfo& info) {
  const std::string_view name = std::string_view(node.op).substr(5);
  if (!name.starts_with("scatter") && (!name.starts_with("index_") || name.starts_with("index_select"))) return 0;
  int at = info.schema.Find("index");
  if (at < 0) at = info.schema.Find("indices");
  if (at < 0) return 0;
  const Attr& argument = node.args[static_cast<size_t>(at)];
  if (!argument.IsValue() && !argument.Is<AttrList>()) return 0;
  const Shape& shape = program.value(node.args[0].AsValue()).shape;
  double cells = 1;
  double written = 0;
  if (argument.IsValue()) {
    const Value& index = program.value(argument.AsValue());
    cells = SizeAlong(node, shape);
    written = name.starts_with("scatter") ? SizeAlong(node, index.shape) : static_cast<double>(index.Elements());
  } else {
    const AttrList& indices = argument.AsList();
    for (size_t i = 0; i < indices.size(); ++i) {
      if (!indices[i].IsValue()) continue;
      cells *= static_cast<double>(shape[i]);
      written = std::max(written, static_cast<double>(program.value(indices[i].AsValue()).Elements()));
    }
  }
  return 1 - std::pow(1 - 1 / std::max(cells, 1.0), written);
}

// Whether the result holds the operand's elements again and again: only dimensions of size 1 differ.
bool Repeats(const Shape& operand, const Shape& result) {
  if (operand.size() != result.size() || operand == result) return false;
  for (size_t d = 0; d < operand.size(); ++d) {
    if (operand[d] != result[d] && operand[d] != 1) return false;
  }
  return true;
}

// How much of a padded result is padding.
double PaddedShare(const Node& node, const Value& operand, const Value& result) {
  const std::string_view name = std::string_view(node.op).substr(5);
  if (name.starts_with("tri")) {
    const int64_t rows = result.shape[result.shape.size() - 2];
    const int64_t columns = result.shape.back();
    const int64_t diagonal = node.args.size() > 1 ? node.args[1].AsInt() : 0;
    int64_t kept = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t below = std::clamp<int64_t>(i + diagonal + (name[3] == 'l' ? 1 : 0), 0, columns);
      kept += name[3] == 'l' ? below : columns - below;
    }
    return 1 - static_cast<double>(kept) / static_cast<double>(std::max<int64_t>(rows * columns, 1));
  }
  const double share = 1 - static_cast<double>(operand.Elements()) / static_cast<double>(std::max<int64_t>(result.Elements(), 1));
  return std::max(share, 0.0);
}

double Count(const Lanes& base, double n, Random& random) {
  double count = 0;
  const int drawn = static_cast<int>(std::min(n, 2 * kMostDrawn));
  for (int i = 0; i < drawn; ++i) count += Pick(base, random) != 0 ? 1 : 0;
  return std::round(count * n / std::max(drawn, 1));
}

}  // namespace

LaneEstimate::LaneEstimate(const Program& program, std::span<const LeafFacts> leaves,
                           std::span<const EstimatedNode> nodes)
    : program_(program), leaves_(leaves), results_(program.Results()) {
  lanes_.resize(program.values.size());
  traits_.resize(program.values.size());
  calls_.reserve(nodes.size());
  // A few masks, integers or positions may by chance be all the same.
  for (const Value& value : program.values) {
    few_ = few_ || (!IsFloating(value.dtype) && value.Elements() <= kFew);
  }
  for (const EstimatedNode& node : nodes) calls_.push_back(Read(node));
}

LaneEstimate::Call LaneEstimate::Read(const EstimatedNode& estimated) const {
  Call call{.node = &program_.nodes[static_cast<size_t>(estimated.node)],
            .rule = estimated.rule,
            .operands = {},
            .numbers = {}};
  const AttrList& args = call.node->args;
  call.numbers.assign(std::max<size_t>(args.size(), 8), std::numeric_limits<double>::quiet_NaN());
  if (call.rule == nullptr) {
    call.operands.push_back({0, args[0].AsValue()});
    return call;
  }
  const OperatorInfo* const info = FindOperator(call.node->op);
  call.kind = info->kind;
  const int padding = info->schema.Find("value");
  if (padding >= 0 && args[static_cast<size_t>(padding)].IsNumber())
    call.padding = args[static_cast<size_t>(padding)].AsDouble();
  const int accumulates = info->schema.Find("accumulate");
  call.replaces = accumulates >= 0 && args[static_cast<size_t>(accumulates)] == Attr(false);
  call.overwritten = Overwritten(program_, *call.node, *info);
  const unsigned skipped = call.rule->index_arguments | call.rule->silent_arguments;
  for (size_t a = 0; a < args.size(); ++a) {
    const bool read = a >= 8 || !((skipped >> a) & 1U);
    if (args[a].IsValue()) {
      if (read) call.operands.push_back({a, args[a].AsValue()});
    } else if (args[a].IsNumber()) {
      call.numbers[a] = args[a].AsDouble();
    } else if (args[a].Is<std::string>()) {
      call.numbers[a] = WordNumber(args[a].AsString());
      call.multiplies = args[a].AsString() == "multiply" || args[a].AsString() == "prod";
    } else if (args[a].Is<AttrList>() && read) {
      for (const Attr& item : args[a].AsList()) {
        if (item.IsValue()) call.operands.push_back({a, item.AsValue()});
      }
    }
  }
  return call;
}

uint64_t LaneEstimate::ElementAt(ValueId id, size_t lane) const {
  const Shape& shape = program_.value(id).shape;
  uint64_t element = 0;
  for (size_t d = 0; d < shape.size(); ++d) {
    const uint64_t place = at_[lane][std::min<size_t>(shape.size() - 1 - d, 7)];
    const uint64_t size = static_cast<uint64_t>(shape[d]);
    element = element * size + ((place * size) >> 32);
  }
  return element;
}

void LaneEstimate::PlaceLanes() {
  Random random(seed_, 0);
  for (auto& lane : at_) {
    for (size_t d = 0; d < lane.size(); d += 2) {
      const uint64_t bits = random.Next();
      lane[d] = static_cast<uint32_t>(bits);
      lane[d + 1] = static_cast<uint32_t>(bits >> 32);
    }
  }
}

// Each element goes through its quantiles from trial to trial, evenly, so that few trials show what a tensor of few
// elements may hold.
void LaneEstimate::FillLeaf(const LeafFill& fill, ValueId id, bool coarse) {
  const DType dtype = program_.value(id).dtype;
  for (size_t l = 0; l < kLanes; ++l) {
    Random random(program_seed_ + kValueStep * static_cast<uint64_t>(id + 1), ElementAt(id, l));
    // By steps of their own: elements that went together would never be all the same, or always.
    static constexpr std::array<double, 8> kSteps = {0.618034, 0.414214, 0.732051, 0.236068, 0.645751, 0.316625, 0.550756, 0.123106};
    const double turned = random.Unit() + trial_ * kSteps[random.Next() >> 61];
    lanes_[static_cast<size_t>(id)][l] = Rounded(QuantileOf(fill, turned - std::floor(turned)), dtype, coarse);
  }
}

// `aligned`: operands are seen at the same place; otherwise anywhere.
Lanes LaneEstimate::Base(Call& call, bool aligned) {
  Lanes base;
  if (call.operands.empty()) {
    Random random(seed_ + kValueStep, static_cast<uint64_t>(call.node->outputs[0]));
    for (double& x : base) x = Normal(random);
    return base;
  }
  if (call.rule->function == nullptr && call.kind == OpKind::kMatmul) {
    for (size_t l = 0; l < kLanes; ++l) {
      base[l] = 1;
      for (size_t o = 0; o < call.operands.size(); ++o)
        base[l] *= lanes_[static_cast<size_t>(call.operands[o].id)][(l * (2 * o + 1) + o * 5) % kLanes];
    }
    return base;
  }
  if (call.rule->function == nullptr) {
    const Gather gather = call.rule->gather[0];
    const size_t operands = gather == Gather::kChoice || gather == Gather::kPadded ? call.operands.size() : 1;
    for (size_t l = 0; l < kLanes; ++l) base[l] = lanes_[static_cast<size_t>(call.operands[l % operands].id)][l];
    return base;
  }
  const size_t used = std::min<size_t>(call.operands.size(), 3);
  const bool adds = Adds(call);
  for (size_t l = 0; l < kLanes; ++l) {
    for (size_t o = 0; o < used; ++o) {
      const size_t lane = aligned ? l : (l * (2 * o + 1) + o * 5) % kLanes;
      call.numbers[call.operands[o].argument] = lanes_[static_cast<size_t>(call.operands[o].id)][lane];
    }
    if (adds) call.numbers[call.operands[0].argument] = 0;
    base[l] = call.rule->function(call.numbers.data());
  }
  return base;
}

// How many elements one result is made of.
double LaneEstimate::Elements(const Call& call, Gather gather, const Value& result) const {
  if (call.operands.empty()) return 1;
  const Value& first = program_.value(call.operands[0].id);
  if (call.kind == OpKind::kPooling && gather == Gather::kIndex) return Positions(call.node->op, first.shape);
  const bool pools = call.kind == OpKind::kPooling && call.node->args.size() > 1 && call.node->args[1].Is<AttrList>();
  if (pools && std::string_view(call.node->op).substr(5, 8) != "adaptive") {  // windows overlap
    double window = 1;
    for (int64_t size : call.node->args[1].AsInts()) window *= static_cast<double>(size);
    return window;
  }
  const bool along = gather == Gather::kIndex && result.shape == first.shape && call.kind != OpKind::kPooling;  // a sort
  if (along || call.kind == OpKind::kScan || gather == Gather::kShare || gather == Gather::kLogShare)
    return SizeAlong(*call.node, first.shape);
  if (call.kind == OpKind::kAttention && call.node->args[1].IsValue())
    return static_cast<double>(program_.value(call.node->args[1].AsValue()).shape.rbegin()[1]);
  if (call.node->op.starts_with("aten.addbmm")) {
    const Shape& left = program_.value(call.operands[1].id).shape;
    return static_cast<double>(left[0] * left[2]);
  }
  const Shape& rows = program_.value(call.operands[call.operands.size() > 2 ? 1 : 0].id).shape;
  if (call.kind == OpKind::kMatmul && gather == Gather::kSum && !rows.empty()) return static_cast<double>(rows.back());
  return std::max(1.0,
                  static_cast<double>(first.Elements()) / static_cast<double>(std::max<int64_t>(result.Elements(), 1)));
}

// Whether the first operand is added to a product of the others.
bool LaneEstimate::Adds(const Call& call) {
  return call.kind == OpKind::kMatmul && call.operands.size() == 3 && call.rule->gather[0] == Gather::kSum;
}

// What replaces or joins an element of the first operand.
double LaneEstimate::Other(const Call& call, Random& random) const {
  return call.operands.size() > 1 ? Pick(lanes_[static_cast<size_t>(call.operands[1].id)], random) : call.padding;
}

void LaneEstimate::GatherInto(const Call& call, Gather gather, const Lanes& base, ValueId id) {
  const Value& result = program_.value(id);
  Lanes& lanes = lanes_[static_cast<size_t>(id)];
  const double n = Elements(call, gather, result);
  const double largest = *std::max_element(base.begin(), base.end());
  const Value& operand = call.operands.empty() ? result : program_.value(call.operands[0].id);
  if (call.kind == OpKind::kLoss) {
    const OperatorInfo* const info = FindOperator(call.node->op);
    const int position = info->schema.Find("reduction");
    const int64_t reduction = position < 0 ? 1 : call.node->args[static_cast<size_t>(position)].AsInt();
    gather = reduction == 0 ? Gather::kOne : reduction == 2 ? Gather::kSum : gather;
  }
  for (size_t l = 0; l < kLanes; ++l) {
    Random random(seed_ + kValueStep * static_cast<uint64_t>(id + 1), ElementAt(id, l));
    double& x = lanes[l];
    switch (gather) {
      case Gather::kOne:
        x = base[l];
        break;
      case Gather::kChoice: {
        const bool moved = call.kind == OpKind::kView || call.rule->function != nullptr || call.operands.size() > 1;
        if ((call.kind == OpKind::kView && result.shape == operand.shape) || (!moved && Repeats(operand.shape, result.shape))) {
          x = base[l];  // a part that is the whole, or copies of it
          break;
        }
        int sign = n > 1 ? ExtremeOf(call.node->op, result.output_index) : 0;
        if (n > 1 && call.node->op.starts_with("aten.topk")) sign = call.numbers[3] != 0 ? 1 : -1;
        const bool middle = call.node->op.starts_with("aten.median") || call.node->op.starts_with("aten.nanmedian");
        x = middle && n > 1 ? Middle(base, n, random) : sign == 0 ? Pick(base, random) : Extreme(base, n, sign, random);
        if (call.overwritten > 0) {
          x = random.Chance(call.overwritten) ? Other(call, random) : lanes_[static_cast<size_t>(call.operands[0].id)][l];
        }
        break;
      }
      case Gather::kPadded:
        // What keeps its place is the operand's own element there.
        x = random.Chance(call.overwritten > 0 ? call.overwritten : PaddedShare(*call.node, operand, result)) ? call.padding
            : operand.shape == result.shape                            ? base[l]
                                                                       : Pick(base, random);
        break;
      case Gather::kMean:
        x = MomentsOf(base, n, random).mean;
        // Each class adds to the cross entropy with probabilities.
        if (call.node->op.starts_with("aten.cross_entropy") && IsFloating(program_.value(call.node->args[1].AsValue()).dtype))
          x *= static_cast<double>(operand.shape[operand.shape.size() > 1 ? 1 : 0]);
        if (call.kind == OpKind::kAttention) x += random.Unit() * (Pick(base, random) - x) / 2;  // weights differ
        if (call.kind == OpKind::kOther && Repeats(operand.shape, result.shape)) x = base[l];
        break;
      case Gather::kSum: {
        const double many = call.kind == OpKind::kScan ? 1 + random.Below(static_cast<uint32_t>(n)) : n;
        x = many * MomentsOf(base, many, random).mean;
        if (Adds(call)) x += (std::isnan(call.numbers[3]) ? 1 : call.numbers[3]) * Pick(lanes_[static_cast<size_t>(call.operands[0].id)], random);
        if (call.overwritten > 0) {  // joined with what is there, several times where the same place is written again
          x = base[l];
          for (int i = 0; i < 6 && random.Chance(call.overwritten); ++i) {
            const double other = Other(call, random);
            x = call.replaces ? other : call.multiplies ? x * other : x + other;
          }
        }
        break;
      }
      case Gather::kProduct:
        x = Product(base, call.kind == OpKind::kScan ? 1 + random.Below(static_cast<uint32_t>(n)) : n, random);
        break;
      case Gather::kMixture: {
        const Moments moments = MomentsOf(base, kLanes + 1, random);
        const double square = moments.variance + moments.mean * moments.mean;
        if (call.node->op.starts_with("aten.upsample")) {  // a little beyond the numbers that it joins
          x = Pick(base, random) + 0.1 * (Pick(base, random) - Pick(base, random));
          break;
        }
        if (call.node->op.starts_with("aten.bilinear")) {
          const double inner = static_cast<double>(program_.value(call.operands[1].id).shape.back());
          x = Normal(random) * std::sqrt(square * inner / 3);
          break;
        }
        x = Normal(random) * std::sqrt(call.rule->function != nullptr ? 2 * square : square / 3);
        break;
      }
      case Gather::kStandard: {
        if (std::string_view(call.node->op).starts_with("aten.batch_norm")) {  // by statistics of a unit normal
          x = base[l];
          break;
        }
        const Moments moments = MomentsOf(base, kLanes + 1, random);
        const bool shifts = !std::string_view(call.node->op).starts_with("aten.rms_norm");
        const double mean = shifts ? moments.mean : 0;
        const double square = moments.variance + (shifts ? 0 : moments.mean * moments.mean);
        x = (base[l] - mean) / std::sqrt(square + 1e-5);
        break;
      }
      case Gather::kTable:
        x = Normal(random);
        break;
      case Gather::kShare:
      case Gather::kLogShare: {
        const double own = base[l];
        const double share = own - largest - std::log(std::exp(own - largest) + (n - 1) * MeanOfExp(base, largest));
        x = gather == Gather::kShare ? std::exp(share) : share;
        break;
      }
      case Gather::kSpread:
        x = SizeOf(call.node->op, call.kind == OpKind::kReduction ? call.numbers[1] : 0, base, n, random);
        break;
      case Gather::kLogSum:
        x = Pick(base, random) * 0.1 + 0.9 * largest + std::log(n * MeanOfExp(base, largest));
        break;
      case Gather::kIndex:
        x = PlaceOf(base, std::max(n, 2.0), ExtremeOf(call.node->op, 0), random);
        break;
      case Gather::kCount:
        x = Count(base, n, random);
        break;
      case Gather::kTruth: {
        const bool any = std::string_view(call.node->op).starts_with("aten.any");
        x = Extreme(base, n, any ? 1 : -1, random);
        // Among many there may be one that the lanes do not show: of a share that they leave open.
        const bool open = n > 2 * kMostDrawn && (x != 0) != any;
        if (open && std::pow(random.Unit(), n / (kLanes + 1)) < random.Unit()) x = any ? 1 : 0;
        break;
      }
    }
  }
}

void LaneEstimate::Evaluate(Call& call, bool coarse) {
  if (call.rule == nullptr) {
    for (ValueId id : call.node->outputs) {
      lanes_[static_cast<size_t>(id)] = lanes_[static_cast<size_t>(call.operands[0].id)];
      traits_[static_cast<size_t>(id)] = traits_[static_cast<size_t>(call.operands[0].id)];
    }
    return;
  }
  const std::vector<Gather>& gathers = call.rule->gather;
  const bool aligned = gathers[0] == Gather::kOne || call.kind == OpKind::kLoss;
  const Lanes base = Base(call, aligned);
  for (size_t k = 0; k < call.node->outputs.size(); ++k) {
    const ValueId id = call.node->outputs[k];
    if (id < 0) continue;
    GatherInto(call, gathers[std::min(k, gathers.size() - 1)], base, id);
    const DType dtype = program_.value(id).dtype;
    for (double& x : lanes_[static_cast<size_t>(id)]) x = Rounded(x, dtype, coarse);
    FollowTraits(call, gathers[std::min(k, gathers.size() - 1)], id);
  }
}

// Where traits make a result the same everywhere, the lanes show it.
void LaneEstimate::FollowTraits(const Call& call, Gather gather, ValueId id) {
  if (call.operands.empty()) return;
  const Traits operand = traits_[static_cast<size_t>(call.operands[0].id)];
  Lanes& lanes = lanes_[static_cast<size_t>(id)];
  const bool averages = gather == Gather::kSum || gather == Gather::kMean || gather == Gather::kLogSum;
  const bool reduces = call.kind == OpKind::kReduction;
  if ((operand.ordered && gather == Gather::kIndex) || (operand.level && averages && reduces)) lanes.fill(0);
  if (operand.unit && gather == Gather::kSpread && reduces) lanes.fill(1);
  Traits& traits = traits_[static_cast<size_t>(id)];
  const bool alone = call.operands.size() == 1;
  const bool pointwise = gather == Gather::kOne;
  const bool moves = gather == Gather::kChoice && !reduces && call.rule->function == nullptr;
  const Lanes& summed = lanes_[static_cast<size_t>(call.operands[0].id)];
  const auto signs = std::count_if(summed.begin(), summed.end(), [](double x) { return x < 0; });
  const bool grows = call.node->op.starts_with("aten.cumsum") && (signs == 0 || signs == static_cast<ptrdiff_t>(kLanes));
  traits.ordered = GivesOrder(call.node->op) || grows || (alone && operand.ordered && (pointwise || moves));
  const bool affine =
      pointwise && alone && operand.level && IsAffine(lanes_[static_cast<size_t>(call.operands[0].id)], lanes);
  traits.unit = (gather == Gather::kStandard && !call.node->op.starts_with("aten.batch_norm")) || (alone && operand.unit && moves);
  traits.level = GivesLevel(call.node->op, gather) || (alone && operand.level && (affine || moves));
}

// The probability that chance makes a result the same everywhere, from how often two of its elements are equal: with
// two numbers of shares q and 1 - q, pairs are equal with probability q^2 + (1 - q)^2, and n elements with about that
// to n / 2.
double LaneEstimate::Constant(ValueId id) const {
  const double elements = static_cast<double>(program_.value(id).Elements());
  if (elements <= 1) return 0;
  const Lanes& lanes = lanes_[static_cast<size_t>(id)];
  std::array<uint64_t, kLanes> places;
  for (size_t l = 0; l < kLanes; ++l) places[l] = ElementAt(id, l);
  int pairs = 0;
  int ties = 0;
  for (size_t l = 1; l < kLanes; ++l) {
    for (size_t m = 0; m < l; ++m) {
      pairs += places[l] != places[m] ? 1 : 0;
      ties += places[l] != places[m] && lanes[l] == lanes[m] ? 1 : 0;
    }
  }
  if (ties == pairs) return 1;
  return std::pow(static_cast<double>(ties) / static_cast<double>(pairs), elements / 2);
}

bool LaneEstimate::Trial(std::span<const LeafFill> fills, bool coarse) {
  PlaceLanes();
  for (size_t l = 0; l < leaves_.size(); ++l) FillLeaf(fills[l], leaves_[l].value, coarse);
  for (Call& call : calls_) {
    Evaluate(call, coarse);
    for (ValueId id : call.node->outputs) {
      if (id < 0) continue;
      const Lanes& lanes = lanes_[static_cast<size_t>(id)];
      const double most = coarse && IsFloating(program_.value(id).dtype) ? kLargestLow : kLargest;
      if (!std::all_of(lanes.begin(), lanes.end(), [most](double x) { return std::abs(x) < most; })) return false;
    }
  }
  for (ValueId id : results_) constant_ += Constant(id);
  return constant_ < kMostConstant;
}

bool LaneEstimate::Fine(std::span<const LeafFill> fills, bool coarse, bool searched, Random& random) {
  constant_ = 0;
  program_seed_ = random.Next();
  for (trial_ = 0; trial_ < (searched || few_ ? kMoreTrials : kTrials); ++trial_) {
    seed_ = random.Next();
    if (!Trial(fills, coarse)) return false;
  }
  return true;
}

}  // namespace drtriton
