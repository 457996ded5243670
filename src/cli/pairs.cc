// drtriton pairs.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/command.h"
#include "cli/device_option.h"
#include "cli/number_check.h"
#include "cli/size_option.h"
#include "compile/farm.h"
#include "execute/executor.h"
#include "language/tokenizer.h"
#include "pairs/collect.h"
#include "pairs/pack.h"
#include "verify/verifier.h"

namespace drtriton {
namespace {

constexpr int kAlternatives = 4;   // configurations recorded of one candidate

struct PairsArguments {
  PairCollection collection;
  DeviceChoice device = DeviceChoice::kAuto;
  int lanes = 0;
  int workers = 0;
  std::filesystem::path pack;
  std::filesystem::path tokenizer;
  PackOptions packing;
};

int Collect(PairsArguments arguments, bool size_given) {
  const std::vector<std::unique_ptr<Executor>> executors = MakeExecutors(arguments.device, arguments.collection.mix.seed, arguments.lanes);
  std::vector<Executor*> lanes;
  for (const auto& executor : executors) lanes.push_back(executor.get());
  const bool gpu = lanes.front()->device_name() != "interpreter";
  if (!gpu && !size_given) arguments.collection.mix.size = SizeClass::kTiny;   // what the interpreter can run
  const DeviceSpec device = lanes.front()->device();
  CompileFarm farm(device, FarmOptions{.workers = arguments.workers, .niceness = kBatchNiceness, .timeout_s = arguments.collection.timeout_s, .max_alternatives = kAlternatives});
  const JudgeWith judge = [&](Store* store, const std::vector<Candidate>& candidates, const JudgeOptions& options,
                              const std::function<void(size_t, const Judgement&)>& finished) {
    return Verifier(farm, lanes, store).JudgeAll(candidates, options, finished);
  };
  const PairSummary summary = CollectPairs(arguments.collection, device, gpu, judge);
  std::printf("%s", SummaryText(summary).c_str());
  return static_cast<int>(summary.interrupted ? ExitStatus::kNo : ExitStatus::kOk);
}

int Pack(const PairsArguments& arguments) {
  const Tokenizer tokenizer = arguments.tokenizer.empty() ? Tokenizer::LoadDefault() : Tokenizer::Load(arguments.tokenizer);
  const PackSummary summary = PackPairs(arguments.collection.folder, arguments.pack, tokenizer, arguments.packing);
  std::printf("%s: %lld samples of %lld programs, %lld tokens (%.0f a sample, at most %lld), %lld of them not judged\n", arguments.pack.c_str(),
              static_cast<long long>(summary.samples), static_cast<long long>(summary.programs), static_cast<long long>(summary.tokens),
              summary.samples == 0 ? 0.0 : static_cast<double>(summary.tokens) / static_cast<double>(summary.samples),
              static_cast<long long>(summary.longest), static_cast<long long>(summary.unverified));
  for (const auto& [split, samples] : summary.splits) std::printf("%s: %lld samples\n", split.c_str(), static_cast<long long>(samples));
  std::printf("left out: %lld longer than %lld tokens, %lld repeats\n", static_cast<long long>(summary.too_long),
              static_cast<long long>(arguments.packing.longest), static_cast<long long>(summary.repeats));
  return 0;
}

}  // namespace

void AddPairs(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("pairs", "Collect training pairs: sampled programs with answers that were verified");
  auto arguments = std::make_shared<PairsArguments>();
  PairCollection& collection = arguments->collection;
  command->add_option("DIR", collection.folder, "Their folder; a start goes on where the last one ended")->required();
  command->add_option("--programs", collection.programs, "Sampled, of one to five operators; those the expert does not cover count too")
      ->check(AboveZero())->capture_default_str();
  command->add_option("--schedules", collection.schedules, "Answers of one program at most")->check(AboveZero())->capture_default_str();
  command->add_option("--ops", collection.mix.ops, "Only programs of so many operators: 1,2,3")->delimiter(',')->allow_extra_args(false);
  CLI::Option* const size = AddSizeOption(*command, collection.mix.size);
  AddChoice<std::optional<OperatorLaw>>(*command, "--law", collection.mix.law,
                                        {{"both", std::nullopt}, {"uniform", OperatorLaw::kUniform}, {"usage", OperatorLaw::kUsage}},
                                        "Of sampling; both (default) in turn");
  AddChoice<Split>(*command, "--split", collection.split, {{"train", Split::kTrain}, {"validation", Split::kValidation}, {"test", Split::kTest}},
                   "Only programs of this part (train)");
  command->add_option("--seed", collection.mix.seed, "Of programs and inputs")->capture_default_str();
  command
      ->add_option("--unverified", collection.unverified,
                   "Keep pairs of these families unjudged, if 99.9% of a fresh sample of 1,000 is accepted: pointwise,row")
      ->delimiter(',')->allow_extra_args(false);
  AddDeviceOption(*command, arguments->device);
  command->add_option("--lanes", arguments->lanes, "Executors on each GPU; 0: as many as the cores feed")->capture_default_str();
  command->add_option("--workers", arguments->workers, "Candidates that compile at once; 0: one a core")->capture_default_str();
  AddTimeoutOption(*command, collection.timeout_s);
  CLI::Option* const pack = command->add_option("--pack", arguments->pack, "Collect nothing; write the pairs of DIR as token files into this folder");
  command->add_option("--best", arguments->packing.best, "Answers of one program that are packed, the fastest first")
      ->check(AboveZero())->capture_default_str()->needs(pack);
  command->add_option("--longest", arguments->packing.longest, "Tokens of a packed sample at most")->check(AboveZero())->capture_default_str()->needs(pack);
  command->add_option("--tokenizer", arguments->tokenizer, "The tokenizer's model (the shipped one)")->needs(pack);
  command->callback([arguments, size, &run] {
    const bool size_given = size->count() > 0;
    run = [arguments, size_given] { return arguments->pack.empty() ? Collect(*arguments, size_given) : Pack(*arguments); };
  });
}

}  // namespace drtriton
