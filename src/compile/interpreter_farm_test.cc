#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "compile/farm.h"
#include "compile/test_candidates.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

constexpr size_t kPage = 4096;

// A .tensors file of one contiguous float32 tensor (docs/formats.md).
void WriteTensor(const fs::path& path, const std::vector<float>& values) {
  Json header = {{"format", "drtriton.tensors/1"},
                 {"tensors",
                  {{{"name", "x"},
                    {"dtype", "float32"},
                    {"shape", {values.size()}},
                    {"strides", {1}},
                    {"offset", 0},
                    {"bytes", values.size() * 4}}}}};
  std::string bytes = header.dump() + "\n";
  bytes.resize(kPage);
  bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * 4);
  WriteFileAtomically(path, bytes);
}

std::vector<float> ReadTensor(const fs::path& path) {
  std::string bytes = ReadFile(path);
  size_t line = bytes.find('\n');
  Json entry = Json::parse(bytes.substr(0, line)).at("tensors").at(0);
  size_t start = (line / kPage + 1) * kPage + entry.at("offset").get<size_t>();
  std::vector<float> values(entry.at("bytes").get<size_t>() / 4);
  std::memcpy(values.data(), bytes.data() + start, values.size() * 4);
  return values;
}

class Interpreting : public testing::Test {
 protected:
  static void SetUpTestSuite() { farm_ = new InterpreterFarm(FarmOptions{}); }
  static void TearDownTestSuite() {
    delete farm_;
    farm_ = nullptr;
  }

  InterpretRequest Request(std::string source, const std::string& output) {
    WriteTensor(folder_.path() / "in.tensors", {-1, 2, -3, 4, 5});
    InterpretRequest request;
    request.candidate.fragment = &fragment_;
    request.candidate.source = std::move(source);
    request.inputs = folder_.path() / "in.tensors";
    request.outputs = folder_.path() / output;
    request.timeout_s = 20;
    return request;
  }

  Fragment fragment_ = ReluFragment({5});
  ScratchFolder folder_;
  static InterpreterFarm* farm_;
};

InterpreterFarm* Interpreting::farm_ = nullptr;

TEST_F(Interpreting, ComputesOnRealData) {
  std::vector<InterpretResult> results =
      farm_->RunAll({Request(ReluSource(), "a"), Request(ReluSource("pass", "v * 2.0"), "b")});
  for (const InterpretResult& result : results) ASSERT_FALSE(result.failure) << result.failure->reason;
  EXPECT_EQ(ReadTensor(folder_.path() / "a"), (std::vector<float>{0, 2, 0, 4, 5}));
  EXPECT_EQ(ReadTensor(folder_.path() / "b"), (std::vector<float>{-2, 4, -6, 8, 10}));
  EXPECT_EQ(ReadTensor(folder_.path() / "in.tensors"), (std::vector<float>{-1, 2, -3, 4, 5}));
}

TEST_F(Interpreting, WritesNothingForAFailure) {
  InterpretResult result = farm_->RunAll({Request(ReluSource("import os; os._exit(2)"), "c")})[0];
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->code, "crashed");
  EXPECT_EQ(Name(result.failure->stage), "run");
  EXPECT_FALSE(fs::exists(folder_.path() / "c"));
}

TEST_F(Interpreting, ACandidateDoesNotChangeAnothersInputs) {
  std::string writes = ReluSource("relu_kernel[(1,)](x, x, x.numel(), BLOCK=1024)");
  farm_->RunAll({Request(writes, "d")});
  InterpretResult result = farm_->RunAll({Request(ReluSource("pass", "v"), "e")})[0];
  ASSERT_FALSE(result.failure);
  EXPECT_EQ(ReadTensor(folder_.path() / "e"), (std::vector<float>{-1, 2, -3, 4, 5}));
}

}  // namespace
}  // namespace drtriton
