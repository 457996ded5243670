// See coverage.h.  Tested by coverage_test.cc.
#include "templates/coverage.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "graph/registry.h"
#include "graph/strides.h"
#include "templates/templates.h"

namespace drtriton {
namespace {

bool IsPromised(const Program& program) {
  return std::none_of(program.values.begin(), program.values.end(), [](const Value& value) {
    return value.dtype == DType::kFloat64 || value.dtype == DType::kComplex64 || value.dtype == DType::kComplex128;
  });
}

// Each operator draws from a stream of its own, so that a new row changes no other operator's cases.
uint64_t SeedOf(const std::string& name, uint64_t seed) {
  uint64_t hash = 1469598103934665603ULL ^ seed;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

std::string MostFrequent(const std::map<std::string, int>& reasons) {
  auto best = std::max_element(reasons.begin(), reasons.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return best == reasons.end() ? "" : best->first;
}

OperatorCoverage Measure(const OperatorInfo& info, const TemplateProposer& proposer, int cases, uint64_t seed) {
  OperatorCoverage result;
  result.name = info.name;
  std::map<std::string, int> reasons;
  for (const Program& program : DrawPrograms(info, cases, seed)) {
    ++result.legal;
    Fragment fragment = WholeProgram(program);
    auto reason = proposer.WhyNot(fragment);
    if (reason) {
      const bool empty = reason->starts_with("an empty tensor");
      ++reasons[empty ? "an empty tensor" : *reason];
    } else {
      ++result.covered;
    }
  }
  result.reason = MostFrequent(reasons);
  return result;
}

}  // namespace

std::optional<Program> SingleNodeProgram(OperatorCase given) {
  Program program = std::move(given.program);
  Node node = std::move(given.node);
  std::vector<InferredValue> results;
  try {
    results = InferOutputs(program, node);
  } catch (const UserError&) {
    return std::nullopt;
  }
  program.result.kind = Tree::Kind::kTuple;
  for (size_t i = 0; i < results.size(); ++i) {
    Value value;
    value.name = "result" + (results.size() > 1 ? "_" + std::to_string(i) : std::string());
    value.dtype = results[i].dtype;
    value.shape = results[i].shape;
    value.strides = results[i].strides.value_or(ContiguousStrides(value.shape));
    value.node = 0;
    value.output_index = static_cast<int32_t>(i);
    node.outputs.push_back(static_cast<ValueId>(program.values.size()));
    program.result.children.push_back(Tree{.value = node.outputs.back()});
    program.values.push_back(std::move(value));
  }
  program.nodes.push_back(std::move(node));
  program.Validate();
  return program;
}

std::vector<Program> DrawPrograms(const OperatorInfo& info, int cases, uint64_t seed) {
  CaseGenerator generator(SeedOf(info.name, seed));
  std::vector<Program> programs;
  for (int i = 0; i < cases; ++i) {
    std::optional<Program> program = SingleNodeProgram(generator.Draw(info));
    if (program && IsPromised(*program)) programs.push_back(std::move(*program));
  }
  return programs;
}

std::vector<OperatorCoverage> MeasureCoverage(int cases, uint64_t seed, const std::string& only) {
  TemplateProposer proposer(Reach::kProgram);
  std::vector<OperatorCoverage> all;
  for (const OperatorInfo& info : AllOperators()) {
    if (info.name.find(only) != std::string::npos) all.push_back(Measure(info, proposer, cases, seed));
  }
  return all;
}

std::string CoverageHeading() { return "## What the templates write\n"; }

std::string CoverageMarkdown(const std::vector<OperatorCoverage>& coverage) {
  // What is not covered, by reason, so that the page tells what is missing and not a row for each overload.
  std::map<std::string, std::vector<std::string>> others;
  int covered = 0;
  for (const OperatorCoverage& one : coverage) {
    if (one.covered == one.legal && one.legal > 0) {
      ++covered;
    } else {
      const bool unknown = one.reason == "no template covers " + one.name;
      std::string part = one.covered > 0 ? " (" + std::to_string(one.covered) + " of " + std::to_string(one.legal) + ")" : "";
      others[unknown ? "no template knows it" : one.reason].push_back("`" + one.name.substr(5) + "`" + part);
    }
  }
  std::string rows;
  for (const auto& [reason, names] : others) {
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
    rows += "| " + reason + " | " + list + " |\n";
  }
  return CoverageHeading() + "\nOf the " + std::to_string(coverage.size()) + " overloads alone, " + std::to_string(covered) +
         " have a strict proposal for every generated case (tiny, odd and empty sizes, permuted and broadcast\ninputs, every dtype but "
         "float64 and complex numbers); that of a view is a launcher without kernels.  `coverage_test --update` writes\nthis section, "
         "`template_coverage` tells more.  The values are compared with PyTorch by `python/tests/template_generated.py`.\nThe others, with "
         "the cases covered where some are:\n\n| why not | operators |\n|---|---|\n" + rows +
         "\nNumbers drawn at random must be those of PyTorch's generator, on whose stream only its own kernels are.  Refused for their size "
         "alone: sorts\nand scatters that would take more than 10^11 comparisons.\n";
}

}  // namespace drtriton
