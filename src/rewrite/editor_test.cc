#include "rewrite/editor.h"

#include <gtest/gtest.h>

#include "graph/program_python.h"

namespace drtriton {
namespace {

const char* const kProgram = R"(# model on cuda
def forward(x):
    # x: f32[2, 3]
    dead = torch.exp(x)  # f32[2, 3]
    y = torch.sin(x)  # f32[2, 3]
    z = -y  # f32[2, 3]
    return (y, z)
)";

TEST(EditorTest, CopiesWhatIsNeeded) {
  const Program source = ParseFlatText(kProgram);
  Editor editor(source);
  EXPECT_FALSE(editor.Needed(0));
  EXPECT_EQ(editor.Readers(source.nodes[1].outputs[0]), 2);
  editor.Copy(1);
  editor.Copy(2);
  const Program target = editor.Finish();
  ASSERT_EQ(target.nodes.size(), 2u);
  EXPECT_EQ(target.nodes[1].op, "aten.neg.default");
}

TEST(EditorTest, AResultKeepsATensorOfItsOwn) {
  const Program source = ParseFlatText(kProgram);
  Editor editor(source);
  editor.Replace(1, {editor.New(source.inputs[0])});   // as if sin were the identity
  editor.Copy(2);
  const Program target = editor.Finish();
  EXPECT_EQ(target.nodes.at(1).op, "aten.clone.default");
  EXPECT_EQ(target.nodes.at(0).Inputs(), target.inputs);
}

TEST(EditorTest, FitsComparesTypesAndShapes) {
  const Program source = ParseFlatText(kProgram);
  Editor editor(source);
  const ValueId x = editor.New(source.inputs[0]);
  EXPECT_TRUE(editor.Fits(1, {x}));
  EXPECT_FALSE(editor.Fits(1, {-1}));
  EXPECT_FALSE(editor.Fits(1, {editor.Add("aten.to.dtype", {ValueRef{x}, DType::kFloat64})}));
  EXPECT_FALSE(editor.Fits(1, {editor.Add("aten.t.default", {ValueRef{x}})}));
}

TEST(EditorTest, AViewOfWhatLiesOtherwiseBecomesAReshape) {
  const Program source = ParseFlatText(R"(# model on cuda
def forward(x):
    # x: f32[2, 3]{1, 2}
    y = x.contiguous()  # f32[2, 3]
    z = y.view(6)  # f32[6]
    w = torch.exp(z)  # f32[6]
    return w
)");
  Editor editor(source);
  editor.Replace(0, {editor.New(source.inputs[0])});
  editor.Copy(1);
  editor.Copy(2);
  EXPECT_EQ(editor.Finish().nodes.at(0).op, "aten.reshape.default");
}

}  // namespace
}  // namespace drtriton
