// How the elements of a leaf (input, parameter, buffer) of a Program without a module are drawn.
#ifndef DRTRITON_GRAPH_LEAF_FILL_H_
#define DRTRITON_GRAPH_LEAF_FILL_H_

#include <cstdint>

namespace drtriton {

struct LeafFill {
  enum class Kind : uint8_t {
    kDefault,   // normal(0, 1); integers 0 ... 9; half of a mask
    kNormal,    // mean a, deviation b
    kUniform,   // from a up to b
    kIntegers,  // from a up to b, b excluded
    kMask,      // true with probability a
    kConstant,  // all a
  };
  Kind kind = Kind::kDefault;
  double a = 0;
  double b = 1;
};

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_LEAF_FILL_H_
