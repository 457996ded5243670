#include "train/recipe.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

const std::string kLeast = "[run]\nout = \"runs/a\"\n[data]\ntrain = [\"pairs\", \"/data/b.tokens\"]\n[optimizer]\nsteps = 1000\n";

std::string Complaint(const std::string& text) {
  try {
    ParseRecipe(text, "recipes/a.toml");
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(RecipeTest, TheLeastRecipeTakesDefaultsAndItsOwnFolder) {
  const Recipe recipe = ParseRecipe(kLeast, "recipes/a.toml");
  EXPECT_EQ(recipe.out, "recipes/runs/a");
  EXPECT_EQ(recipe.train, (std::vector<std::filesystem::path>{"recipes/pairs", "/data/b.tokens"}));
  EXPECT_EQ(recipe.steps, 1000);
  EXPECT_EQ(recipe.model, ModelConfig());
}

TEST(RecipeTest, KeysAreRead) {
  const Recipe recipe = ParseRecipe(kLeast + "learning_rate = 1\nwarmup_steps = 7\n[model]\nwidth = 64\ntied = false\n[loss]\nplan_weight = 0.5\n"
                                      "[checkpoint]\nevery = 10\n", "a.toml");
  EXPECT_EQ(recipe.learning_rate, 1);
  EXPECT_EQ(recipe.warmup_steps, 7);
  EXPECT_EQ(recipe.model.width, 64);
  EXPECT_FALSE(recipe.model.tied);
  EXPECT_EQ(recipe.plan_weight, 0.5);
  EXPECT_EQ(recipe.checkpoint_every, 10);
}

TEST(RecipeTest, EveryRefusalNamesWhatAndWhere) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "run.out is missing"},
      {"[run]\nout = \"a\"\n", "data.train is missing"},
      {kLeast + "lr = 1\n", "line 7: optimizer.lr is no key"},
      {kLeast + "[extra]\nx = 1\n", "line 8: extra.x is no key"},
      {"x = 1\n" + kLeast, "line 1: x is no section"},
      {kLeast + "clip = \"much\"\n", "line 7: optimizer.clip has to be a number"},
      {kLeast + "beta1 = 1.0\n", "optimizer.beta1 has to be between 0 and"},
      {kLeast + "warmup_steps = 1.5\n", "optimizer.warmup_steps has to be a whole number"},
      {kLeast + "warmup_steps = 1000\n", "warmup_steps has to be below"},
      {kLeast + "final_rate = 0.1\n", "final_rate is above"},
      {kLeast + "steps = 2\n", "line 7"},
      {kLeast + "[batch]\ntokens = 100\n", "data.longest is above batch.tokens"},
      {kLeast + "[model]\nfrom = \"m\"\nwidth = 3\n", "line 9: model.width cannot be chosen"},
      {kLeast + "[model]\nkv_heads = 3\n", "model: kv_heads has to divide heads"},
      {kLeast + "[model]\ncontext = 64\n", "data.longest is above model.context"},
      {kLeast + "[model]\ntied = 1\n", "model.tied has to be true or false"},
      {kLeast + "[loss]\nplan_weight = 0\ncode_weight = 0\n", "nothing would be learned"},
      {"[run]\nout = \"a\"\nprecision = \"fp16\"\n", "run.precision has to be one of \"bf16\", \"fp32\""},
      {"[run]\nout = 3\n", "run.out has to be a path"},
      {"[data]\ntrain = \"a\"\n", "data.train has to be a list of paths"},
      {"[run\n", "line 1"},
  };
  for (const auto& [text, mention] : cases) {
    EXPECT_NE(Complaint(text).find(mention), std::string::npos) << mention << "\n" << Complaint(text);
    EXPECT_NE(Complaint(text).find("recipes/a.toml"), std::string::npos) << Complaint(text);
  }
}

TEST(RecipeTest, EveryKeyIsDocumented) {
  const char* source = std::getenv("DRTRITON_SOURCE");
  if (source == nullptr) GTEST_SKIP() << "DRTRITON_SOURCE is not set";
  const std::string page = ReadFile(std::string(source) + "/docs/training.md");
  for (const std::string& key : RecipeKeys()) EXPECT_NE(page.find("| `" + key + "` |"), std::string::npos) << key;
}

TEST(RecipeTest, WhatDecidesTheCurveIsKept) {
  const Recipe recipe = ParseRecipe(kLeast, "a.toml");
  Recipe other = recipe;
  other.keep = 9;
  EXPECT_EQ(CurveOf(recipe), CurveOf(other));
  other.learning_rate = 0.5;
  EXPECT_NE(CurveOf(recipe), CurveOf(other));
}

}  // namespace
}  // namespace drtriton
