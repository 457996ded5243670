// The named sizes of a module file: `BATCH = 8` at its top, `features` among the constructor's arguments.
#ifndef DRTRITON_SYNTH_MODULE_SIZES_H_
#define DRTRITON_SYNTH_MODULE_SIZES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"

namespace drtriton {

// Appends a number in decimal.
void AppendInt(std::string& out, int64_t value);
// Appends a float as Python writes it, with at most six significant digits: "0.25", "3.0", "1e-05".
void AppendShortFloat(std::string& out, double value);

// A size of 1 is never named.
class ModuleSizes {
 public:
  // Names the dimensions of an input.  `image`: laid out as batch, channels, space (convolution and its like).
  void AddInput(const Shape& shape, bool image);

  // A dimension of an input as get_inputs() writes it, by the name that AddInput() gave.
  void AppendInputSize(std::string& out, const Shape& shape, size_t dim, bool image);

  // The size as the constructor writes it: an argument, by its name.  A size without a name gets `name` ("OUT_FEATURES").
  void AppendInConstructor(std::string& out, int64_t size, std::string_view name);

  void AppendDefinitions(std::string& out) const;            // BATCH = 8\n..., of what was appended
  void AppendConstructorParameters(std::string& out) const;  // ", features, out_features"
  void AppendConstructorArguments(std::string& out) const;   // "FEATURES, OUT_FEATURES"

 private:
  struct Named {
    std::string name;
    int64_t size;
    bool used = false;
    bool in_constructor = false;
  };
  // The size's name, `role` before others; nullptr where it has none that would do.
  const Named* Find(int64_t size, std::string_view role) const;
  Named& Add(int64_t size, std::string_view name);

  std::vector<Named> sizes_;
  std::vector<size_t> arguments_;  // into sizes_, in the order in which the constructor meets them
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_MODULE_SIZES_H_
