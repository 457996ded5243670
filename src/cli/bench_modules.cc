// drtriton bench examples, drtriton bench models: one bench, two folders.
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "bench/modules.h"
#include "cli/command.h"

namespace drtriton {
namespace {

struct ModulesArguments {
  ModulesBench bench;
  std::filesystem::path table;
  std::string budget = "60s";
  bool strict = false;
  bool rewrites = true;
  bool split_fp32 = true;
};

CLI::App* AddModules(CLI::App& bench_command, const std::string& name, const std::string& help, ModulesArguments& arguments) {
  CLI::App* command = bench_command.add_subcommand(name, help);
  arguments.bench.folder = name;
  arguments.bench.results = "bench-results/" + name;
  command->add_option("--folder", arguments.bench.folder, "Modules to measure")->capture_default_str();
  command->add_option("--results", arguments.bench.results, "Reports; a module that has one is not measured again")
      ->capture_default_str();
  command->add_option("--only", arguments.bench.only, "Names of modules, comma separated")->delimiter(',');
  command->add_option("--table", arguments.table, "Write the table here as Markdown too");
  command->add_option("--budget", arguments.budget, "Search time for each module")->capture_default_str();
  command->add_flag("--strict", arguments.strict, "Every operator in a kernel of ours");
  command->add_flag_callback("--no-rewrites", [&arguments] { arguments.rewrites = false; }, "As for convert");
  command->add_flag_callback("--no-fp32-splitting", [&arguments] { arguments.split_fp32 = false; }, "As for convert");
  return command;
}

int Measure(ModulesArguments& arguments) {
  if (!arguments.table.empty()) RequireWritable(arguments.table);
  arguments.bench.options.insert(arguments.bench.options.end(), {"--budget", arguments.budget});
  if (arguments.strict) arguments.bench.options.push_back("--strict");
  if (!arguments.rewrites) arguments.bench.options.push_back("--no-rewrites");
  if (!arguments.split_fp32) arguments.bench.options.push_back("--no-fp32-splitting");
  std::string text = RunModulesBench(arguments.bench);
  std::printf("%s", text.c_str());
  if (!arguments.table.empty()) WriteFileAtomically(arguments.table, text);
  return 0;
}

void AddExamples(CLI::App& bench_command, Run& run) {
  auto arguments = std::make_shared<ModulesArguments>();
  CLI::App* command =
      AddModules(bench_command, "examples", "The modules of a folder: eager, torch.compile and ours", *arguments);
  command->callback([arguments, &run] { run = [arguments] { return Measure(*arguments); }; });
}

void AddModels(CLI::App& bench_command, Run& run) {
  auto arguments = std::make_shared<ModulesArguments>();
  auto small = std::make_shared<bool>(false);
  auto write = std::make_shared<bool>(false);
  arguments->bench.max_autotune = true;
  CLI::App* command = AddModules(bench_command, "models",
                                 "Blocks of twelve public architectures, fp32 and bf16, small and large batch", *arguments);
  command->add_flag_callback("--no-max-autotune", [arguments] { arguments->bench.max_autotune = false; },
                             "torch.compile in its default mode only: minutes less a module");
  command->add_flag("--small", *small, "At the sizes that a CPU can run, in both dtypes");
  command->add_flag("--write-only", *write, "Write the modules to measure into the results and stop");
  command->callback([=, &run] {
    run = [=] {
      arguments->bench.variants = *small ? SmallVariants() : DtypeAndBatchVariants();
      if (!*write) return Measure(*arguments);
      for (const ModuleRun& module : ListRuns(arguments->bench)) std::printf("%s\n", module.module.c_str());
      return 0;
    };
  });
}

}  // namespace

void AddBenchModules(CLI::App& bench_command, Run& run) {
  AddExamples(bench_command, run);
  AddModels(bench_command, run);
}

}  // namespace drtriton
