// drtriton train: hands over to drtriton-policy, the program with libtorch in it.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "cli/command.h"
#include "train/recipe.h"

namespace drtriton {
namespace {

// The process becomes drtriton-policy, so signals and the launchers of several processes meet it directly.  `loudness` is an
// option of it, or null.
int TrainSupervised(const std::string& recipe, const char* loudness) {
  ReadRecipe(recipe);   // refused at once, before libtorch is loaded
  const std::string program = (ExecutableFolder() / "drtriton-policy").string();
  execl(program.c_str(), program.c_str(), "train", recipe.c_str(), loudness, static_cast<char*>(nullptr));
  throw InternalError("cannot start " + program + ": " + std::strerror(errno));
}

}  // namespace

void AddTrain(CLI::App& app, Run& run) {
  auto recipe = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("train", "Train the language model that writes Triton");
  command->require_subcommand(1);
  CLI::App* supervised = command->add_subcommand("sft", "Supervised, on token files; the same command continues a run that was stopped");
  supervised->add_option("RECIPE", *recipe, "The TOML file that says everything about the run")->required();
  supervised->callback([recipe, &app, &run] {
    const char* loudness = app.count("--quiet") > 0 ? "--quiet" : app.count("--verbose") > 0 ? "--verbose" : nullptr;
    run = [recipe, loudness] { return TrainSupervised(*recipe, loudness); };
  });
}

}  // namespace drtriton
