#include "train/trainer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "policy/token_file.h"
#include "policy/weights.h"

namespace drtriton {
namespace {

// Answers that a model can learn from their prompts: the plan names the prompt's token, the code counts up from it.
void WritePairs(const std::filesystem::path& path, int32_t count, const std::string& tokenizer = "t") {
  TokenFileWriter writer({tokenizer, 40});
  for (int32_t i = 0; i < count; ++i) {
    const int32_t first = (i * 7) % 20;
    std::vector<int32_t> code;
    for (int32_t k = 0; k <= i % 5; ++k) code.push_back(first + k);
    code.push_back(39);
    writer.Add(std::vector<int32_t>{30, first}, std::vector<int32_t>{31, first}, code);
  }
  writer.Commit(path);
}

class TrainerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    WritePairs(folder_.path() / "train.tokens", 100);
    WritePairs(folder_.path() / "held.tokens", 10);
  }

  Recipe SmallRecipe(const std::string& out) const {
    Recipe recipe;
    recipe.out = folder_.path() / out;
    recipe.device = "cpu";
    recipe.precision = "fp32";
    recipe.model = {.width = 16, .layers = 2, .heads = 2, .kv_heads = 1, .head_size = 8, .hidden = 32, .context = 64};
    recipe.train = {folder_.path() / "train.tokens"};
    recipe.evaluate = {folder_.path() / "held.tokens"};
    recipe.longest = 32;
    recipe.tokens = 64;
    recipe.accumulate = 2;
    recipe.steps = 14;
    recipe.warmup_steps = 3;
    recipe.learning_rate = 0.02;
    recipe.evaluate_every = 5;
    recipe.checkpoint_every = 4;
    return recipe;
  }

  // The lines of metrics.jsonl without what measures time.
  std::vector<Json> Metrics(const std::string& out) const {
    std::istringstream lines(ReadFile(folder_.path() / out / "metrics.jsonl"));
    std::vector<Json> metrics;
    for (std::string line; std::getline(lines, line);) {
      Json json = Json::parse(line);
      for (const char* member : {"seconds", "tokens_per_s"}) json.erase(member);
      if (json.contains("evaluation")) json["evaluation"].erase("seconds");
      metrics.push_back(std::move(json));
    }
    return metrics;
  }

  static std::string Complaint(const Recipe& recipe) {
    try {
      Trainer trainer(recipe);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  const ScratchFolder folder_;
};

bool Never() { return false; }

TEST_F(TrainerTest, LearnsAndWritesTheModel) {
  Recipe recipe = SmallRecipe("run");
  recipe.steps = 80;
  EXPECT_TRUE(Trainer(recipe).Run(Never));
  const std::vector<Json> metrics = Metrics("run");
  EXPECT_GT(metrics.front()["loss"].get<double>(), 3.0);          // about log(40)
  EXPECT_LT(metrics.back()["evaluation"]["code_loss"].get<double>(), 1.2);
  const ModelWeights model = ReadModel(recipe.out / "model");
  EXPECT_EQ(model.config.vocabulary, 40);
  EXPECT_EQ(model.config.tokenizer, "t");
}

// As after kill -9: the run ends behind step 7 without a word, and its checkpoint of step 4 is what there is.
TEST_F(TrainerTest, AResumedRunIsBitForBitTheUninterruptedOne) {
  Trainer(SmallRecipe("whole")).Run(Never);
  struct Killed {};
  {
    Trainer trainer(SmallRecipe("killed"));
    EXPECT_THROW(trainer.Run([&] { return trainer.step() == 7 ? throw Killed() : false; }), Killed);
  }
  Trainer resumed(SmallRecipe("killed"));
  EXPECT_EQ(resumed.step(), 4);
  EXPECT_TRUE(resumed.Run(Never));
  EXPECT_EQ(Metrics("killed"), Metrics("whole"));
  EXPECT_EQ(ReadModel(folder_.path() / "killed" / "model").values, ReadModel(folder_.path() / "whole" / "model").values);
}

TEST_F(TrainerTest, AnInterruptedRunKeepsWhatItHas) {
  Trainer(SmallRecipe("whole")).Run(Never);
  {
    Trainer trainer(SmallRecipe("stopped"));
    EXPECT_FALSE(trainer.Run([&] { return trainer.step() == 6; }));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "stopped" / "model"));
  Trainer resumed(SmallRecipe("stopped"));
  EXPECT_EQ(resumed.step(), 6);
  resumed.Run(Never);
  EXPECT_EQ(Metrics("stopped"), Metrics("whole"));
}

TEST_F(TrainerTest, HowAStepIsCutDoesNotMatter) {
  Recipe recipe = SmallRecipe("two");
  recipe.steps = 4;
  Trainer(recipe).Run(Never);
  recipe.out = folder_.path() / "one";
  recipe.tokens = 128;   // the same sequences at once, or nearly: packs end at whole sequences
  recipe.accumulate = 1;
  recipe.train = {folder_.path() / "equal.tokens"};
  TokenFileWriter writer({"t", 40});
  for (int i = 0; i < 64; ++i) writer.Add(std::vector<int32_t>{30, 1}, std::vector<int32_t>{31, i % 20}, std::vector<int32_t>{2, 3, 4, 39});
  writer.Commit(folder_.path() / "equal.tokens");
  Trainer(recipe).Run(Never);
  recipe.out = folder_.path() / "cut";
  recipe.tokens = 64;
  recipe.accumulate = 2;
  Trainer(recipe).Run(Never);
  const std::vector<Json> one = Metrics("one");
  const std::vector<Json> cut = Metrics("cut");
  ASSERT_EQ(one.size(), cut.size());
  for (size_t i = 0; i < one.size(); ++i) {
    if (!one[i].contains("loss")) continue;
    EXPECT_NEAR(one[i]["loss"].get<double>(), cut[i]["loss"].get<double>(), 1e-4);
  }
}

TEST_F(TrainerTest, BFloat16LearnsToo) {
  Recipe recipe = SmallRecipe("half");
  recipe.precision = "bf16";
  recipe.steps = 60;
  recipe.evaluate_every = 60;
  Trainer(recipe).Run(Never);
  EXPECT_LT(Metrics("half").back()["evaluation"]["loss"].get<double>(), 2.0);
}

TEST_F(TrainerTest, StepsWithoutFiniteNumbersAreSkippedThenRefused) {
  ModelWeights weights;
  weights.config = SmallRecipe("x").model;
  weights.config.vocabulary = 40;
  weights.values.assign(static_cast<size_t>(LayoutOf(weights.config).count), std::numeric_limits<float>::quiet_NaN());
  WriteModel(folder_.path() / "nan", weights, WeightFormat::kFloat32);
  Recipe recipe = SmallRecipe("broken");
  recipe.from = folder_.path() / "nan";
  Trainer trainer(recipe);
  try {
    trainer.Run(Never);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("not finite in 10 steps in a row"), std::string::npos) << error.what();
  }
  EXPECT_FALSE(Metrics("broken").front()["updated"].get<bool>());
}

TEST_F(TrainerTest, StartsFromGivenWeights) {
  Recipe first = SmallRecipe("first");
  first.steps = 60;
  Trainer(first).Run(Never);
  Recipe second = SmallRecipe("second");
  second.from = first.out / "model";
  second.learning_rate = second.final_rate = 0;
  Trainer(second).Run(Never);
  EXPECT_NEAR(Metrics("second").back()["evaluation"]["loss"].get<double>(), Metrics("first").back()["evaluation"]["loss"].get<double>(), 1e-6);
}

TEST_F(TrainerTest, RefusalsNameWhatIsWrong) {
  Trainer(SmallRecipe("run")).Run(Never);
  Recipe recipe = SmallRecipe("run");
  recipe.learning_rate = 0.01;
  EXPECT_NE(Complaint(recipe).find("another optimizer.learning_rate"), std::string::npos) << Complaint(recipe);
  WritePairs(folder_.path() / "other.tokens", 10, "another tokenizer");
  recipe = SmallRecipe("new");
  recipe.evaluate = {folder_.path() / "other.tokens"};
  EXPECT_NE(Complaint(recipe).find("another tokenizer"), std::string::npos) << Complaint(recipe);
  recipe = SmallRecipe("new");
  recipe.train = recipe.evaluate = {folder_.path() / "other.tokens"};
  recipe.from = folder_.path() / "run" / "model";
  EXPECT_NE(Complaint(recipe).find("another tokenizer than that of the model"), std::string::npos) << Complaint(recipe);
  recipe = SmallRecipe("new");
  recipe.train = {folder_.path() / "missing.tokens"};
  EXPECT_NE(Complaint(recipe).find("missing.tokens"), std::string::npos) << Complaint(recipe);
  recipe = SmallRecipe("train.tokens/new");
  EXPECT_NE(Complaint(recipe).find("cannot write"), std::string::npos) << Complaint(recipe);
}

}  // namespace
}  // namespace drtriton
