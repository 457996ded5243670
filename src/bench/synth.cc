#include "bench/synth.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>

#include "base/log.h"
#include "synth/generate.h"
#include "synth/module_text.h"

namespace drtriton {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Calls `draw` with 0, 1, ... for about `seconds`; calls a second.
double Rate(double seconds, const std::function<void(uint64_t)>& draw) {
  for (uint64_t i = 0; i < 16; ++i) draw(i);  // tables that are made on first use
  const Clock::time_point start = Clock::now();
  uint64_t count = 0;
  while (SecondsSince(start) < seconds) draw(count++);
  return static_cast<double>(count) / SecondsSince(start);
}

double LinesRate(const Sampler& sampler, uint64_t seed, int threads, int64_t count) {
  const Clock::time_point start = Clock::now();
  Generate(sampler, {.seed = seed, .count = count, .threads = threads}, [](const Generated&) {});
  return static_cast<double>(count) / SecondsSince(start);
}

std::string Text(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), value < 100 ? "%.1f" : "%.0f", value);
  return text;
}

// Resident memory of this process in MiB.
double ResidentMib() {
  std::ifstream statm("/proc/self/statm");
  int64_t total = 0, resident = 0;
  statm >> total >> resident;
  return static_cast<double>(resident) * 4096 / (1 << 20);
}

Sampler SamplerFor(const SynthBench& bench, int ops) {
  SamplerOptions options = bench.sampler;
  options.ops = ops;
  return Sampler(options);
}

std::string RatesTable(const SynthBench& bench) {
  std::string table =
      "| operators | programs/s, graph | programs/s, graph and text | programs/s, JSON line |\n|---|---|---|---|\n";
  for (const int ops : bench.ops) {
    SetProgress("one thread, " + std::to_string(ops) + " operators");
    const Sampler sampler = SamplerFor(bench, ops);
    const double graph = Rate(bench.seconds, [&](uint64_t i) { sampler.Draw(bench.seed, i); });
    size_t bytes = 0;
    const double text = Rate(bench.seconds, [&](uint64_t i) {
      const Sample sample = sampler.Draw(bench.seed, i);
      bytes += WrittenModule(sample.program, sample.leaves).size();
    });
    const double lines = LinesRate(sampler, bench.seed, 1, static_cast<int64_t>(text * bench.seconds / 2) + 64);
    table += "| " + std::to_string(ops) + " | " + Text(graph) + " | " + Text(text) + " | " + Text(lines) + " |\n";
  }
  return table;
}

std::string ScalingTable(const SynthBench& bench) {
  const Sampler sampler = SamplerFor(bench, 5);
  std::string table = "| threads | lines/s at 5 operators | of as many single ones |\n|---|---|---|\n";
  double one = 0;
  for (int threads = 1;; threads = std::min(2 * threads, bench.threads)) {
    SetProgress(std::to_string(threads) + " threads");
    const double guess = one == 0 ? 2000 : one;
    double rate = LinesRate(sampler, bench.seed, threads, static_cast<int64_t>(guess * bench.seconds * threads));
    if (one == 0) rate = one = LinesRate(sampler, bench.seed, 1, static_cast<int64_t>(rate * bench.seconds));
    table += "| " + std::to_string(threads) + " | " + Text(rate) + " | " + Text(100 * rate / (one * threads)) + "% |\n";
    if (threads >= bench.threads) break;
  }
  return table;
}

std::string MemoryText(const SynthBench& bench) {
  const Sampler sampler = SamplerFor(bench, 5);
  std::string text = "Resident memory at 5 operators, `--unique`, " + std::to_string(bench.threads) + " threads:";
  int64_t taken = 0;
  const int64_t step = std::max<int64_t>(bench.long_run / 5, 1);
  const Clock::time_point start = Clock::now();
  Generate(sampler, {.seed = bench.seed, .count = bench.long_run, .unique = true, .threads = bench.threads},
           [&](const Generated&) {
             if (++taken % 1024 == 0) SetProgress(std::to_string(taken) + " programs");
             if (taken % step == 0) text += " " + Text(ResidentMib()) + " MiB after " + std::to_string(taken) + ",";
           });
  text.back() = ';';
  return text + " " + Text(static_cast<double>(bench.long_run) / SecondsSince(start)) + " lines/s.\n";
}

}  // namespace

std::string RunSynthBench(const SynthBench& bench) {
  std::string text = RatesTable(bench) + "\n" + ScalingTable(bench);
  if (bench.long_run > 0) text += "\n" + MemoryText(bench);
  ClearProgress();
  return text;
}

}  // namespace drtriton
