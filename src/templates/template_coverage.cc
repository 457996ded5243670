// template_coverage [--cases N] [--seed S] [--only PART] [--programs FILE.jsonl] [--markdown]: which operators of the
// registry the templates cover alone (coverage.h), one a line: name, covered cases, legal cases, reason.  --programs also
// writes the cases, for template_sources.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "graph/program_json.h"
#include "graph/registry.h"
#include "templates/coverage.h"

namespace drtriton {
namespace {

struct Options {
  int cases = 12;
  uint64_t seed = 20260321;
  std::string only, programs;
  bool markdown = false;
};

void WritePrograms(const Options& options) {
  std::ofstream lines(options.programs);
  for (const OperatorInfo& info : AllOperators()) {
    if (info.name.find(options.only) == std::string::npos) continue;
    int number = 0;
    for (const Program& program : DrawPrograms(info, options.cases, options.seed)) {
      std::string name = info.name.substr(5) + "_" + std::to_string(number++);
      lines << Json{{"name", name}, {"program", ToJson(program)}}.dump() << "\n";
    }
  }
}

void Run(const Options& options) {
  if (!options.programs.empty()) WritePrograms(options);
  std::vector<OperatorCoverage> coverage = MeasureCoverage(options.cases, options.seed, options.only);
  if (options.markdown) {
    std::printf("%s", CoverageMarkdown(coverage).c_str());
    return;
  }
  int full = 0;
  for (const OperatorCoverage& one : coverage) {
    full += one.covered == one.legal ? 1 : 0;
    std::printf("%-50s %3d of %3d  %s\n", one.name.c_str(), one.covered, one.legal, one.reason.c_str());
  }
  std::printf("%d of %zu operators are covered in every case\n", full, coverage.size());
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  drtriton::Options options;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    if (flag == "--markdown") {
      options.markdown = true;
    } else if (i + 1 < argc && flag == "--cases") {
      options.cases = std::atoi(argv[++i]);
    } else if (i + 1 < argc && flag == "--seed") {
      options.seed = std::strtoull(argv[++i], nullptr, 10);
    } else if (i + 1 < argc && flag == "--only") {
      options.only = argv[++i];
    } else if (i + 1 < argc && flag == "--programs") {
      options.programs = argv[++i];
    } else {
      std::fprintf(stderr, "usage: template_coverage [--cases N] [--seed S] [--only PART] [--programs FILE.jsonl] [--markdown]\n");
      return 2;
    }
  }
  drtriton::Run(options);
  return 0;
}
