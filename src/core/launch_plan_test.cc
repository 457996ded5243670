#include "core/launch_plan.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace drtriton {
namespace {

// One step of each kind, one argument of each kind.
const char* const kPlan = R"({
  "format": "drtriton.plan/1", "target": "sm_90", "compile_ms": 210.5,
  "buffers": [{"kind": "input", "input": 0, "bytes": 4096}, {"kind": "allocated", "bytes": 4096}],
  "kernels": [{"name": "k", "function": "k", "cubin": "0.cubin", "sha256": "ab", "num_warps": 4, "num_stages": 3, "num_ctas": 1,
    "shared_bytes": 0, "global_scratch_bytes": 0, "profile_scratch_bytes": 0, "registers": 32, "spills": 0,
    "has_atomics": true, "has_inline_assembly": false, "params": ["pointer", "i32", "fp32", "tensordesc"],
    "arguments": [{"name": "x"}, {"name": "n"}, {"name": "s"}, {"name": "d"}, {"name": "BLOCK", "constexpr": 1024}],
    "reads": [3], "writes": [0, 3], "approximations": ["tf32 dot"], "text": "{}"}],
  "steps": [
    {"launch": 0, "grid": [2, 1, 1], "args": [{"pointer": [1, 16, "float32"]}, {"i32": 6}, {"fp32": {"float": "inf"}},
      {"descriptor": {"buffer": 0, "dtype": "float32", "shape": [32, 32], "strides": [32, 1], "offset": 0},
       "block_shape": [16, 16], "padding": 0, "box": [16, 16], "swizzle": 3, "element_type": 7, "element_bytes": 4}]},
    {"copy": {"source": {"buffer": 0, "dtype": "float32", "shape": [8, 4], "strides": [1, 8], "offset": 4},
              "target": {"buffer": 1, "dtype": "float16", "shape": [8, 4], "strides": [4, 1], "offset": 0}}},
    {"fill": {"target": {"buffer": 1, "dtype": "float32", "shape": [0, 4], "strides": [4, 1], "offset": 1024}, "value": 0.0}},
    {"vendor": "aten.relu.default", "args": [{"v": 0}],
     "tensors": [{"buffer": 0, "dtype": "float32", "shape": [4], "strides": [1], "offset": 0}],
     "outputs": [{"buffer": 1, "dtype": "float32", "shape": [4], "strides": [1], "offset": 0}]}],
  "results": [{"buffer": 1, "dtype": "float32", "shape": [1024], "strides": [1], "offset": 0}]})";

TEST(LaunchPlanTest, JsonRoundTrips) {
  const LaunchPlan plan = LaunchPlanFromJson(Json::parse(kPlan));
  EXPECT_TRUE(plan.HasVendorSteps());
  EXPECT_TRUE(plan.HasAtomics());
  EXPECT_EQ(ToJson(plan).dump(), Json::parse(kPlan).dump());
}

struct Fault {
  const char* where;   // JSON pointer of the member that is changed
  const char* value;   // its new value; null text: the member is removed
  const char* mentions;
};

class LaunchPlanFaults : public testing::TestWithParam<Fault> {};

TEST_P(LaunchPlanFaults, AreNamed) {
  Json json = Json::parse(kPlan);
  const nlohmann::json_pointer<std::string> where(GetParam().where);
  if (GetParam().value == nullptr) {
    json[where.parent_pointer()].erase(where.back());
  } else {
    json[where] = Json::parse(GetParam().value);
  }
  try {
    LaunchPlanFromJson(json);
    FAIL() << GetParam().where << " = " << GetParam().value << " was accepted";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(GetParam().mentions), std::string::npos) << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, LaunchPlanFaults,
    testing::Values(
        Fault{"/format", "\"drtriton.plan/9\"", "plan.format"}, Fault{"/buffers", nullptr, "plan.buffers is missing"},
        Fault{"/buffers/0/bytes", "-1", "plan.buffers[0].bytes"},
        Fault{"/buffers/0/bytes", "9223372036854775807", "plan.buffers[0].bytes"},
        Fault{"/buffers/1/bytes", "70368744177664", "above any memory"}, Fault{"/buffers/0/kind", "\"shared\"", "kind"},
        Fault{"/kernels/0/cubin", "\"../0.cubin\"", "no plain file name"}, Fault{"/kernels/0/cubin", "\"..\"", "no plain file name"},
        Fault{"/kernels/0/num_warps", "3", "no power of two"}, Fault{"/kernels/0/params/0", "\"complex\"", "no parameter type"},
        Fault{"/kernels/0/arguments/4", "{\"constexpr\": 1}", "name is missing"},
        Fault{"/steps/0/launch", "1", "plan.steps[0].launch"}, Fault{"/steps/0/grid", "[1, 1]", "three sizes"},
        Fault{"/steps/0/grid/1", "65536", "grid[1]"}, Fault{"/steps/0/args", "[]", "does not fit the kernel"},
        Fault{"/steps/0/args/0", "{\"pointer\": [2, 0]}", "pointer[0]"},
        Fault{"/steps/0/args/0", "{\"pointer\": [1, 4097]}", "pointer[1]"},
        Fault{"/steps/0/args/0", "{\"pointer\": [1, 0, \"float33\"]}", "no dtype"},
        Fault{"/steps/0/args/1", "{\"i64\": 6}", "its parameter's type i32"}, Fault{"/steps/0/args/1/i32", "2147483648", "out of range"},
        Fault{"/steps/0/args/2", "{\"fp32\": \"x\"}", ""}, Fault{"/steps/0/args/3/block_shape", "[16]", "another rank"},
        Fault{"/steps/0/args/3/box", "[16, 512]", "box[1]"},
        Fault{"/steps/0/args/3/descriptor/strides", "[1, 32]", "contiguous in its last dimension"},
        Fault{"/steps/1/copy/target/shape", "[4, 8]", ""}, Fault{"/steps/1/copy/source/offset", "1000", "leaves its buffer"},
        Fault{"/steps/1/copy/source/strides", "[70368744177664, 70368744177664]", "leaves its buffer"},
        Fault{"/steps/1/copy/source/strides", "[1]", "differs from its rank"},
        Fault{"/steps/2/fill/target/offset", "1025", "behind the end"}, Fault{"/steps/2/fill/value", "{\"str\": \"0\"}", "no number"},
        Fault{"/steps/3/args", "[[{\"v\": 1}]]", "does not list"}, Fault{"/steps/3", "{\"print\": 1}", "no launch, copy, fill or vendor"},
        Fault{"/results/0/shape", "[1025]", "leaves its buffer"}, Fault{"/results/0/buffer", "2", "plan.results[0].buffer"},
        Fault{"/results/0/shape", "[70368744177664]", "leaves its buffer"}, Fault{"/steps", "{}", "is not an array"}));

TEST(LaunchPlanTest, ExpandedViewsMayHaveManyElementsButNotAbsurdlyMany) {
  Json json = Json::parse(kPlan);
  json["results"][0]["shape"] = {1 << 20, 1024};
  json["results"][0]["strides"] = {0, 1};
  EXPECT_NO_THROW(LaunchPlanFromJson(json));
  json["results"][0]["shape"] = {int64_t{1} << 40, int64_t{1} << 40};
  json["results"][0]["strides"] = {0, 0};
  EXPECT_THROW(LaunchPlanFromJson(json), UserError);
}

}  // namespace
}  // namespace drtriton
