// drtriton bench NAME.
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "bench/trust.h"
#include "cli/command.h"
#include "cli/device_option.h"
#include "cli/number_check.h"

namespace drtriton {
namespace {

void AddTrust(CLI::App& bench, Run& run) {
  auto trust = std::make_shared<TrustBench>();
  auto device = std::make_shared<DeviceChoice>(DeviceChoice::kAuto);
  auto table = std::make_shared<std::filesystem::path>();
  trust->folder = "tests/adversarial";
  CLI::App* command = bench.add_subcommand("trust", "Candidates that cheat and honest ones: does each get its verdict?");
  command->add_option("--folder", trust->folder, "Candidates and their modules")->capture_default_str();
  command->add_option("--only", trust->only, "Kinds or names, comma separated")->delimiter(',');
  command->add_option("--every", trust->every, "Judge one in N of each kind")->check(AboveZero())->capture_default_str();
  AddTimeoutOption(*command, trust->timeout_s);
  command->add_option("--table", *table, "Write the table here as Markdown too");
  AddDeviceOption(*command, *device);
  command->callback([=, &run] {
    run = [=] {
      if (!table->empty()) RequireWritable(*table);
      trust->gpu = ChosenGpu(*device).has_value();
      TrustReport report = RunTrustBench(*trust);
      std::printf("%s", report.table.c_str());
      if (!table->empty()) WriteFileAtomically(*table, report.table);
      return report.all_right ? 0 : 1;
    };
  });
}

}  // namespace

void AddBenchModules(CLI::App& bench_command, Run& run);  // bench_modules.cc
void AddBenchPower(CLI::App& bench_command, Run& run);   // bench_power.cc
void AddBenchSources(CLI::App& bench_command, Run& run);
void AddBenchSynth(CLI::App& bench_command, Run& run);   // bench_synth.cc
void AddBenchVerify(CLI::App& bench_command, Run& run);  // bench_verify.cc

void AddBench(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("bench", "Measure, both sides in one run");
  command->require_subcommand(1);
  AddBenchModules(*command, run);
  AddBenchPower(*command, run);
  AddBenchSources(*command, run);
  AddBenchSynth(*command, run);
  AddBenchVerify(*command, run);
  AddTrust(*command, run);
}

}  // namespace drtriton
