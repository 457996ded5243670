// A subcommand: adds itself to the command line and runs when chosen.
#ifndef DRTRITON_CLI_COMMAND_H_
#define DRTRITON_CLI_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>

namespace drtriton {

// Each adds its subcommand to `app` and, when it is chosen on the command line, puts what it does into `run`, which
// returns the exit status of the process.
using Run = std::function<int()>;
void AddConvert(CLI::App& app, Run& run);
void AddVerify(CLI::App& app, Run& run);
void AddSynth(CLI::App& app, Run& run);
void AddBench(CLI::App& app, Run& run);
void AddPairs(CLI::App& app, Run& run);
void AddPolicy(CLI::App& app, Run& run);
void AddTrain(CLI::App& app, Run& run);

}  // namespace drtriton

#endif  // DRTRITON_CLI_COMMAND_H_
