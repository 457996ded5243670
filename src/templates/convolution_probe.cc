// convolution_probe PROGRAMS.jsonl OUT_DIR [COUNT]: writes implicit products for the Programs of a file as
// template_sources does, for python/tests/template_check.py to run.  Without COUNT the best schedule of every kind, so that
// each way of loading is tested whatever the model prefers; with it the COUNT best.  Programs that are no convolution, or
// too small for tensor cores, are left out.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "graph/program_json.h"
#include "templates/implicit_gemm.h"
#include "templates/lower.h"

namespace drtriton {
namespace {

std::vector<GemmSchedule> Choose(const WindowProblem& problem, int count) {
  if (count > 0) return GemmSchedules(problem, H200(), count);
  std::vector<GemmSchedule> chosen;
  std::set<std::string> kinds;
  for (const GemmSchedule& schedule : GemmSchedules(problem, H200(), 1000)) {
    GemmSchedule way = schedule;
    way.precision = Precision::kNative;   // how numbers are multiplied changes one word of the text
    if (kinds.insert(Kind(way)).second) chosen.push_back(schedule);
  }
  return chosen;
}

void AddSources(const Json& line, const std::filesystem::path& folder, int count, Json& index) {
  const Fragment fragment = WholeProgram(ProgramFromJson(line["program"]));
  const auto lowered = Lower(fragment, LeafReading::kShared);
  if (!std::holds_alternative<Lowered>(lowered)) return;
  const auto read = ReadWindow(std::get<Lowered>(lowered));
  if (!std::holds_alternative<WindowProblem>(read)) return;
  const WindowProblem& problem = std::get<WindowProblem>(read);
  if (problem.function() != "convolution") return;
  Json entry = {{"name", line["name"]}, {"program", line["program"]}, {"flops", problem.Flops()}, {"sources", Json::array()}};
  for (const GemmSchedule& schedule : Choose(problem, count)) {
    const Proposal proposal = WriteGemm(problem, schedule, H200());
    const std::string file = line["name"].get<std::string>() + "_" + std::to_string(entry["sources"].size()) + ".py";
    WriteFileAtomically(folder / file, proposal.source);
    Json plan = ToJson(proposal);
    plan.erase("source");
    entry["sources"].push_back({{"file", file}, {"plan", plan}});
  }
  if (!entry["sources"].empty()) index.push_back(std::move(entry));
}

void Run(const std::string& programs, const std::filesystem::path& folder, int count) {
  std::ifstream lines(programs);
  if (!lines) throw UserError("cannot read " + programs);
  std::filesystem::create_directories(folder);
  Json index = Json::array();
  for (std::string line; std::getline(lines, line);) AddSources(Json::parse(line), folder, count, index);
  WriteFileAtomically(folder / "index.json", index.dump(1));
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: convolution_probe PROGRAMS.jsonl OUT_DIR [COUNT]\n");
    return 2;
  }
  try {
    drtriton::Run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convolution_probe: %s\n", error.what());
    return 1;
  }
  return 0;
}
