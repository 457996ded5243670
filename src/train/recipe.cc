#include "train/recipe.h"

#include <toml++/toml.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMost = int64_t{1} << 40;

// Takes keys out of a parsed file one by one; what was never asked for is unknown.
class KeyReader {
 public:
  KeyReader(const toml::table& table, fs::path path) : table_(table), path_(std::move(path)) {}

  void Int(const char* key, int64_t& value, int64_t least, int64_t most = kMost) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (!node->is_integer()) Fail(*node, key, "has to be a whole number");
    value = node->as_integer()->get();
    if (value < least || value > most) Fail(*node, key, "has to be between " + std::to_string(least) + " and " + std::to_string(most));
  }

  void Real(const char* key, double& value, double least, double most) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (!node->is_number()) Fail(*node, key, "has to be a number");
    value = *node->value<double>();
    if (!(value >= least && value <= most)) Fail(*node, key, "has to be between " + Text(least) + " and " + Text(most));
  }

  void Flag(const char* key, bool& value) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (!node->is_boolean()) Fail(*node, key, "has to be true or false");
    value = node->as_boolean()->get();
  }

  void Choice(const char* key, std::string& value, const std::vector<std::string>& choices) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    const auto given = node->value<std::string>();
    std::string list;
    for (const std::string& choice : choices) list += (list.empty() ? "\"" : ", \"") + choice + "\"";
    if (!given || list.find("\"" + *given + "\"") == std::string::npos) Fail(*node, key, "has to be one of " + list);
    value = *given;
  }

  void Path(const char* key, fs::path& value) {
    if (const toml::node* node = Find(key)) value = PathOf(*node, key);
  }

  void Paths(const char* key, std::vector<fs::path>& values) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    if (!node->is_array()) Fail(*node, key, "has to be a list of paths");
    for (const toml::node& item : *node->as_array()) values.push_back(PathOf(item, key));
  }

  void Require(const char* key, bool given) const {
    if (!given) throw UserError(path_.string() + ": " + key + " is missing");
  }

  void RefuseOthers() const {
    for (const auto& [section, node] : table_) {
      if (!node.is_table()) Fail(node, std::string(section.str()), "is no section of a recipe");
      for (const auto& [key, value] : *node.as_table()) {
        const std::string name = std::string(section.str()) + "." + std::string(key.str());
        if (!known_.contains(name)) Fail(value, name, "is no key of a recipe");
      }
    }
  }

  // Throws when any key of the section is given.
  void RefuseSection(const std::string& section, const std::set<std::string>& except, const std::string& why) const {
    const toml::table* keys = table_[section].as_table();
    if (keys == nullptr) return;
    for (const auto& [key, value] : *keys) {
      if (!except.contains(std::string(key.str()))) Fail(value, section + "." + std::string(key.str()), why);
    }
  }

  const std::vector<std::string>& asked() const { return asked_; }

 private:
  [[noreturn]] void Fail(const toml::node& node, const std::string& key, const std::string& what) const {
    throw UserError(path_.string() + ", line " + std::to_string(node.source().begin.line) + ": " + key + " " + what);
  }

  const toml::node* Find(const std::string& key) {
    asked_.push_back(key);
    known_.insert(key);
    return table_.at_path(key).node();
  }

  static std::string Text(double value) {
    std::ostringstream text;
    text << value;
    return text.str();
  }

  fs::path PathOf(const toml::node& node, const std::string& key) const {
    const auto given = node.value<std::string>();
    if (!given || given->empty()) Fail(node, key, "has to be a path");
    return (path_.parent_path() / *given).lexically_normal();
  }

  const toml::table& table_;
  fs::path path_;
  std::vector<std::string> asked_;
  std::set<std::string> known_;
};

void ReadModelKeys(KeyReader& keys, Recipe& recipe) {
  ModelConfig& model = recipe.model;
  keys.Path("model.from", recipe.from);
  keys.Int("model.width", model.width, 1, 1 << 16);
  keys.Int("model.layers", model.layers, 1, 1 << 12);
  keys.Int("model.heads", model.heads, 1, 1 << 12);
  keys.Int("model.kv_heads", model.kv_heads, 1, 1 << 12);
  keys.Int("model.head_size", model.head_size, 2, 1 << 12);
  keys.Int("model.hidden", model.hidden, 1, 1 << 20);
  keys.Int("model.context", model.context, 2, 1 << 20);
  keys.Real("model.rope_theta", model.rope_theta, 1, 1e12);
  keys.Real("model.norm_epsilon", model.norm_epsilon, 1e-12, 1);
  keys.Flag("model.tied", model.tied);
}

void ReadOptimizerKeys(KeyReader& keys, Recipe& recipe) {
  keys.Int("optimizer.steps", recipe.steps, 1);
  keys.Real("optimizer.learning_rate", recipe.learning_rate, 0, 10);
  keys.Real("optimizer.final_rate", recipe.final_rate, 0, 10);
  keys.Int("optimizer.warmup_steps", recipe.warmup_steps, 0);
  keys.Real("optimizer.beta1", recipe.beta1, 0, 0.999999);
  keys.Real("optimizer.beta2", recipe.beta2, 0, 0.999999);
  keys.Real("optimizer.epsilon", recipe.epsilon, 1e-20, 1);
  keys.Real("optimizer.weight_decay", recipe.weight_decay, 0, 100);
  keys.Real("optimizer.clip", recipe.clip, 1e-9, 1e9);
}

void ReadKeys(KeyReader& keys, Recipe& recipe) {
  keys.Path("run.out", recipe.out);
  keys.Int("run.seed", recipe.seed, 0);
  keys.Choice("run.device", recipe.device, {"auto", "cpu", "cuda"});
  keys.Choice("run.precision", recipe.precision, {"bf16", "fp32"});
  ReadModelKeys(keys, recipe);
  keys.Paths("data.train", recipe.train);
  keys.Paths("data.evaluate", recipe.evaluate);
  keys.Int("data.longest", recipe.longest, 2, 1 << 20);
  keys.Real("loss.plan_weight", recipe.plan_weight, 0, 1000);
  keys.Real("loss.code_weight", recipe.code_weight, 0, 1000);
  keys.Int("batch.tokens", recipe.tokens, 2, int64_t{1} << 26);
  keys.Int("batch.accumulate", recipe.accumulate, 1, 1 << 16);
  ReadOptimizerKeys(keys, recipe);
  keys.Int("evaluation.every", recipe.evaluate_every, 1);
  keys.Int("evaluation.sequences", recipe.evaluate_sequences, 1);
  keys.Int("checkpoint.every", recipe.checkpoint_every, 1);
  keys.Int("checkpoint.keep", recipe.keep, 1, 1000);
}

// What no single key can tell.
void CheckWhole(const KeyReader& keys, const Recipe& recipe, const fs::path& path) {
  keys.RefuseOthers();
  keys.Require("run.out", !recipe.out.empty());
  keys.Require("data.train", !recipe.train.empty());
  keys.Require("optimizer.steps", recipe.steps > 0);
  if (!recipe.from.empty()) keys.RefuseSection("model", {"from"}, "cannot be chosen beside model.from, which fixes it");
  const auto fail = [&](const std::string& what) { throw UserError(path.string() + ": " + what); };
  if (recipe.from.empty()) CheckModelConfig(recipe.model, path.string() + ": model");
  if (recipe.from.empty() && recipe.longest > recipe.model.context) fail("data.longest is above model.context");
  if (recipe.longest > recipe.tokens) fail("data.longest is above batch.tokens, so such a sequence would fit no batch");
  if (recipe.final_rate > recipe.learning_rate) fail("optimizer.final_rate is above optimizer.learning_rate");
  if (recipe.warmup_steps >= recipe.steps) fail("optimizer.warmup_steps has to be below optimizer.steps");
  if (recipe.plan_weight == 0 && recipe.code_weight == 0) fail("loss.plan_weight and loss.code_weight are both 0, so nothing would be learned");
}

Json PathList(const std::vector<fs::path>& paths) {
  Json list = Json::array();
  for (const fs::path& path : paths) list.push_back(path.filename().string());
  return list;
}

}  // namespace

Recipe ReadRecipe(const fs::path& path) { return ParseRecipe(ReadFile(path), path); }

Recipe ParseRecipe(const std::string& text, const fs::path& path) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    throw UserError(path.string() + ", line " + std::to_string(error.source().begin.line) + ": " + std::string(error.description()));
  }
  Recipe recipe;
  KeyReader keys(table, path);
  ReadKeys(keys, recipe);
  CheckWhole(keys, recipe, path);
  return recipe;
}

std::vector<std::string> RecipeKeys() {
  const toml::table nothing;
  Recipe recipe;
  KeyReader keys(nothing, "");
  ReadKeys(keys, recipe);
  return keys.asked();
}

Json CurveOf(const Recipe& recipe) {
  return {{"run.seed", recipe.seed},
          {"run.precision", recipe.precision},
          {"data.train", PathList(recipe.train)},
          {"data.longest", recipe.longest},
          {"loss.plan_weight", recipe.plan_weight},
          {"loss.code_weight", recipe.code_weight},
          {"batch.tokens", recipe.tokens},
          {"batch.accumulate", recipe.accumulate},
          {"optimizer.steps", recipe.steps},
          {"optimizer.learning_rate", recipe.learning_rate},
          {"optimizer.final_rate", recipe.final_rate},
          {"optimizer.warmup_steps", recipe.warmup_steps},
          {"optimizer.beta1", recipe.beta1},
          {"optimizer.beta2", recipe.beta2},
          {"optimizer.epsilon", recipe.epsilon},
          {"optimizer.weight_decay", recipe.weight_decay},
          {"optimizer.clip", recipe.clip}};
}

}  // namespace drtriton
