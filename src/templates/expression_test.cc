#include "templates/expression.h"

#include <gtest/gtest.h>

#include <limits>

#include "templates/helper_text.h"

namespace drtriton {
namespace {

TEST(FunctionText, IsTheTextOfTheTable) {
  struct Row {
    const char* function;
    DType compute;
    std::vector<std::string> operands;
    const char* text;
  };
  const Row rows[] = {
      {"add", DType::kFloat32, {"a", "b"}, "a + b"},
      {"mul", DType::kBool, {"a", "b"}, "a & b"},
      {"relu", DType::kFloat32, {"x"}, "tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)"},
      {"relu", DType::kInt32, {"x"}, "tl.maximum(x, 0)"},
      {"sqrt", DType::kFloat32, {"x"}, "tl.sqrt_rn(x)"},
      {"sqrt", DType::kFloat64, {"x"}, "tl.sqrt(x)"},
      {"tanh", DType::kFloat32, {"x"}, "tanh(x)"},
      {"tanh", DType::kFloat64, {"x"}, "tanh_64(x)"},
      {"remainder", DType::kInt64, {"a", "3"}, "int_remainder(a, 3)"},
      {"where", DType::kFloat32, {"c", "a", "b"}, "tl.where(c, a, b)"},
      {"logical_not", DType::kBool, {"c"}, "c == 0"},
  };
  for (const Row& row : rows) {
    HelperSet helpers;
    EXPECT_EQ(FunctionText(row.function, row.compute, row.compute, row.operands, helpers), row.text);
  }
}

TEST(FunctionText, CastsToBoolByComparison) {
  HelperSet helpers;
  EXPECT_EQ(FunctionText("cast", DType::kFloat32, DType::kBool, {"x"}, helpers), "x != 0");
  EXPECT_EQ(FunctionText("cast", DType::kInt64, DType::kBFloat16, {"x"}, helpers), "x.to(tl.float32)");
}

TEST(HelperSource, PrintsWhatHelpersNeedBeforeThem) {
  HelperSet helpers = {"expm1"};
  std::string text = HelperSource(helpers);
  size_t inner = text.find("def accurate_exp(x):"), outer = text.find("def expm1(x):");
  ASSERT_NE(inner, std::string::npos);
  ASSERT_NE(outer, std::string::npos);
  EXPECT_LT(inner, outer);
  EXPECT_EQ(text.find("def tanh"), std::string::npos);
}

TEST(LiteralText, IsPythonInsideAKernel) {
  EXPECT_EQ(LiteralText(Attr(0.5), DType::kFloat32), "0.5");
  EXPECT_EQ(LiteralText(Attr(2.0), DType::kFloat32), "2.0");
  EXPECT_EQ(LiteralText(Attr(1e-5), DType::kFloat32), "1e-05");
  EXPECT_EQ(LiteralText(Attr(-std::numeric_limits<double>::infinity()), DType::kFloat32), "float(\"-inf\")");
  EXPECT_EQ(LiteralText(Attr(int64_t{-3}), DType::kInt64), "-3");
  EXPECT_EQ(LiteralText(Attr(true), DType::kBool), "True");
}

TEST(ReduceText, PropagatesNanOnlyWherePyTorchDoes) {
  HelperSet helpers;
  EXPECT_EQ(ReduceText("max_number", "x", 0, false, DType::kFloat32, helpers), "tl.max(x, axis=0)");
  EXPECT_TRUE(helpers.empty());
  EXPECT_EQ(ReduceText("max", "x", 1, true, DType::kFloat32, helpers), "max_or_nan(x, 1, True)");
  EXPECT_EQ(helpers.count("max_or_nan"), 1u);
}

TEST(NeutralText, IsTheElementThatChangesNothing) {
  EXPECT_EQ(NeutralText("sum", DType::kInt64), "0");
  EXPECT_EQ(NeutralText("prod", DType::kFloat32), "1.0");
  EXPECT_EQ(NeutralText("max", DType::kInt8), "-128");
  EXPECT_EQ(NeutralText("min", DType::kUInt8), "255");
  EXPECT_EQ(NeutralText("max", DType::kFloat32), "float(\"-inf\")");
}

TEST(Helpers, SpecialFunctionsComputeInFloat64) {
  for (const HelperText& helper : SpecialHelpers()) {
    EXPECT_EQ(helper.source.find("def " + helper.name + "("), 0u) << helper.source;
  }
  const std::string text = HelperSource({"digamma", "bessel_i1e"});
  EXPECT_NE(text.find("x.to(tl.float64)"), std::string::npos);
  EXPECT_NE(text.find("def bessel_i1_scaled(w)"), std::string::npos);
}

}  // namespace
}  // namespace drtriton
