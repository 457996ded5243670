// Bits of a number in the narrow floating formats, rounding to nearest even.
#ifndef DRTRITON_EXECUTE_FLOAT_BITS_H_
#define DRTRITON_EXECUTE_FLOAT_BITS_H_

#include <cstdint>

namespace drtriton {

uint16_t Float16Bits(double value);    // IEEE binary16
uint16_t BFloat16Bits(double value);
uint32_t Float32Bits(double value);
uint64_t Float64Bits(double value);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_FLOAT_BITS_H_
