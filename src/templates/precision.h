// How tensor-core kernels multiply their operands under the numerics contract.
#ifndef DRTRITON_TEMPLATES_PRECISION_H_
#define DRTRITON_TEMPLATES_PRECISION_H_

#include <cstdint>
#include <string>

#include "graph/dtype.h"

namespace drtriton {

enum class Precision : uint8_t {
  kNative,  // 16-bit operands
  kTf32,    // one TF32 product; only where the user allowed it
  kTf32x3,  // three TF32 products
  kIeee,    // float32 arithmetic without tensor cores
  kHalves,  // three products of scaled float16 halves
  kHalf,    // one product of scaled float16: the 11 bits of TF32; only where the user allowed TF32
};

// "tf32x3": for reports and tests.
const char* ShortName(Precision precision);

// tl.dot's last argument for operands that enter it as they are: ", input_precision=\"tf32\"", or nothing.
std::string DotPrecision(Precision precision);

// What the arithmetic is, for KernelPlan::numerics; `dtype` is that of the operands.
std::string NumericsText(Precision precision, DType dtype);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_PRECISION_H_
