#include "graph/program_python.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "graph/call_text.h"
#include "graph/operator_cases.h"
#include "graph/program_json.h"
#include "graph/registry.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

TEST(ProgramPythonTest, FlatTextSaysEverything) {
  EXPECT_EQ(FlatText(LinearRelu()),
            "# model on cuda\n"
            "def forward(x, *, p_weight, p_bias, b_steps):\n"
            "    # x: f32[2, 3]\n"
            "    # p_weight: f32[4, 3] parameter 'p_weight'\n"
            "    # p_bias: f32[4] parameter 'p_bias'\n"
            "    # b_steps: i64[] buffer 'b_steps'\n"
            "    linear = F.linear(x, p_weight, p_bias)  # f32[2, 4]\n"
            "    relu = F.relu(linear)  # f32[2, 4]\n"
            "    add = torch.ops.aten.add.Scalar(b_steps, 1)  # i64[]\n"
            "    b_steps.copy_(add)\n"
            "    return (relu, linear)\n");
}

TEST(ProgramPythonTest, CanonicalNamesCountByKind) {
  const std::string text = FlatText(LinearRelu(), Names::kCanonical);
  EXPECT_NE(text.find("def forward(x0, *, w0, w1, b0):"), std::string::npos) << text;
  EXPECT_NE(text.find("v1 = F.relu(v0)"), std::string::npos) << text;
}

TEST(ProgramPythonTest, TextParsesBackToTheSameText) {
  Program program = LinearRelu();
  program.values[0].strides = {1, 2};
  program.context.training = true;
  program.context.cudnn_tf32 = false;
  program.result.class_name = "collections:Pair";
  program.result.children[1].alias_of = 0;
  program.arguments = Tree{.kind = Tree::Kind::kDict,
                           .children = {Tree{.value = 0}, Tree{.kind = Tree::Kind::kLiteral, .literal = "it's"}},
                           .keys = {"x", "mode"}};
  const std::string text = FlatText(program);
  const Program again = ParseFlatText(text);
  EXPECT_EQ(FlatText(again), text);
  EXPECT_EQ(again.context.cudnn_tf32, false);
  EXPECT_EQ(again.result.class_name, "collections:Pair");
  EXPECT_EQ(again.result.children[1].alias_of, 0);
  EXPECT_EQ(again.arguments.children[1].literal, Attr("it's"));
}

TEST(ProgramPythonTest, FragmentsAndUnknownOperatorsRoundTrip) {
  Program program = LinearRelu();
  program.arguments = Tree{};
  program.inputs = {0, 1, 2, 3};
  program.nodes[1].op = "ns.odd.default";
  program.nodes[1].schema = "ns::odd(Tensor x, int[] sizes, *, float scale=0.5, str? mode=None) -> (Tensor, Tensor)";
  program.nodes[1].args = {ValueRef{4}, Attr::Ints({1, 2}), 0.25, "a"};
  program.nodes[1].outputs = {5, -1};
  const std::string text = FlatText(program);
  EXPECT_NE(
      text.find("relu, _ = torch.ops.ns.odd.default(linear, (1, 2), scale=0.25, mode='a')  # f32[2, 4], _; ns::odd("),
      std::string::npos)
      << text;
  const Program again = ParseFlatText(text);
  EXPECT_EQ(FlatText(again), text);
  EXPECT_EQ(again.nodes[1].args, program.nodes[1].args);
  EXPECT_EQ(again.inputs, program.inputs);
}

TEST(ProgramPythonTest, ErrorsNameTheLine) {
  struct Case {
    const char* text;
    const char* mention;
  };
  const char* head = "# m on cpu\ndef forward(x):\n    # x: f32[2]\n";
  const Case cases[] = {
      {"    y = F.nothing(x)  # f32[2]\n    return y\n", "line 4: no operator is written as 'F.nothing()'"},
      {"    y = F.relu(z)  # f32[2]\n    return y\n", "line 4: the name 'z' is not defined"},
      {"    y = F.relu(x)\n    return y\n", "line 4: 'name = call  # type' expected"},
      {"    y = F.relu(x)  # f33[2]\n    return y\n", "line 4: 'f33[2]' has no known dtype"},
      {"    y = F.relu(x  # f32[2]\n    return y\n", "line 4: cannot read the expression"},
      {"    x = F.relu(x)  # f32[2]\n    return x\n", "line 4: the name 'x' is defined twice"},
      {"    y = torch.ops.ns.f.default(x)  # f32[2]\n    return y\n", "line 4: the operator ns.f.default is unknown"},
      {"    y, z = F.relu(x)  # f32[2]\n    return y\n", "line 4: names and types differ"},
      {"", "does not return"},
  };
  for (const Case& c : cases) {
    try {
      ParseFlatText(std::string(head) + c.text);
      ADD_FAILURE() << "accepted: " << c.text;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(c.mention), std::string::npos)
          << error.what() << " lacks: " << c.mention;
    }
  }
}

TEST(ProgramPythonTest, CallsAreWrittenAsPeopleWriteThem) {
  struct Case {
    const char* op;
    AttrList args;
    const char* text;
  };
  const ValueRef x{0}, y{1};
  const Case cases[] = {
      {"aten.add.Tensor", {x, y, 1}, "x + y"},
      {"aten.add.Tensor", {x, y, 2}, "torch.add(x, y, alpha=2)"},
      {"aten.mul.Tensor", {x, 2.0}, "x * 2.0"},
      {"aten.rsub.Scalar", {x, 1, 1}, "1 - x"},
      {"aten.pow.Scalar", {-2, x}, "(-2) ** x"},
      {"aten.gelu.default", {x, "none"}, "F.gelu(x)"},
      {"aten.gelu.default", {x, "tanh"}, "F.gelu(x, approximate='tanh')"},
      {"aten.layer_norm.default", {x, Attr::Ints({512}), y, y, 1e-5, true}, "F.layer_norm(x, (512,), y, y, 1e-05)"},
      {"aten.layer_norm.default", {x, Attr::Ints({512}), y, y, 1e-6, false}, "F.layer_norm(x, (512,), y, y, 1e-06)"},
      {"aten.mean.dim", {x, Attr::Ints({-1}), true, Attr()}, "torch.mean(x, dim=-1, keepdim=True)"},
      {"aten.conv2d.default",
       {x, y, Attr(), Attr::Ints({2, 2}), Attr::Ints({1, 0}), Attr::Ints({1, 1}), 1},
       "F.conv2d(x, y, stride=2, padding=(1, 0))"},
      {"aten.view.default", {x, Attr::Ints({2, -1})}, "x.view(2, -1)"},
      {"aten.view.default", {x, Attr::Ints({})}, "x.view(())"},
      {"aten.cat.default", {AttrList{x, y}, 1}, "torch.cat([x, y], dim=1)"},
      {"aten._to_copy.default", {x, DType::kBFloat16, Attr(), Attr(), Attr(), false, Attr()}, "x.to(torch.bfloat16)"},
      {"aten.where.self", {x, y, y}, "torch.where(x, y, y)"},
      {"aten.matmul.default", {x, y}, "x @ y"},
      {"aten.slice.Tensor", {x, 1, 0, 4, 1}, "torch.ops.aten.slice.Tensor(x, 1, 0, 4)"},
  };
  const NameOf name_of = [](ValueId id) { return id == 0 ? "x" : "y"; };
  for (const Case& c : cases) EXPECT_EQ(CallText(Node{.op = c.op, .args = c.args}, name_of), c.text);
}

TEST(ProgramPythonTest, ModuleTextHasModelAndInputs) {
  const std::string text = ModuleText(LinearRelu());
  EXPECT_NE(text.find("self.p_weight = nn.Parameter(torch.randn((4, 3)))"), std::string::npos) << text;
  EXPECT_NE(text.find("    def forward(self, x):\n"), std::string::npos) << text;
  EXPECT_NE(text.find("def get_inputs():\n    return [torch.randn((2, 3))]"), std::string::npos) << text;
}

// Every operator of the registry, over cases drawn from its domain: text -> Program -> the same text, with the same
// operator and arguments up to those that change nothing.
TEST(ProgramPythonTest, CallsOfEveryOperatorRoundTrip) {
  CaseGenerator generator(7);
  for (const OperatorInfo& info : AllOperators()) {
    for (int i = 0; i < 6; ++i) {
      OperatorCase c = generator.Draw(info);
      std::vector<InferredValue> results;
      try {
        results = InferOutputs(c.program, c.node);
      } catch (const UserError&) {
        continue;  // a combination that the operator refuses
      }
      if (results.empty()) continue;
      for (size_t k = 0; k < results.size(); ++k) {
        const ValueId id = static_cast<ValueId>(c.program.values.size());
        c.program.values.push_back(Value{.name = "y" + std::to_string(k),
                                         .dtype = results[k].dtype,
                                         .shape = results[k].shape,
                                         .strides = results[k].strides.value_or(ContiguousStrides(results[k].shape)),
                                         .node = 0,
                                         .output_index = static_cast<int32_t>(k)});
        c.node.outputs.push_back(id);
      }
      c.program.nodes = {c.node};
      c.program.result.value = c.node.outputs[0];
      const std::string text = FlatText(c.program);
      try {
        const Program again = ParseFlatText(text);
        EXPECT_EQ(again.nodes[0].op, info.name) << text;
        EXPECT_EQ(FlatText(again), text);
      } catch (const UserError& error) {
        ADD_FAILURE() << error.what() << " in\n" << text;
      }
    }
  }
}

}  // namespace
}  // namespace drtriton
