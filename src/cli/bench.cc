// drtriton bench NAME.
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "bench/examples.h"
#include "bench/trust.h"
#include "cli/command.h"
#include "cli/device_option.h"

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
  command->add_option("--every", trust->every, "Judge one in N of each kind")->check(CLI::PositiveNumber)->capture_default_str();
  command->add_option("--timeout", trust->timeout_s, "Seconds for each stage of one candidate")->capture_default_str();
  command->add_option("--table", *table, "Write the table here as Markdown too");
  AddDeviceOption(*command, *device);
  command->callback([=, &run] {
    run = [=] {
      if (!table->empty()) RequireWritable(*table);
      trust->gpu = MakeExecutor(*device, 0)->device_name() != "interpreter";
      TrustReport report = RunTrustBench(*trust);
      std::printf("%s", report.table.c_str());
      if (!table->empty()) WriteFileAtomically(*table, report.table);
      return report.all_right ? 0 : 1;
    };
  });
}

}  // namespace

void AddBenchPower(CLI::App& bench_command, Run& run);   // bench_power.cc
void AddBenchSources(CLI::App& bench_command, Run& run);
void AddBenchSynth(CLI::App& bench_command, Run& run);   // bench_synth.cc
void AddBenchVerify(CLI::App& bench_command, Run& run);  // bench_verify.cc

void AddBench(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("bench", "Measure, both sides in one run");
  command->require_subcommand(1);
  AddBenchPower(*command, run);
  AddBenchSources(*command, run);
  AddBenchSynth(*command, run);
  AddBenchVerify(*command, run);
  auto bench = std::make_shared<ExamplesBench>();
  auto table = std::make_shared<std::filesystem::path>();
  CLI::App* examples = command->add_subcommand("examples", "The modules of a folder: eager, torch.compile and ours");
  bench->folder = "examples";
  bench->results = "bench-results/examples";
  examples->add_option("--folder", bench->folder, "Modules to measure")->capture_default_str();
  examples->add_option("--results", bench->results, "Reports; an example that has one is not measured again")
      ->capture_default_str();
  examples->add_option("--only", bench->only, "Names of examples, comma separated")->delimiter(',');
  examples->add_option("--table", *table, "Write the table here as Markdown too");
  auto budget = std::make_shared<std::string>("60s");
  auto strict = std::make_shared<bool>(false);
  examples->add_option("--budget", *budget, "Search time for each example")->capture_default_str();
  examples->add_flag("--strict", *strict, "Every operator in a kernel of ours");
  AddTrust(*command, run);
  examples->callback([=, &run] {
    run = [=] {
      if (!table->empty()) RequireWritable(*table);
      bench->options = {"--budget", *budget};
      if (*strict) bench->options.push_back("--strict");
      std::string text = RunExamplesBench(*bench);
      std::printf("%s", text.c_str());
      if (!table->empty()) WriteFileAtomically(*table, text);
      return 0;
    };
  });
}

}  // namespace drtriton
