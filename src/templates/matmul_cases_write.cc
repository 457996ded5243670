#include "templates/matmul_cases_write.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "templates/lower.h"
#include "templates/matmul.h"

namespace drtriton {
namespace {

// A tenth of a GPU, so that small problems have enough tiles for persistent programs.
DeviceSpec SmallDevice() {
  DeviceSpec device = H200();
  device.multiprocessors = 2;
  return device;
}

struct Choice {
  MatmulSchedule schedule;
  DeviceSpec device;
};

std::vector<Choice> Choose(const MatmulProblem& problem, int count, bool one_of_each) {
  std::vector<Choice> chosen;
  std::set<std::string> kinds;
  for (const DeviceSpec& device :
       one_of_each ? std::vector<DeviceSpec>{H200(), SmallDevice()} : std::vector<DeviceSpec>{H200()}) {
    for (const MatmulSchedule& schedule : MatmulSchedules(problem, device, one_of_each ? 1000 : count)) {
      if (!one_of_each || kinds.insert(Kind(schedule)).second) chosen.push_back({schedule, device});
    }
  }
  return chosen;
}

Json DescribeInputs(const Fragment& fragment) {
  Json inputs = Json::array();
  for (ValueId id : fragment.Inputs()) {
    const Value& value = fragment.program.value(id);
    inputs.push_back(
        {{"name", value.name}, {"dtype", Name(value.dtype)}, {"shape", value.shape}, {"strides", value.strides}});
  }
  return inputs;
}

Json WriteCase(const MatmulCase& one, int count, bool one_of_each, const std::filesystem::path& folder) {
  const Fragment fragment = WholeProgram(one.program);
  const auto lowered = Lower(fragment, LeafReading::kShared);
  if (auto* reason = std::get_if<std::string>(&lowered)) throw InternalError(one.name + ": " + *reason);
  const auto read = ReadMatmul(std::get<Lowered>(lowered));
  if (auto* reason = std::get_if<std::string>(&read)) throw InternalError(one.name + ": " + *reason);
  const MatmulProblem& problem = std::get<MatmulProblem>(read);
  Json sources = Json::array();
  for (const auto& [schedule, device] : Choose(problem, count, one_of_each)) {
    const std::string file = one.name + "_" + std::to_string(sources.size()) + ".py";
    WriteFileAtomically(folder / file, MatmulProposal(problem, schedule, device).source);
    sources.push_back({{"file", file}, {"schedule", Describe(schedule)}, {"estimated_us", schedule.estimated_us}});
  }
  Json results = Json::array();
  for (ValueId id : fragment.Results()) results.push_back(fragment.program.value(id).strides);
  return {{"name", one.name},          {"inputs", DescribeInputs(fragment)}, {"reference", one.reference},
          {"result_strides", results}, {"flops", problem.Flops()},           {"sources", sources}};
}

}  // namespace

void WriteMatmulCases(const std::vector<MatmulCase>& cases, int count, bool one_of_each,
                      const std::filesystem::path& folder) {
  Json index = Json::array();
  for (const MatmulCase& one : cases) index.push_back(WriteCase(one, count, one_of_each, folder));
  WriteFileAtomically(folder / "index.json", index.dump(1));
}

}  // namespace drtriton
