#include "compile/farm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>

#include "base/file.h"
#include "base/hash.h"
#include "compile/test_candidates.h"

namespace drtriton {
namespace {

// One farm for all tests: its worker takes seconds to start.
CompileFarm& Farm() {
  static CompileFarm farm(H200(), [] {
    FarmOptions options;
    options.timeout_s = 60;
    return options;
  }());
  return farm;
}

CompileRequest Request(const Fragment& fragment, std::string source) {
  CompileRequest request;
  request.fragment = &fragment;
  request.source = std::move(source);
  return request;
}

CompileResult CompileOne(const CompileRequest& request) { return Farm().CompileAll({request}).at(0); }

TEST(Farm, GivesAPlanWithItsCubin) {
  Fragment fragment = ReluFragment({64, 100});
  CompileResult result = CompileOne(Request(fragment, ReluSource()));
  ASSERT_FALSE(result.failure) << result.failure->reason;
  ASSERT_EQ(result.plans.size(), 1u);
  const LaunchPlan& plan = result.plans[0];
  ASSERT_EQ(plan.kernels.size(), 1u);
  EXPECT_EQ(plan.kernels[0].function, "relu_kernel");
  EXPECT_EQ(plan.kernels[0].params,
            (std::vector<ParamType>{ParamType::kPointer, ParamType::kPointer, ParamType::kI32}));
  EXPECT_GT(plan.kernels[0].registers, 0);
  std::string cubin = ReadFile(result.folder / plan.kernels[0].cubin_path);
  EXPECT_EQ(Sha256(cubin), plan.kernels[0].cubin_sha256);
  const auto& launch = std::get<LaunchStep>(plan.steps.at(0));
  EXPECT_EQ(launch.grid[0], 7);
  EXPECT_EQ(std::get<ScalarArg>(launch.args[2]).integer, 6400);
  EXPECT_EQ(plan.results.at(0).shape, (Shape{64, 100}));
  EXPECT_FALSE(result.layers.empty());
}

TEST(Farm, EqualSourcesGiveEqualCubins) {
  Fragment fragment = ReluFragment({64, 100});
  std::vector<CompileResult> results =
      Farm().CompileAll({Request(fragment, ReluSource()), Request(fragment, ReluSource())});
  EXPECT_EQ(results[0].plans.at(0).kernels.at(0).cubin_sha256, results[1].plans.at(0).kernels.at(0).cubin_sha256);
}

TEST(Farm, TellsEachResultOnceAndKeepsTheOrder) {
  Fragment fragment = ReluFragment({8});
  std::vector<CompileRequest> requests;
  for (int i = 0; i < 12; ++i) {
    requests.push_back(
        Request(fragment, i % 3 == 0 ? "def broken(" : ReluSource("pass", "v * " + std::to_string(i) + ".0")));
  }
  std::vector<size_t> told;
  std::vector<CompileResult> results =
      Farm().CompileAll(requests, [&](size_t index, const CompileResult&) { told.push_back(index); });
  std::sort(told.begin(), told.end());
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(told.at(i), i);
    EXPECT_EQ(results[i].failure.has_value(), i % 3 == 0) << i;
  }
}

struct Refusal {
  const char* name;
  std::string source;
  Stage stage;
  const char* code;
  const char* mentions;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class FarmRefuses : public testing::TestWithParam<Refusal> {};

TEST_P(FarmRefuses, WithStageAndCode) {
  Fragment fragment = ReluFragment({64, 100});
  CompileResult result = CompileOne(Request(fragment, GetParam().source));
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->code, GetParam().code) << result.failure->reason;
  EXPECT_EQ(Name(result.failure->stage), Name(GetParam().stage));
  EXPECT_NE(result.failure->reason.find(GetParam().mentions), std::string::npos) << result.failure->reason;
  EXPECT_TRUE(result.plans.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FarmRefuses,
    testing::Values(Refusal{"Syntax", "def launch(x:\n", Stage::kParse, "syntax", "line 1"},
                    Refusal{"NoEntry", "x = 1\n", Stage::kParse, "no_entry", "launch"},
                    Refusal{"ImportError", "import no_such_module\n", Stage::kCompile, "import_error",
                            "no_such_module"},
                    Refusal{"Triton", ReluSource("pass", "tl.no_such(v)"), Stage::kCompile, "triton_error", "no_such"},
                    Refusal{"Torch", ReluSource("x = x + 1"), Stage::kRules, "torch_compute", "aten.add.Tensor"},
                    Refusal{"Value", ReluSource("x.max().item()"), Stage::kRules, "torch_compute", "aten.max"},
                    Refusal{"Host", ReluSource("x[0, 0].item()"), Stage::kRules, "value_dependent", "value"},
                    Refusal{"Raises", ReluSource("raise ValueError('no such size')"), Stage::kCompile, "launcher_error",
                            "no such size"}),
    [](const auto& info) { return std::string(info.param.name); });

// The rate that the design counts on: about ten small kernels a second on two cores.  The bound leaves room for a busy
// machine; the figure is printed.
TEST(Farm, CompilesSeveralKernelsASecond) {
  Fragment fragment = ReluFragment({64, 100});
  std::vector<CompileRequest> requests;
  for (int i = 0; i < 24; ++i) requests.push_back(Request(fragment, ReluSource("pass", "v * 1." + std::to_string(i))));
  auto start = std::chrono::steady_clock::now();
  for (const CompileResult& result : Farm().CompileAll(requests))
    EXPECT_FALSE(result.failure) << result.failure->reason;
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::cout << static_cast<double>(requests.size()) / seconds << " kernels/s\n";
  EXPECT_LT(seconds, 24.0);
}

}  // namespace
}  // namespace drtriton
