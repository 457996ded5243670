// drtriton policy: the language model and what belongs to it.
#include "cli/command.h"

namespace drtriton {

void AddPolicyTokenizer(CLI::App& policy_command, Run& run);  // policy_tokenizer.cc
void AddPolicyWeights(CLI::App& policy_command, Run& run);    // policy_weights.cc

void AddPolicy(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("policy", "The language model that writes Triton, and its tokenizer");
  command->require_subcommand(1);
  AddPolicyTokenizer(*command, run);
  AddPolicyWeights(*command, run);
}

}  // namespace drtriton
