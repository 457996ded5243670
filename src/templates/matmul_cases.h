// Fragments around matrix products that the tests and the probe of this family share, with their meaning in PyTorch.
#ifndef DRTRITON_TEMPLATES_MATMUL_CASES_H_
#define DRTRITON_TEMPLATES_MATMUL_CASES_H_

#include <string>
#include <vector>

#include "graph/program.h"

namespace drtriton {

struct MatmulCase {
  std::string name;
  Program program;
  // The results as a Python tuple over the inputs' names, torch and F: "(F.linear(x, w),)".
  std::string reference;
};

// Every form the family covers, small enough for Triton's interpreter.
std::vector<MatmulCase> SmallMatmulCases();

// Real sizes for timing: linear of [m, k] by [n, k] in float32 and bfloat16, and SwiGLU.
std::vector<MatmulCase> RealMatmulCases();

// "linear": y = x @ w.T for x of [m, k]; the whole case.
MatmulCase LinearCase(const std::string& name, int64_t m, int64_t n, int64_t k, DType dtype);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_MATMUL_CASES_H_
