// What the fuzz targets share.  A parser may refuse any input by UserError; everything else is a finding.
#ifndef DRTRITON_TESTS_FUZZ_FUZZ_H_
#define DRTRITON_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace drtriton {

inline std::string_view Text(const uint8_t* data, size_t size) { return {reinterpret_cast<const char*>(data), size}; }

// Input that is no JSON reaches no parser of ours.
inline Json JsonOf(const uint8_t* data, size_t size) {
  return Json::parse(Text(data, size), nullptr, /*allow_exceptions=*/false);
}

template <typename Parse>
void MayRefuse(Parse parse) {
  try {
    parse();
  } catch (const UserError&) {
  }
}

inline void Demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace drtriton

#endif  // DRTRITON_TESTS_FUZZ_FUZZ_H_
