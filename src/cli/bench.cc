// drtriton bench NAME.
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "bench/examples.h"
#include "cli/command.h"

namespace drtriton {

void AddBenchPower(CLI::App& bench_command, Run& run);   // bench_power.cc
void AddBenchSynth(CLI::App& bench_command, Run& run);   // bench_synth.cc

void AddBench(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("bench", "Measure, both sides in one run");
  command->require_subcommand(1);
  AddBenchPower(*command, run);
  AddBenchSynth(*command, run);
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
