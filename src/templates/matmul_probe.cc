// matmul_probe OUT_DIR [small|real] [COUNT]: writes the family's sources for the shared cases, with an index, for
// python/tests/matmul_check.py to run - under Triton's interpreter against float64, or timed on a GPU against cuBLAS.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "templates/matmul_cases_write.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: matmul_probe OUT_DIR [small|real] [COUNT]\n");
    return 2;
  }
  const std::string which = argc > 2 ? argv[2] : "real";
  const int count = argc > 3 ? std::atoi(argv[3]) : 8;
  try {
    const auto cases = which == "small" ? drtriton::SmallMatmulCases() : drtriton::RealMatmulCases();
    std::filesystem::create_directories(argv[1]);
    drtriton::WriteMatmulCases(cases, count, which == "small", argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "matmul_probe: %s\n", error.what());
    return 1;
  }
  return 0;
}
