#include "execute/float_bits.h"

#include <bit>
#include <cmath>

namespace drtriton {

uint32_t Float32Bits(double value) { return std::bit_cast<uint32_t>(static_cast<float>(value)); }
uint64_t Float64Bits(double value) { return std::bit_cast<uint64_t>(value); }

uint16_t BFloat16Bits(double value) {
  const uint32_t bits = Float32Bits(value);
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

uint16_t Float16Bits(double value) {
  const uint16_t sign = std::signbit(value) ? 0x8000u : 0u;
  const double magnitude = std::fabs(value);
  if (std::isnan(value)) return 0x7e00u;
  if (magnitude >= 65520.0) return sign | 0x7c00u;   // rounds past the largest finite value, 65504
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  // One unit in the last place: 2^(exponent - 11), but never below the subnormal step 2^-24.
  const int step = exponent - 11 < -24 ? -24 : exponent - 11;
  const auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(magnitude, -step)));
  if (step == -24) return static_cast<uint16_t>(sign | units);
  return static_cast<uint16_t>(sign | (static_cast<uint32_t>(step + 24) * 1024u + units));
}

}  // namespace drtriton
