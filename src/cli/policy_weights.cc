// drtriton policy export, import: weights between our folders and Hugging Face's layout.
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/file.h"
#include "cli/command.h"
#include "policy/weights.h"

namespace drtriton {
namespace {

struct WeightArguments {
  std::filesystem::path from;
  std::filesystem::path to;
  WeightFormat format = WeightFormat::kBFloat16;
};

// Where the repository and a bundle keep the shipped model.
std::filesystem::path ShippedModel() { return PythonFolder().parent_path() / "weights"; }

int MoveWeights(const WeightArguments& arguments) {
  const ModelWeights weights = ReadModel(arguments.from);
  WriteModel(arguments.to, weights, arguments.format);
  std::printf("%s: %lld parameters in %s\n", arguments.to.string().c_str(), static_cast<long long>(weights.values.size()),
              std::string(Name(arguments.format)).c_str());
  return 0;
}

void AddFormat(CLI::App& command, WeightFormat& format, const char* help) {
  static const std::map<std::string, WeightFormat> formats = {
      {"bf16", WeightFormat::kBFloat16}, {"fp32", WeightFormat::kFloat32}, {"int8", WeightFormat::kInt8}};
  command.add_option("--format", format, help)->transform(CLI::CheckedTransformer(formats).description("{bf16,fp32,int8}"));
}

}  // namespace

void AddPolicyWeights(CLI::App& policy_command, Run& run) {
  auto exported = std::make_shared<WeightArguments>();
  CLI::App* to = policy_command.add_subcommand("export", "Write the model as Hugging Face's LlamaForCausalLM reads it");
  to->add_option("DIR", exported->to, "The folder to write: config.json and model.safetensors")->required();
  to->add_option("--weights", exported->from, "The model to write (the shipped one)");
  AddFormat(*to, exported->format, "Of the values (bf16); int8 writes our shards");
  to->callback([exported, &run] {
    if (exported->from.empty()) exported->from = ShippedModel();
    run = [exported] { return MoveWeights(*exported); };
  });

  auto imported = std::make_shared<WeightArguments>();
  imported->format = WeightFormat::kInt8;
  CLI::App* from = policy_command.add_subcommand("import", "Read a Llama model in Hugging Face's layout");
  from->add_option("DIR", imported->from, "The folder to read: config.json and safetensors, or our shards")->required();
  from->add_option("--weights", imported->to, "The folder to write")->required();
  AddFormat(*from, imported->format, "Of the values (int8, our shards)");
  from->callback([imported, &run] { run = [imported] { return MoveWeights(*imported); }; });
}

}  // namespace drtriton
