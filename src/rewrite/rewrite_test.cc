// Each rule on a Program that it is for, and Programs that look like it and are not.
#include "rewrite/rewrite.h"

#include <gtest/gtest.h>

#include <set>

#include "graph/program_python.h"

namespace drtriton {
namespace {

struct Case {
  const char* rule;          // nullptr: none fits
  const char* leaves;
  const char* body;
  const char* operators;     // of the rewritten Program, in order
};

Program ProgramOf(const Case& test) {
  std::string names, types;
  std::istringstream leaves(test.leaves);
  for (std::string leaf; std::getline(leaves, leaf, ';');) {
    leaf.erase(0, leaf.find_first_not_of(" "));
    names += (names.empty() ? "" : ", ") + leaf.substr(0, leaf.find(':'));
    types += "    # " + leaf + "\n";
  }
  return ParseFlatText("# model on cuda\ndef forward(" + names + "):\n" + types + test.body);
}

std::string Operators(const Program& program) {
  std::string text;
  for (const Node& node : program.nodes) {
    std::string name = node.op.substr(5);
    text += (text.empty() ? "" : " ") + name.substr(0, name.find('.'));
  }
  return text;
}

// Names of values that nothing reads: no node, and no result.
std::string Unread(const Program& program) {
  std::set<ValueId> read;
  for (const Node& node : program.nodes) {
    for (ValueId input : node.Inputs()) read.insert(input);
  }
  for (ValueId result : program.Results()) read.insert(result);
  std::string names;
  for (const Node& node : program.nodes) {
    bool is_read = false;
    for (ValueId output : node.outputs) is_read = is_read || read.count(output) > 0;
    if (!is_read) names += program.value(node.outputs.at(0)).name + " ";
  }
  return names;
}

const Case kCases[] = {
    {"reduction over one element", "x: f32[4, 1]", "    a = torch.amax(x, dim=[1])  # f32[4]\n    return a\n", "reshape clone"},
    {nullptr, "x: f32[4, 2]", "    a = torch.amax(x, dim=[1])  # f32[4]\n    return a\n", ""},
    {"function applied twice", "x: f32[4]", "    a = F.relu(x)  # f32[4]\n    b = F.relu(a)  # f32[4]\n    return b\n", "relu"},
    {"relu or abs of what is not negative", "x: f32[4]",
     "    a = torch.sigmoid(x)  # f32[4]\n    b = F.relu(a)  # f32[4]\n    return b\n", "sigmoid"},
    {"extreme of a value and itself", "x: f32[4]",
     "    a = torch.maximum(x, x)  # f32[4]\n    b = torch.exp(a)  # f32[4]\n    return b\n", "exp"},
    {"operand that changes nothing", "x: f32[4]", "    a = x * 1.0  # f32[4]\n    b = torch.exp(a)  # f32[4]\n    return b\n", "exp"},
    {nullptr, "x: i64[4]", "    a = x * 1.0  # f32[4]\n    b = torch.exp(a)  # f32[4]\n    return b\n", ""},
    {"cast or copy that changes nothing", "x: f32[4]",
     "    a = x.clone()  # f32[4]\n    b = torch.exp(a)  # f32[4]\n    return b\n", "exp"},
    {nullptr, "x: f32[4]", "    a = x.clone()  # f32[4]\n    return a\n", ""},
    {"negated twice", "x: f32[4]", "    a = -x  # f32[4]\n    b = -a  # f32[4]\n    c = torch.exp(b)  # f32[4]\n    return c\n", "exp"},
    {"views that cancel", "x: f32[4, 3]",
     "    a = x.t()  # f32[3, 4]{1, 3}\n    b = a.t()  # f32[4, 3]\n    c = torch.exp(b)  # f32[4, 3]\n    return c\n", "exp"},
    {"constant operand", "x: f32[4]",
     "    a = torch.full_like(x, 2.0)  # f32[4]\n    b = x + a  # f32[4]\n    return b\n", "add"},
    {"constant operand", "x: f16[4]",
     "    a = torch.full_like(x, 0.25)  # f16[4]\n    b = x + a  # f16[4]\n    return b\n", "add"},
    {nullptr, "x: f16[4]", "    a = torch.full_like(x, 0.1)  # f16[4]\n    b = x + a  # f16[4]\n    return b\n", ""},
    {nullptr, "x: bf16[4]", "    a = torch.full_like(x, 257.0)  # bf16[4]\n    b = x * a  # bf16[4]\n    return b\n", ""},
    {nullptr, "x: f32[4]; y: f16[4]", "    a = torch.full_like(y, 0.1)  # f16[4]\n    b = x * a  # f32[4]\n    return b\n", ""},
    {"scalars joined", "x: f32[4]", "    a = x * 2.0  # f32[4]\n    b = a / 3.0  # f32[4]\n    return b\n", "mul"},
    {nullptr, "x: f32[4]", "    a = x * 1e30  # f32[4]\n    b = a * 1e30  # f32[4]\n    return b\n", ""},
    {nullptr, "x: f32[4]", "    a = x * 2.0  # f32[4]\n    b = a / 3.0  # f32[4]\n    return (a, b)\n", ""},
    {"scalar moved behind a reduction", "x: f32[4, 8]",
     "    a = x * 2.0  # f32[4, 8]\n    b = torch.sum(a, dim=[1])  # f32[4]\n    return b\n", "sum mul reshape clone"},
    {"reductions joined", "x: f32[4, 8]",
     "    a = torch.amax(x, dim=[1])  # f32[4]\n    b = torch.amax(a, dim=[0])  # f32[]\n    return b\n", "amax reshape clone"},
    {"products in the cheaper order", "a: f32[64, 8]; b: f32[8, 64]; c: f32[64, 2]",
     "    d = torch.mm(a, b)  # f32[64, 64]\n    e = torch.mm(d, c)  # f32[64, 2]\n    return e\n", "mm mm"},
    {nullptr, "a: f32[8, 64]; b: f32[64, 8]; c: f32[8, 64]",
     "    d = torch.mm(a, b)  # f32[8, 8]\n    e = torch.mm(d, c)  # f32[8, 64]\n    return e\n", ""},
    {"linear of linear in one", "x: f32[512, 8]; v: f32[64, 8]; w: f32[4, 64]; b: f32[64]",
     "    y = F.linear(x, v, bias=b)  # f32[512, 64]\n    z = F.linear(y, w)  # f32[512, 4]\n    return z\n", "linear mm linear"},
    {"sum or mean moved in front of a product", "x: f32[16, 8]; w: f32[4, 8]; b: f32[4]",
     "    y = F.linear(x, w, bias=b)  # f32[16, 4]\n    z = torch.sum(y, dim=[0])  # f32[4]\n    return z\n", "sum mul linear reshape clone"},
    {"sum or mean moved in front of a product", "x: f32[16, 8]; w: f32[4, 8]",
     "    y = F.linear(x, w)  # f32[16, 4]\n    z = torch.mean(y, dim=[1], keepdim=True)  # f32[16, 1]\n    return z\n", "mean linear"},
    {nullptr, "x: f32[16, 8]; w: f32[4, 8]",
     "    y = F.linear(x, w)  # f32[16, 4]\n    z = torch.mean(y, dim=[1], keepdim=True)  # f32[16, 1]\n    return (y, z)\n", ""},
    {"sum or mean over channels moved into a convolution's weights", "x: f32[2, 3, 8, 8]; w: f32[4, 3, 3, 3]",
     "    y = F.conv2d(x, w)  # f32[2, 4, 6, 6]\n    z = torch.mean(y, dim=[1])  # f32[2, 6, 6]\n    return z\n", "mean conv2d reshape clone"},
    {"mean over a convolution's positions as a pool and a product", "x: f32[2, 3, 8, 8]; w: f32[4, 3, 3, 3]",
     "    y = F.conv2d(x, w)  # f32[2, 4, 6, 6]\n    z = torch.mean(y, dim=[2, 3])  # f32[2, 4]\n    return z\n",
     "avg_pool2d reshape reshape linear"},
    {"pool to one position as a mean", "x: f32[2, 3, 8, 8]",
     "    y = F.adaptive_avg_pool2d(x, [1, 1])  # f32[2, 3, 1, 1]\n    return y\n", "mean"},
    {"mean moved in front of batch norm", "x: f32[2, 3, 8, 8]; m: f32[3]; v: f32[3]",
     "    y = torch.batch_norm(x, None, None, m, v, False, 0.1, 1e-05, True)  # f32[2, 3, 8, 8]\n    z = torch.mean(y, dim=[2, 3])  # f32[2, 3]\n    return z\n", "mean batch_norm reshape clone"},
};

TEST(RewriteTest, EachRuleFitsWhatItIsFor) {
  std::set<std::string> used;
  for (const Case& test : kCases) {
    SCOPED_TRACE(test.body);
    std::optional<Rewritten> rewritten = Rewrite(ProgramOf(test), Rewrites::kAll);
    ASSERT_EQ(rewritten.has_value(), test.rule != nullptr) << (rewritten ? rewritten->rules[0] : "");
    if (!rewritten) continue;
    EXPECT_EQ(rewritten->rules.front(), test.rule);
    EXPECT_EQ(Operators(rewritten->program), test.operators);
    EXPECT_EQ(Unread(rewritten->program), "");
    used.insert(rewritten->rules.begin(), rewritten->rules.end());
  }
  for (const std::string& name : RuleNames(Rewrites::kAll)) EXPECT_TRUE(used.count(name)) << name << " has no case";
}

TEST(RewriteTest, ExactRulesChangeNoBit) {
  const Case scaled{nullptr, "x: f32[4, 1]", "    a = x * 2.0  # f32[4, 1]\n    b = a * 2.0  # f32[4, 1]\n    return b\n", ""};
  EXPECT_FALSE(Rewrite(ProgramOf(scaled), Rewrites::kExact));
}

TEST(RewriteTest, ExactRulesKnowHalfPrecision) {
  const Case half{nullptr, "x: f16[4, 1]", "    a = torch.full_like(x, 0.1)  # f16[4, 1]\n    b = x * a  # f16[4, 1]\n"
                  "    c = torch.amax(b, dim=[1])  # f16[4]\n    d = -c  # f16[4]\n    e = -d  # f16[4]\n    f = torch.exp(e)  # f16[4]\n"
                  "    return f\n", ""};
  std::optional<Rewritten> rewritten = Rewrite(ProgramOf(half), Rewrites::kExact);
  ASSERT_TRUE(rewritten);
  EXPECT_EQ(Operators(rewritten->program), "full_like mul reshape exp");
  EXPECT_EQ(rewritten->rules, (std::vector<std::string>{"reduction over one element", "negated twice"}));
}

// The constant would fit x + 2 but for the shape, which y gives the sum.
TEST(RewriteTest, WhatARuleBeganAndDidNotFinishIsGone) {
  const Case test{nullptr, "x: f32[1]; y: f32[4]", "    a = torch.full_like(y, 2.0)  # f32[4]\n    b = x + a  # f32[4]\n"
                  "    c = -b  # f32[4]\n    d = -c  # f32[4]\n    e = torch.exp(d)  # f32[4]\n    return e\n", ""};
  std::optional<Rewritten> rewritten = Rewrite(ProgramOf(test), Rewrites::kExact);
  ASSERT_TRUE(rewritten);
  EXPECT_EQ(Operators(rewritten->program), "full_like add exp");
  EXPECT_EQ(Unread(rewritten->program), "");
}

TEST(RewriteTest, WhatARewriteLeavesUnreadIsGone) {
  const Case test{nullptr, "x: f32[4, 1]", "    a = -x  # f32[4, 1]\n    b = -a  # f32[4, 1]\n"
                  "    c = torch.amax(b, dim=[1])  # f32[4]\n    d = torch.exp(c)  # f32[4]\n    return d\n", ""};
  std::optional<Rewritten> rewritten = Rewrite(ProgramOf(test), Rewrites::kExact);
  ASSERT_TRUE(rewritten);
  EXPECT_EQ(Operators(rewritten->program), "reshape exp");
  EXPECT_EQ(rewritten->rules, (std::vector<std::string>{"negated twice", "reduction over one element"}));
}

}  // namespace
}  // namespace drtriton
