// See precision.h.
#include "templates/precision.h"

namespace drtriton {

const char* ShortName(Precision precision) {
  static const char* const kNames[] = {"native", "tf32", "tf32x3", "ieee", "halves", "half"};
  return kNames[static_cast<size_t>(precision)];
}

std::string DotPrecision(Precision precision) {
  switch (precision) {
    case Precision::kTf32:
      return ", input_precision=\"tf32\"";
    case Precision::kTf32x3:
      return ", input_precision=\"tf32x3\"";
    case Precision::kIeee:
      return ", input_precision=\"ieee\"";
    default:
      return "";
  }
}

std::string NumericsText(Precision precision, DType dtype) {
  switch (precision) {
    case Precision::kNative:
      return std::string(ShortName(dtype)) + " inputs, fp32 accumulation";
    case Precision::kTf32:
      return "tf32 (allowed by the user's flags), fp32 accumulation";
    case Precision::kTf32x3:
      return "tf32x3: three TF32 products, as accurate as fp32";
    case Precision::kIeee:
      return "fp32";
    case Precision::kHalves:
      return "fp32 as two scaled fp16 halves (22 bits), three products, fp32 accumulation";
    case Precision::kHalf:
      return "fp32 rounded to 11 bits as TF32 has (allowed by the user's flags), fp32 accumulation";
  }
  return "";
}

}  // namespace drtriton
