#include "graph/dtype.h"

#include <array>

#include "base/error.h"

namespace drtriton {
namespace {

enum class Category : uint8_t { kBool, kInteger, kFloat, kComplex };

struct Facts {
  std::string_view name;
  std::string_view short_name;
  std::string_view triton_name;  // empty: Triton has no such type
  int64_t bytes;
  Category category;
  double epsilon;
};

// In the order of the enumeration.
constexpr std::array<Facts, kDTypeCount> kFacts = {{
    {"bool", "b8", "tl.int1", 1, Category::kBool, 0},
    {"uint8", "u8", "tl.uint8", 1, Category::kInteger, 0},
    {"int8", "i8", "tl.int8", 1, Category::kInteger, 0},
    {"int16", "i16", "tl.int16", 2, Category::kInteger, 0},
    {"int32", "i32", "tl.int32", 4, Category::kInteger, 0},
    {"int64", "i64", "tl.int64", 8, Category::kInteger, 0},
    {"float16", "f16", "tl.float16", 2, Category::kFloat, 0x1p-10},
    {"bfloat16", "bf16", "tl.bfloat16", 2, Category::kFloat, 0x1p-7},
    {"float32", "f32", "tl.float32", 4, Category::kFloat, 0x1p-23},
    {"float64", "f64", "tl.float64", 8, Category::kFloat, 0x1p-52},
    {"complex64", "c64", "", 8, Category::kComplex, 0x1p-23},
    {"complex128", "c128", "", 16, Category::kComplex, 0x1p-52},
}};

constexpr const Facts& FactsOf(DType dtype) { return kFacts[static_cast<size_t>(dtype)]; }

DType PromoteIntegers(DType a, DType b) {
  if (a == b) return a;
  if ((a == DType::kUInt8 && b == DType::kInt8) || (a == DType::kInt8 && b == DType::kUInt8)) return DType::kInt16;
  return ElementBytes(a) >= ElementBytes(b) ? a : b;
}

DType PromoteFloats(DType a, DType b) {
  if (a == b) return a;
  const DType wider = ElementBytes(a) >= ElementBytes(b) ? a : b;
  return ElementBytes(a) == ElementBytes(b) ? DType::kFloat32 : wider;  // float16 with bfloat16
}

DType PromoteComplex(DType a, DType b) {
  const auto is_double = [](DType t) { return t == DType::kFloat64 || t == DType::kComplex128; };
  return is_double(a) || is_double(b) ? DType::kComplex128 : DType::kComplex64;
}

}  // namespace

std::string_view Name(DType dtype) { return FactsOf(dtype).name; }

std::optional<DType> DTypeFromName(std::string_view name) {
  for (size_t i = 0; i < kFacts.size(); ++i) {
    if (kFacts[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::string_view ShortName(DType dtype) { return FactsOf(dtype).short_name; }

std::string_view TritonName(DType dtype) {
  const std::string_view name = FactsOf(dtype).triton_name;
  Require(!name.empty(), "Triton has no complex types");
  return name;
}

int64_t ElementBytes(DType dtype) { return FactsOf(dtype).bytes; }

bool IsFloating(DType dtype) { return FactsOf(dtype).category == Category::kFloat; }

bool IsIntegral(DType dtype, bool include_bool) {
  const Category category = FactsOf(dtype).category;
  return category == Category::kInteger || (include_bool && category == Category::kBool);
}

double MachineEpsilon(DType dtype) { return FactsOf(dtype).epsilon; }

DType Promote(DType a, DType b) {
  const Category ca = FactsOf(a).category;
  const Category cb = FactsOf(b).category;
  if (ca == Category::kComplex || cb == Category::kComplex) return PromoteComplex(a, b);
  if (ca != cb) return ca > cb ? a : b;
  if (ca == Category::kFloat) return PromoteFloats(a, b);
  return PromoteIntegers(a, b);
}

}  // namespace drtriton
