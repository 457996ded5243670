// drtriton bench synth.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "bench/synth.h"
#include "cli/command.h"
#include "cli/number_check.h"

namespace drtriton {

void AddBenchSynth(CLI::App& bench_command, Run& run) {
  auto bench = std::make_shared<SynthBench>();
  auto table = std::make_shared<std::filesystem::path>();
  bench->threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  CLI::App* command = bench_command.add_subcommand("synth", "How fast programs are sampled, over threads, and in how much memory");
  command->add_option("--seconds", bench->seconds, "For each figure")->check(AboveZero())->capture_default_str();
  command->add_option("--threads", bench->threads, "Scaling is shown up to here (all cores)")->check(AboveZero());
  command->add_option("--long", bench->long_run, "Programs over which memory is watched; 0: left out")
      ->check(FromZero())
      ->capture_default_str();
  command->add_option("--seed", bench->seed, "Of the samples")->capture_default_str();
  command->add_option("--table", *table, "Write the tables here too");
  command->callback([=, &run] {
    run = [=] {
      if (!table->empty()) RequireWritable(*table);
      const std::string text = RunSynthBench(*bench);
      std::printf("%s", text.c_str());
      if (!table->empty()) WriteFileAtomically(*table, text);
      return 0;
    };
  });
}

}  // namespace drtriton
