// drtriton bench verify.
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "bench/verify.h"
#include "cli/command.h"
#include "cli/device_option.h"
#include "cli/number_check.h"
#include "cli/size_option.h"

namespace drtriton {

void AddBenchVerify(CLI::App& bench_command, Run& run) {
  CLI::App* command = bench_command.add_subcommand("verify", "Candidates that come to a verdict in a second");
  auto bench = std::make_shared<VerifyBench>();
  auto table = std::make_shared<std::string>();
  command->add_option("--programs", bench->programs, "Sampled, of one to five operators")->check(AboveZero())->capture_default_str();
  command->add_option("--candidates", bench->candidates, "Of one program at most")->check(AboveZero())->capture_default_str();
  command->add_option("--usual", bench->usual, "Candidates also evaluated in a fresh Python process each; 0: none")->check(FromZero())->capture_default_str();
  AddSizeOption(*command, bench->size);
  command->add_option("--seconds", bench->seconds, "Judge for at most this long; 0: to the last candidate")->check(FromZero())->capture_default_str();
  command->add_option("--store", bench->store, "Keep verdicts in this file: a later run goes on where this one ended");
  command->add_option("--lanes", bench->lanes, "Executors on each GPU; 0: as many as the cores feed")->check(FromZero())->capture_default_str();
  command->add_option("--workers", bench->workers, "Candidates that compile at once; 0: one a core")->check(FromZero())->capture_default_str();
  command->add_option("--seed", bench->seed, "Of programs and inputs")->capture_default_str();
  AddDeviceOption(*command, bench->device);
  command->add_option("--table", *table, "Write the table here too");
  command->callback([=, &run] {
    run = [=] {
      if (!table->empty()) RequireWritable(*table);
      std::string text = RunVerifyBench(*bench);
      std::printf("%s", text.c_str());
      if (!table->empty()) WriteFileAtomically(*table, text);
      return 0;
    };
  });
}

}  // namespace drtriton
