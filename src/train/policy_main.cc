// drtriton-policy: the only program with the language model in it.
//   drtriton-policy train RECIPE.toml                      a training run (train/trainer.h)
//   drtriton-policy serve FOLDER cpu|cuda fp32|bf16 SLOTS  the model of FOLDER answers lines of JSON (policy/session.h)
// Behind either may stand --quiet or --verbose, as of drtriton itself.  Exit status as of drtriton itself.
#include <c10/util/Exception.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/channel.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "policy/session.h"
#include "policy/weights.h"
#include "train/recipe.h"
#include "train/trainer.h"

namespace {

using drtriton::ExitStatus;
using drtriton::Json;

int Train(const std::string& recipe) {
  drtriton::CatchInterrupts();
  drtriton::Trainer trainer(drtriton::ReadRecipe(recipe));
  if (trainer.Run(drtriton::Interrupted)) return 0;
  drtriton::Info("stopped after step " + std::to_string(trainer.step()) + "; the same command continues the run");
  return static_cast<int>(ExitStatus::kNo);
}

void Say(const std::vector<Json>& messages) {
  for (const Json& message : messages) std::cout << message.dump() << "\n";
  std::cout.flush();
}

// Ends when standard input does and everything is answered.
int Serve(const std::string& folder, const drtriton::DecoderOptions& options) {
  drtriton::PolicySession session(drtriton::ReadModel(folder), options);
  Say({session.Greeting()});
  drtriton::Channel<std::string> lines;
  std::thread reader([&lines] {
    for (std::string line; std::getline(std::cin, line);) lines.Push(std::move(line));
    lines.Close();
  });
  bool open = true;
  while (open || !session.idle()) {
    // Waits for work only when there is none.
    while (auto line = session.idle() ? lines.Pop() : lines.TryPop()) Say(session.Take(*line));
    if (session.idle()) open = false;
    else Say(session.Step());
  }
  reader.join();
  return 0;
}

constexpr int64_t kMostSlots = 65536;

drtriton::DecoderOptions ReadOptions(const std::string& device, const std::string& precision, const std::string& slots) {
  using drtriton::UserError;
  if (device != "cpu" && device != "cuda") throw UserError("the device has to be cpu or cuda, not '" + device + "'");
  if (precision != "fp32" && precision != "bf16") throw UserError("the precision has to be fp32 or bf16, not '" + precision + "'");
  int64_t count = 0;
  const auto [end, problem] = std::from_chars(slots.data(), slots.data() + slots.size(), count);
  if (problem != std::errc() || end != slots.data() + slots.size() || count < 1 || count > kMostSlots) {
    throw UserError("SLOTS has to be a whole number from 1 to " + std::to_string(kMostSlots) + ", not '" + slots + "'");
  }
  return {.device = device, .half = precision == "bf16", .slots = count};
}

int Run(std::vector<std::string> words) {
  using drtriton::LogLevel;
  if (std::erase(words, "--quiet") > 0) drtriton::SetLogLevel(LogLevel::kQuiet);
  else if (std::erase(words, "--verbose") > 0) drtriton::SetLogLevel(LogLevel::kDebug);
  const std::string command = words.empty() ? "" : words[0];
  if (command == "train" && words.size() == 2) return Train(words[1]);
  if (command == "serve" && words.size() == 5) return Serve(words[1], ReadOptions(words[2], words[3], words[4]));
  throw drtriton::UserError("usage: drtriton-policy train RECIPE.toml | serve FOLDER cpu|cuda fp32|bf16 SLOTS");
}

int Fail(const std::string& sentence, ExitStatus status) {
  drtriton::ClearProgress();
  std::fprintf(stderr, "drtriton: %s\n", sentence.c_str());
  return static_cast<int>(status);
}

}  // namespace

int main(int argc, char** argv) {
  int status = 0;
  try {
    status = Run({argv + 1, argv + argc});
  } catch (const drtriton::UserError& error) {
    status = Fail(error.what(), error.status());
  } catch (const c10::OutOfMemoryError&) {
    status = Fail("the device has not enough memory for the language model", ExitStatus::kBadInput);
  } catch (const std::exception& error) {
    status = Fail(std::string("internal error, please report it: ") + error.what(), ExitStatus::kOurBug);
  }
  std::cout.flush();
  std::_Exit(status);   // libtorch's own exit would take a while
}
