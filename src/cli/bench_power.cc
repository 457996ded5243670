// drtriton bench power.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "bench/power.h"
#include "bench/source_power.h"
#include "cli/command.h"
#include "cli/device_option.h"
#include "cli/number_check.h"
#include "cli/size_option.h"

namespace drtriton {

void AddBenchSources(CLI::App& bench_command, Run& run) {
  CLI::App* command = bench_command.add_subcommand("sources", "Whether verify refuses mutants of Triton candidates");
  auto bench = std::make_shared<SourcePowerBench>();
  auto device = std::make_shared<std::string>("auto");
  auto table = std::make_shared<std::string>();
  command->add_option("PAIRS", bench->pairs, "JSON lines {\"module\": path, \"candidate\": path} of right candidates")->required();
  command->add_option("--mutants", bench->mutants, "Of each candidate at most; 0: all")->check(FromZero())->capture_default_str();
  command->add_option("--seed", bench->seed, "Chooses them")->capture_default_str();
  AddChoice<std::string>(*command, "--device", *device, {{"auto", "auto"}, {"cuda", "cuda"}, {"cpu", "cpu"}},
                         "As for verify");
  command->add_option("--table", *table, "Write the table here too");
  command->callback([=, &run] {
    run = [=] {
      if (!table->empty()) RequireWritable(*table);
      bench->options = {"--device", *device};
      std::string text = SourcePowerTable(MeasureSourcePower(*bench));
      std::printf("%s", text.c_str());
      if (!table->empty()) WriteFileAtomically(*table, text);
      return 0;
    };
  });
}

void AddBenchPower(CLI::App& bench_command, Run& run) {
  CLI::App* command = bench_command.add_subcommand("power", "Which changes to a module's operators the verifier's inputs tell apart");
  auto bench = std::make_shared<PowerBench>();
  auto json = std::make_shared<std::string>();
  auto table = std::make_shared<std::string>();
  command->add_option("MODULES", bench->modules, "Module files, or folders of them");
  command->add_option("--programs", bench->programs, "JSON lines as synth writes them, or {\"module\": path} each");
  command->add_option("--count", bench->count, "Lines of --programs at most; 0: all")->check(FromZero())->capture_default_str();
  command->add_option("--sampled", bench->sampled, "Programs drawn here, of one, two, three and five operators")->check(FromZero())->capture_default_str();
  AddSizeOption(*command, bench->size);
  command->add_option("--seconds", bench->seconds, "For the mutants of one module")->check(AboveZero())->capture_default_str();
  command->add_option("--seed", bench->seed, "Of inputs; programs of K operators are drawn from it plus K")->capture_default_str();
  AddDeviceOption(*command, bench->device);
  command->add_option("--json", *json, "Write every mutant and what became of it here");
  command->add_option("--table", *table, "Write the table here too");
  command->callback([=, &run] {
    run = [=] {
      for (const std::string& path : {*json, *table}) if (!path.empty()) RequireWritable(path);
      std::vector<PowerRow> rows = MeasurePower(*bench);
      std::string text = PowerTable(rows);
      std::printf("%s", text.c_str());
      if (!table->empty()) WriteFileAtomically(*table, text);
      if (!json->empty()) WriteFileAtomically(*json, ToJson(rows).dump(1) + "\n");
      return 0;
    };
  });
}

}  // namespace drtriton
