#include "synth/sampler.h"

namespace drtriton {

std::string_view Name(SizeClass size) {
  switch (size) {
    case SizeClass::kTiny:
      return "tiny";
    case SizeClass::kReal:
      return "real";
    case SizeClass::kMixed:
      return "mixed";
  }
  return "";
}

std::string_view Name(OperatorLaw law) { return law == OperatorLaw::kUniform ? "uniform" : "usage"; }

}  // namespace drtriton
