// Element types, with the facts about them that shape rules, code generation and the numerics contract need.
#ifndef DRTRITON_GRAPH_DTYPE_H_
#define DRTRITON_GRAPH_DTYPE_H_

#include <cstdint>
#include <optional>
#include <string_view>

namespace drtriton {

enum class DType : uint8_t {
  kBool,
  kUInt8,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat16,
  kBFloat16,
  kFloat32,
  kFloat64,
  kComplex64,   // carried through opaque steps only
  kComplex128,  // likewise
};

inline constexpr int kDTypeCount = 12;

// PyTorch's name without the prefix: "float32", "bool".
std::string_view Name(DType dtype);
std::optional<DType> DTypeFromName(std::string_view name);

// The short form used in flat program text: "f32", "bf16", "i64", "b8".
std::string_view ShortName(DType dtype);

// Triton's name: "tl.float32", "tl.int1" for bool in registers; memory holds bool as one byte.
std::string_view TritonName(DType dtype);

int64_t ElementBytes(DType dtype);
bool IsFloating(DType dtype);
bool IsIntegral(DType dtype, bool include_bool);

// Distance from 1 to the next value: 2^-23 for float32.  0 for integers.
double MachineEpsilon(DType dtype);

// PyTorch's promotion table for two tensors of non-zero rank (c10/core/ScalarType.h, promoteTypes).
DType Promote(DType a, DType b);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_DTYPE_H_
