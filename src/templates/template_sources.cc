// template_sources PROGRAMS.jsonl OUT_DIR [COUNT] [SHRINK_ELEMENTS]: writes the templates' proposals for the Programs of a
// file, one JSON object {"name", "program"} or one line of `drtriton synth` a line, as OUT_DIR/NAME_I.py with OUT_DIR/index.json: what the family says of
// each.  With SHRINK_ELEMENTS each Program is shrunk to about that many elements first.  python/tests/test_templates.py
// runs the sources under Triton's interpreter; python/tests/template_check.py runs them on a GPU.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "core/device.h"
#include "graph/program_json.h"
#include "templates/shrink.h"
#include "templates/templates.h"

namespace drtriton {
namespace {

Json Describe(const std::string& name, const Fragment& fragment, const std::filesystem::path& folder, int count) {
  TemplateProposer proposer(Reach::kProgram);
  Json entry = {{"name", name}, {"program", ToJson(fragment.program)}};
  if (auto why_not = proposer.WhyNot(fragment)) {
    entry["why_not"] = *why_not;
    return entry;
  }
  ProposeOptions options;
  options.max_count = count;
  entry["sources"] = Json::array();
  for (const Proposal& proposal : proposer.Propose(fragment, H200(), options)) {
    std::string file = name + "_" + std::to_string(entry["sources"].size()) + ".py";
    WriteFileAtomically(folder / file, proposal.source);
    Json plan = ToJson(proposal);
    plan.erase("source");
    entry["sources"].push_back({{"file", file}, {"plan", plan}});
  }
  return entry;
}

void Run(const std::string& programs, const std::filesystem::path& folder, int count, int64_t shrink_elements) {
  std::ifstream lines(programs);
  if (!lines) throw UserError("cannot read " + programs);
  std::filesystem::create_directories(folder);
  Json index = Json::array();
  for (std::string line; std::getline(lines, line);) {
    Json json = Json::parse(line);
    if (json.contains("graph")) json = {{"name", "sample_" + std::to_string(index.size())}, {"program", json["graph"]}};
    Fragment fragment = WholeProgram(ProgramFromJson(json["program"]));
    if (shrink_elements > 0) {
      auto smaller = Shrink(fragment, shrink_elements);
      if (!smaller) {
        index.push_back({{"name", json["name"]}, {"program", json["program"]}, {"why_not", "it does not shrink"}});
        continue;
      }
      fragment = std::move(*smaller);
    }
    index.push_back(Describe(json["name"], fragment, folder, count));
    index.back()["shrunk"] = shrink_elements > 0;
  }
  WriteFileAtomically(folder / "index.json", index.dump(1));
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: template_sources PROGRAMS.jsonl OUT_DIR [COUNT] [SHRINK_ELEMENTS]\n");
    return 2;
  }
  try {
    drtriton::Run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 4, argc > 4 ? std::atoll(argv[4]) : 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "template_sources: %s\n", error.what());
    return 1;
  }
  return 0;
}
