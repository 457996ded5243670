// Writes proposals of cases into a folder: NAME_I.py and index.json, which python/tests/matmul_check.py reads.
#ifndef DRTRITON_TEMPLATES_MATMUL_CASES_WRITE_H_
#define DRTRITON_TEMPLATES_MATMUL_CASES_WRITE_H_

#include <filesystem>
#include <vector>

#include "templates/matmul_cases.h"

namespace drtriton {

// `count` schedules a case; with `one_of_each` instead the best schedule of every kind (precision, loads, split).
// Throws InternalError when the family refuses a case.
void WriteMatmulCases(const std::vector<MatmulCase>& cases, int count, bool one_of_each,
                      const std::filesystem::path& folder);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_MATMUL_CASES_WRITE_H_
