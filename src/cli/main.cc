// The command line.  Every subcommand is a file beside this one; here are only parsing and the exit status.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "cli/command.h"

namespace {

int Fail(const std::string& sentence, drtriton::ExitStatus status) {
  drtriton::ClearProgress();
  std::fprintf(stderr, "drtriton: %s\n", sentence.c_str());
  return static_cast<int>(status);
}

// "convert, verify and synth".
std::string NamesOfCommands(const CLI::App& app) {
  const std::vector<const CLI::App*> commands = app.get_subcommands([](const CLI::App*) { return true; });
  std::string names;
  for (size_t i = 0; i < commands.size(); ++i) {
    names += (i == 0 ? "" : i + 1 < commands.size() ? ", " : " and ") + commands[i]->get_name();
  }
  return names;
}

// What is wrong with the words that choose a command and, for one like `bench`, what it is to do; empty if nothing is.
// The parser would only say that a command is missing.
std::string WrongCommand(const CLI::App& app, int argc, char** argv, int first = 1) {
  for (int i = first; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "-h" || word == "--help" || word == "--version") return "";
    if (word[0] == '-') continue;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
      if (!command->check_name(word)) continue;
      return command->get_require_subcommand_min() > 0 ? WrongCommand(*command, argc, argv, i + 1) : "";
    }
    const std::string kind = app.get_parent() == nullptr ? "command" : app.get_name();
    return "unknown " + kind + " '" + word + "'; there are " + NamesOfCommands(app);
  }
  return app.get_parent() == nullptr ? "no command; there are " + NamesOfCommands(app)
                                     : "'" + app.get_name() + "' needs one of " + NamesOfCommands(app);
}

// "convert", "bench verify": the command that was being read when the parser ended.
std::string ChosenCommand(const CLI::App& app) {
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty()) return "";
  const std::string deeper = ChosenCommand(*chosen.back());
  return chosen.back()->get_name() + (deeper.empty() ? "" : " " + deeper);
}

int RunCommand(const drtriton::Run& run) {
  try {
    return run();
  } catch (const drtriton::UserError& error) {
    return Fail(error.what(), error.status());
  } catch (const std::exception& error) {
    return Fail(std::string("internal error, please report it: ") + error.what(), drtriton::ExitStatus::kOurBug);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("DRTriton turns PyTorch modules into Triton kernels that are proved right by test and measured.", "drtriton");
  app.require_subcommand(1);
  app.set_version_flag("--version", "drtriton " DRTRITON_VERSION);
  bool verbose = false;
  bool quiet = false;
  app.add_flag("-v,--verbose", verbose, "Tell more on standard error");
  app.add_flag("-q,--quiet", quiet, "Tell only errors");
  app.fallthrough();  // both may also stand behind the command
  app.footer("  -v,--verbose, -q,--quiet    Tell more on standard error, or only errors");
  drtriton::Run run;
  drtriton::AddConvert(app, run);
  drtriton::AddVerify(app, run);
  drtriton::AddSynth(app, run);
  drtriton::AddPairs(app, run);
  drtriton::AddPolicy(app, run);
  drtriton::AddTrain(app, run);
  drtriton::AddBench(app, run);
  if (const std::string wrong = WrongCommand(app, argc, argv); !wrong.empty()) {
    return Fail(wrong, drtriton::ExitStatus::kBadInput);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    const std::string help = "./drtriton " + ChosenCommand(app) + " --help";
    return Fail(std::string(error.what()) + " (see " + help + ")", drtriton::ExitStatus::kBadInput);
  }
  using drtriton::LogLevel;
  drtriton::SetLogLevel(quiet ? LogLevel::kQuiet : verbose ? LogLevel::kDebug : LogLevel::kInfo);
  drtriton::CatchInterrupts();
  return RunCommand(run);
}
