// Which results of a convolution no element of its input reaches: windows that lie in the padding, and what the steps
// of a transposed convolution pass over.  They are 0, or the bias.
#ifndef DRTRITON_SYNTH_CONVOLUTION_REACH_H_
#define DRTRITON_SYNTH_CONVOLUTION_REACH_H_

#include <cstdint>

#include "graph/program.h"

namespace drtriton {

// One dimension of a convolution.
struct ConvolutionDim {
  int64_t input = 1;
  int64_t result = 1;
  int64_t kernel = 1;
  int64_t stride = 1;
  int64_t padding = 0;  // before the first element
  int64_t dilation = 1;
  bool transposed = false;
};

// The share of positions along the dimension, 0 to 1, that no element of the input reaches.
double UnreachedShare(const ConvolutionDim& dim);

// The share of all results of a convolution node, whose result has this shape; 0 for other operators.
double UnreachedShare(const Program& program, const Node& node, const Shape& result);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_CONVOLUTION_REACH_H_
