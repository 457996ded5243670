// The command line.  Every subcommand is a file beside this one; here are only parsing and the exit status.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>

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

// The first word that is no option, if it names no command; the parser would only say that a command is missing.
std::string UnknownCommand(const CLI::App& app, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (argv[i][0] == '-') continue;
    const bool known = !app.get_subcommands([&](const CLI::App* command) { return command->check_name(argv[i]); }).empty();
    return known ? "" : argv[i];
  }
  return "";
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
  drtriton::Run run;
  drtriton::AddConvert(app, run);
  drtriton::AddVerify(app, run);
  drtriton::AddSynth(app, run);
  drtriton::AddBench(app, run);
  if (std::string word = UnknownCommand(app, argc, argv); !word.empty()) {
    return Fail("unknown command '" + word + "' (see drtriton --help)", drtriton::ExitStatus::kBadInput);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return Fail(std::string(error.what()) + " (see drtriton --help)", drtriton::ExitStatus::kBadInput);
  }
  using drtriton::LogLevel;
  drtriton::SetLogLevel(quiet ? LogLevel::kQuiet : verbose ? LogLevel::kDebug : LogLevel::kInfo);
  drtriton::CatchInterrupts();
  return RunCommand(run);
}
