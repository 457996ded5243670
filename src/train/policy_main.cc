// drtriton-policy: the only program with the language model in it.
//   drtriton-policy train RECIPE.toml                      a training run (train/trainer.h)
//   drtriton-policy serve FOLDER cpu|cuda fp32|bf16 SLOTS  the model of FOLDER answers lines of JSON (policy/session.h)
// Exit status as of drtriton itself.
#include <c10/util/Exception.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

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

int Run(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "train" && argc == 3) return Train(argv[2]);
  if (command == "serve" && argc == 6) {
    return Serve(argv[2], {.device = argv[3], .half = std::string(argv[4]) == "bf16", .slots = std::atoll(argv[5])});
  }
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
    status = Run(argc, argv);
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
