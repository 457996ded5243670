#include "synth/numeric_traits.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>

namespace drtriton {
namespace {

NumericTraits::Follows FollowsOf(const OperatorInfo& info, std::string_view name) {
  using enum NumericTraits::Follows;
  struct Named {
    std::string_view begins;
    NumericTraits::Follows follows;
  };
  static constexpr std::array kNamed = std::to_array<Named>({
      {"sort", kAlong},         {"argsort", kAlong},          {"topk", kAlong},           {"flip", kItself},
      {"roll", kItself},        {"reflection_pad", kItself},  {"replication_pad", kItself}, {"upsample_bicubic", kNothing},
      {"upsample", kItself},    {"repeat", kItself},          {"tile", kItself},          {"channel_shuffle", kItself},
      {"index_select", kItself}, {"cat", kBeside},            {"glu", kBeside},           {"constant_pad_nd", kResized},
      {"pad", kResized},        {"tril", kOuter},             {"triu", kOuter},           {"layer_norm", kLayerNorm},
      {"rms_norm", kLayerNorm}, {"group_norm", kGroupNorm},   {"instance_norm", kInstanceNorm}, {"batch_norm", kBatchNorm},
      {"linear", kRowsOnly},    {"bilinear", kRowsOnly},    {"matmul", kProduct},         {"mm", kProduct},           {"bmm", kProduct},
      {"mv", kProduct},         {"addmm", kProduct},          {"baddbmm", kProduct},      {"addbmm", kProduct},
      {"addmv", kProduct},      {"nll_loss", kNothing},       {"cross_entropy", kNothing},
  });
  for (const Named& named : kNamed) {
    if (name.starts_with(named.begins)) return named.follows;
  }
  switch (info.kind) {
    case OpKind::kPointwise:
    case OpKind::kLoss:
      return kEach;
    case OpKind::kReduction:
      return kReduced;
    case OpKind::kScan:
      return kScanned;
    case OpKind::kSoftmax:
      return kAlong;
    case OpKind::kView:
      return kStrides;
    case OpKind::kConvolution:
      return kBatch;
    case OpKind::kPooling:
      return kPooled;
    case OpKind::kAttention:
      return kValues;
    default:
      return kNothing;
  }
}

}  // namespace

NumericTraits NumericTraitsOf(const OperatorInfo& info) {
  const std::string_view name = std::string_view(info.name).substr(info.name.find('.') + 1);
  const auto begins = [name](std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words) {
      if (name.starts_with(word)) return true;
    }
    return false;
  };
  NumericTraits traits;
  if (begins({"aminmax"})) {
    traits.extreme = {-1, 1};
  } else if (begins({"amax", "max", "cummax", "adaptive_max", "argmax"})) {
    traits.extreme = {1, 1};
  } else if (begins({"amin", "min", "cummin", "argmin", "mode", "kthvalue"})) {
    // The mode of numbers that all differ is the least of them, the first or second of many close to it.
    traits.extreme = {-1, -1};
  }
  traits.middle = begins({"median", "nanmedian"});
  traits.either = begins({"topk"});
  traits.resamples = begins({"upsample"});
  traits.is_affine = begins({"batch_norm"});
  traits.is_bilinear = begins({"bilinear"});
  traits.subtracts = begins({"linalg_cross"});
  traits.adds_classes = begins({"cross_entropy"});
  traits.sums_batch = begins({"addbmm"});
  traits.triangle = begins({"tril"}) ? 1 : begins({"triu"}) ? -1 : 0;
  traits.scatters = begins({"scatter"});
  traits.overwrites_part = begins({"select_scatter", "slice_scatter", "diagonal_scatter"});
  traits.overwrites = traits.overwrites_part || traits.scatters || (begins({"index_"}) && !begins({"index_select"}));
  traits.any = begins({"any"});
  if (begins({"var"})) traits.spread = NumericTraits::Spread::kVariance;
  if (begins({"std"})) traits.spread = NumericTraits::Spread::kDeviation;
  traits.shifts = !begins({"rms_norm"});
  traits.ordered = begins({"sort", "topk", "cummax", "cummin", "logcumsumexp", "cumprod"});
  traits.sums_up = begins({"cumsum"});
  traits.permutes = begins({"sort", "argsort"});
  traits.levels = !begins({"batch_norm", "rms_norm"});
  traits.adaptive = begins({"adaptive"});
  traits.spatial = name.find("3d") != name.npos ? 3 : name.find("2d") != name.npos ? 2 : 1;
  traits.follows = FollowsOf(info, name);
  traits.padding = info.schema.Find("value");
  traits.reduction = info.kind == OpKind::kLoss ? info.schema.Find("reduction") : -1;
  traits.dim = info.schema.Find("dim");
  traits.accumulate = info.schema.Find("accumulate");
  traits.index = std::max(info.schema.Find("index"), info.schema.Find("indices"));
  return traits;
}

}  // namespace drtriton
