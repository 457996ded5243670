#include "synth/numeric_traits.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace drtriton {

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
  traits.adds_classes = begins({"cross_entropy"});
  traits.sums_batch = begins({"addbmm"});
  traits.triangle = begins({"tril"}) ? 1 : begins({"triu"}) ? -1 : 0;
  traits.scatters = begins({"scatter"});
  traits.overwrites = traits.scatters || (begins({"index_"}) && !begins({"index_select"}));
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
  traits.padding = info.schema.Find("value");
  traits.reduction = info.kind == OpKind::kLoss ? info.schema.Find("reduction") : -1;
  traits.dim = info.schema.Find("dim");
  traits.accumulate = info.schema.Find("accumulate");
  traits.index = std::max(info.schema.Find("index"), info.schema.Find("indices"));
  return traits;
}

}  // namespace drtriton
