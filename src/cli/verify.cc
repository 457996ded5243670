// drtriton verify: its options.  The work is in verification.cc.
#include <memory>

#include "cli/command.h"
#include "cli/device_option.h"
#include "cli/verification.h"

namespace drtriton {

void AddVerify(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* command = app.add_subcommand("verify", "Judge a Triton module against the PyTorch module it replaces");
  CLI::Option* module = command->add_option("MODULE", arguments->module, "The PyTorch module's file");
  CLI::Option* candidate = command->add_option("CANDIDATE", arguments->candidate, "A file that defines ModelNew");
  CLI::Option* batch = command->add_option(
      "--batch", arguments->batch, "Judge many: JSON lines {\"module\": path, \"candidate\": path}; one verdict a line");
  batch->excludes(module)->excludes(candidate);
  const std::string strict_help = "Refuse operators that PyTorch carries out (default)";
  const std::string hybrid_help = "Allow operators that PyTorch carries out";
  CLI::Option* strict = command->add_flag("--strict", strict_help);
  CLI::Option* hybrid = command->add_flag("--hybrid", hybrid_help)->excludes(strict);
  AddDeviceOption(*command, arguments->device);
  AddModeOption(*command, arguments->training);
  command->add_option("--seed", arguments->seed, "Of parameters and inputs")->capture_default_str();
  AddTimeoutOption(*command, arguments->timeout_s);
  command->add_flag("--wall", arguments->wall, "Also time the module as called from Python (on a GPU)");
  command->add_option("--json", arguments->json, "Write the verdict as JSON; - for standard output");
  command->callback([arguments, hybrid, &run] {
    arguments->strict = hybrid->count() == 0;
    if (arguments->batch.empty() && (arguments->module.empty() || arguments->candidate.empty())) {
      throw CLI::RequiredError("MODULE and CANDIDATE, or --batch PAIRS.jsonl,");
    }
    run = [arguments] { return Verify(*arguments); };
  });
}

}  // namespace drtriton
