// Coverage: which operators of the registry the templates write alone, over generated cases.
//
// For each operator, cases are drawn from its `domain` (graph/operator_cases.h) and become Programs of one node.  An
// operator is covered when every legal case has a proposal; otherwise the most frequent reason is told.  The cases can be
// written as JSON lines {"name", "program"} for template_sources, so that the proposals' values are compared with
// PyTorch (python/tests/template_generated.py).
#ifndef DRTRITON_TEMPLATES_COVERAGE_H_
#define DRTRITON_TEMPLATES_COVERAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/fragment.h"
#include "graph/operator_cases.h"
#include "graph/registry.h"

namespace drtriton {

struct OperatorCoverage {
  std::string name;     // "aten.gather.default"
  int legal = 0;        // cases that the registry accepts
  int covered = 0;      // of these, with a proposal
  std::string reason;   // the most frequent one why not; empty when all are covered
};

// The case as a Program of one node, results that nobody may read (dtype of a generator's) included; nullopt when the
// registry refuses it.
std::optional<Program> SingleNodeProgram(OperatorCase given);

// Operators whose name contains `only`, in the registry's order.  Deterministic for a seed.  Complex and float64 cases do
// not count: the promise is for float32, bfloat16, float16, integers and booleans.
std::vector<OperatorCoverage> MeasureCoverage(int cases, uint64_t seed, const std::string& only = "");

// The drawn cases of one operator, as MeasureCoverage() draws them.
std::vector<Program> DrawPrograms(const OperatorInfo& info, int cases, uint64_t seed);

// A Markdown section: how many operators are covered, and a table of the others by their reasons; its first line.
std::string CoverageHeading();
std::string CoverageMarkdown(const std::vector<OperatorCoverage>& coverage);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_COVERAGE_H_
