// drtriton convert: its options.  The work is in conversion.cc.
#include <memory>

#include "cli/command.h"
#include "cli/conversion.h"
#include "cli/device_option.h"
#include "search/budget.h"

namespace drtriton {

void AddConvert(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<ConvertArguments>();
  auto budget = std::make_shared<std::string>("60s");
  auto proposers = std::make_shared<std::vector<std::string>>(std::vector<std::string>{"templates"});
  CLI::App* command = app.add_subcommand("convert", "Turn a PyTorch module into a faster, verified one");
  command->add_option("MODULE", arguments->module, "A file with class Model, get_inputs() and get_init_inputs()")->required();
  command->add_option("-o,--output", arguments->output, "Where to write (MODULE_triton.py beside the input)");
  command->add_option("--report", arguments->report, "Write a report as one HTML file");
  command->add_option("--json", arguments->json, "Write the report as JSON; - for standard output");
  AddDeviceOption(*command, arguments->device);
  AddModeOption(*command, arguments->training);
  command->add_option("--proposers", *proposers, "Who writes candidates, comma separated: templates")
      ->delimiter(',')
      ->check(CLI::IsMember({"templates"}));
  CLI::Option* strict =
      command->add_flag("--strict", arguments->strict, "Every operator in a kernel of ours, none of PyTorch's");
  const std::string hybrid = "Keep PyTorch's kernels where ours do not beat them (default)";
  command->add_flag("--hybrid", hybrid)->excludes(strict);
  command->add_option("--budget", *budget, "Wall time for the search: 60s, 5m")->capture_default_str();
  command->add_option("--seed", arguments->seed, "Of parameters, inputs and choices")->capture_default_str();
  command->add_flag_callback("--no-rewrites", [arguments] { arguments->rewrites = false; },
                             "Propose kernels for the operators as they stand only");
  command->add_flag_callback("--no-fp32-splitting", [arguments] { arguments->split_fp32 = false; },
                             "No fp32 product made of several on tensor cores");
  command->add_flag("--max-autotune", arguments->max_autotune,
                    "Time torch.compile in its mode max-autotune-no-cudagraphs too, which takes minutes");
  command->add_flag("--keep", arguments->keep, "Write the verified module even when it is not faster");
  command->callback([arguments, budget, &run] {
    run = [arguments, budget] {
      arguments->budget_s = ParseDuration(*budget);
      return static_cast<int>(Convert(*arguments));
    };
  });
}

}  // namespace drtriton
