// A recipe: everything that decides what a training run does, read from a TOML file (docs/training.md explains each key).
//
// It is checked as a whole before anything is loaded: a key that is unknown, of another type or out of range, and a key that
// is needed and missing, is a UserError that names file, line and key.
#ifndef DRTRITON_TRAIN_RECIPE_H_
#define DRTRITON_TRAIN_RECIPE_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "policy/model_config.h"

namespace drtriton {

struct Recipe {
  // [run]
  std::filesystem::path out;       // folder of the run: metrics, checkpoints, the trained model
  int64_t seed = 1;                // of initial parameters and of the order of the data
  std::string device = "auto";     // "auto", "cpu", "cuda"
  std::string precision = "bf16";  // of the arithmetic: "bf16" or "fp32"; parameters and optimizer are fp32 always

  // [model]: weights to start from, or the sizes of a new model.
  std::filesystem::path from;
  ModelConfig model;               // vocabulary and tokenizer come from the data

  // [data]: token files, or folders of them.
  std::vector<std::filesystem::path> train;
  std::vector<std::filesystem::path> evaluate;
  int64_t longest = 4096;          // tokens; longer sequences are left out

  // [loss]
  double plan_weight = 1;          // of a token of the plan
  double code_weight = 1;          // of a token of the code

  // [batch]
  int64_t tokens = 16384;          // most tokens that are computed at once
  int64_t accumulate = 1;          // such packs a step and process

  // [optimizer]
  int64_t steps = 0;
  double learning_rate = 1e-3;     // the highest
  double final_rate = 1e-5;        // the last
  int64_t warmup_steps = 100;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;       // of matrices
  double clip = 1;                 // largest norm of the gradient

  // [evaluation]
  int64_t evaluate_every = 500;    // steps
  int64_t evaluate_sequences = 2000;

  // [checkpoint]
  int64_t checkpoint_every = 500;  // steps
  int64_t keep = 2;
};

// Paths that are not absolute are relative to the recipe's folder.
Recipe ReadRecipe(const std::filesystem::path& path);

// The same from text; `path` is what messages call it, its folder what paths are relative to.
Recipe ParseRecipe(const std::string& text, const std::filesystem::path& path);

// Every key there is, "section.key", in the order of the page that documents them.
std::vector<std::string> RecipeKeys();

// What decides the curve of the loss, as JSON: a checkpoint carries it, and only a recipe that agrees continues its run.
Json CurveOf(const Recipe& recipe);

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_RECIPE_H_
