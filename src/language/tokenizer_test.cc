// The tokenizer that is shipped: exact on any bytes, and the same tokens as SentencePiece's own program gives.
#include "language/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "language/tokenizer_training.h"

namespace drtriton {
namespace {

std::filesystem::path Root() { return std::getenv("DRTRITON_SOURCE"); }

const Tokenizer& Shipped() {
  static const Tokenizer tokenizer = Tokenizer::Load(Root() / "weights/tokenizer.model");
  return tokenizer;
}

uint64_t Seed() {
  const char* given = std::getenv("DRTRITON_SEED");
  return given == nullptr ? 0 : std::strtoull(given, nullptr, 10);
}

TEST(Tokenizer, AnyBytesComeBack) {
  for (const std::string& text :
       {std::string(), std::string(" "), std::string("\n\n    \n"), std::string("\tif x:\r\n\t\ty = 1\n"), std::string("a\0b", 3),
        std::string("\xE2\x96\x81 ▁▁ x"), std::string("naïve 漢字 🙂"), std::string("\xFF\xC0\x80\xED\xA0\x80 cut \xE2\x96"),
        std::string("<|code|><|end|>"), std::string("x = 12345.6789e-10\n                              # far\n")}) {
    EXPECT_EQ(Shipped().Decode(Shipped().Encode(text)), text);
  }
}

TEST(Tokenizer, RandomBytesComeBack) {
  const uint64_t seed = Seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const std::string common = " \n\t0129abcxyz_=+()[],.:#\xE2\x96\x81\xC3\xA9";
  for (int i = 0; i < 2000; ++i) {
    std::string text;
    for (uint64_t n = random() % 60; n > 0; --n) {
      text += random() % 4 == 0 ? static_cast<char>(random()) : common[random() % common.size()];
    }
    const std::vector<int32_t> ids = Shipped().Encode(text);
    ASSERT_EQ(Shipped().Decode(ids), text);
    for (int32_t id : ids) ASSERT_FALSE(Shipped().IsSpecial(id));
  }
}

TEST(Tokenizer, DigitsAreApartAndALineBeginsWithOneToken) {
  for (int32_t id = 0; id < Shipped().size(); ++id) {
    const std::string& piece = Shipped().Piece(id);
    const bool digit = piece.find_first_of("0123456789") != piece.npos;
    EXPECT_TRUE(!digit || piece.size() == 1) << piece;
  }
  EXPECT_EQ(Shipped().Encode("\n        ").size(), 1u);
  EXPECT_EQ(Shipped().Encode("\n").size(), 1u);
  EXPECT_LE(Shipped().size(), 8192);
}

TEST(Tokenizer, GivesWhatSentencePieceGives) {
  const char* encoder = "/usr/bin/spm_encode";
  if (!std::filesystem::exists(encoder)) GTEST_SKIP() << "Debian's package sentencepiece is not installed";
  ScratchFolder scratch;
  std::string lines;   // spm_encode takes a line at a time
  for (const char* file : {"examples/swiglu_mlp.py", "python/drtriton/recorder.py", "docs/templates.md"}) lines += ReadFile(Root() / file);
  WriteFileAtomically(scratch.path() / "lines.txt", lines);
  ProcessOptions options;
  options.command = {encoder, "--model=" + (Root() / "weights/tokenizer.model").string(), "--output_format=id",
                     "--input=" + (scratch.path() / "lines.txt").string(), "--output=" + (scratch.path() / "ids.txt").string()};
  const CommandResult result = RunCommand(options, std::chrono::minutes(2));
  ASSERT_EQ(result.end.exit_code, 0) << result.end.stderr_tail;
  std::istringstream text(lines), ids(ReadFile(scratch.path() / "ids.txt"));
  int compared = 0;
  for (std::string line, theirs; std::getline(text, line); ++compared) {
    ASSERT_TRUE(std::getline(ids, theirs));
    std::string ours;
    for (int32_t id : Shipped().Encode(line)) ours += (ours.empty() ? "" : " ") + std::to_string(id);
    ASSERT_EQ(ours, theirs) << line;
  }
  EXPECT_GT(compared, 300);
}

TEST(Tokenizer, WhatIsNoModelIsRefused) {
  const std::string good = ReadFile(Root() / "weights/tokenizer.model");
  for (const std::string& bytes : {std::string(), std::string("hello"), good.substr(0, good.size() / 2), good.substr(0, 40)}) {
    EXPECT_THROW(Tokenizer(bytes, "t.model"), UserError);
  }
  try {
    Tokenizer("hello", "t.model");
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("t.model"), std::string::npos);
  }
}

TEST(TokenizerTraining, EqualTextsGiveEqualBytes) {
  if (!std::filesystem::exists("/usr/bin/spm_train")) GTEST_SKIP() << "Debian's package sentencepiece is not installed";
  std::vector<std::string> texts;
  for (const char* file : {"examples/swiglu_mlp.py", "python/drtriton/recorder.py", "docs/templates.md"}) texts.push_back(ReadFile(Root() / file));
  const std::string bytes = TrainTokenizer(texts, {.pieces = 512});
  EXPECT_EQ(bytes, TrainTokenizer(texts, {.pieces = 512}));
  const Tokenizer tokenizer(bytes, "small");
  EXPECT_EQ(tokenizer.size(), 512);
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(texts[1])), texts[1]);
  EXPECT_THROW(TrainTokenizer(texts, {.pieces = 100}), UserError);
  EXPECT_THROW(TrainTokenizer({"too little"}, {.pieces = 2048}), UserError);
}

}  // namespace
}  // namespace drtriton
