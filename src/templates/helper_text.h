// The tables behind HelperSource() (expression.h): helpers.cc and helpers_special.cc.
#ifndef DRTRITON_TEMPLATES_HELPER_TEXT_H_
#define DRTRITON_TEMPLATES_HELPER_TEXT_H_

#include <string>
#include <vector>

namespace drtriton {

struct HelperText {
  std::string name;
  std::vector<std::string> needs;
  std::string source;   // without the decorator
};

// Special functions of float32 in float64, in the order in which they are printed (helpers_special.cc).
std::vector<HelperText> SpecialHelpers();

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_HELPER_TEXT_H_
