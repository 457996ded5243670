// The pointwise and row families and the proposer in front of them: what they take, in which order, and how it reads.
#include <gtest/gtest.h>

#include "templates/lower.h"
#include "templates/templates.h"
#include "templates/test_fragments.h"

namespace drtriton {
namespace {

std::vector<Proposal> Propose(const Fragment& fragment, int count = 8) {
  return TemplateProposer().Propose(fragment, H200(), {.max_count = count});
}

Fragment BiasRelu() {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4096, 1024}), b = builder.Input("bias", {1024});
  ValueId sum = builder.Node("aten.add.Tensor", {ValueRef{x}, ValueRef{b}, 1}, "shifted");
  return builder.Build({builder.Node("aten.relu.default", {ValueRef{sum}}, "y")});
}

Fragment Softmax(int64_t rows, int64_t columns) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {rows, columns});
  return builder.Build({builder.Node("aten.softmax.int", {ValueRef{x}, -1}, "y")});
}

bool Mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Families, AFlatKernelReadsAsWrittenByHand) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {1024, 1024});
  Fragment fragment = builder.Build({builder.Node("aten.relu.default", {ValueRef{x}}, "y")});
  EXPECT_EQ(Propose(fragment, 1)[0].source, R"("""Bound by memory: 8389 kB in one pass, nothing stored between operators; one flat index."""
import torch
import triton
import triton.language as tl


@triton.jit
def relu_kernel(x_ptr, out_ptr, BLOCK_N: tl.constexpr):
    """Elementwise over 1024 x 1024: one flat index."""
    n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)
    x = tl.load(x_ptr + n)
    y = tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)
    tl.store(out_ptr + n, y)


def launch(x):
    out = torch.empty((1024, 1024), dtype=torch.float32, device=x.device)
    relu_kernel[(1024,)](x, out, BLOCK_N=1024, num_warps=4, num_stages=1)
    return (out,)
)");
}

TEST(Families, ABroadcastOperandGetsRowsAndColumns) {
  bool has_tile = false;
  for (const Proposal& proposal : Propose(BiasRelu())) has_tile |= Mentions(proposal.source, "[None, :]");
  EXPECT_TRUE(has_tile);
}

TEST(Families, ATransposeGoesThroughPlanes) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2048, 4096});
  ValueId t = builder.Node("aten.t.default", {ValueRef{x}});
  Fragment fragment = builder.Build({builder.Node("aten.clone.default", {ValueRef{t}, Attr::Variant(MemoryFormatAttr{"contiguous_format"})})});
  EXPECT_TRUE(Mentions(Propose(fragment, 1)[0].source, "both contiguous directions"));
}

TEST(Families, ShortRowsStayInRegisters) {
  Proposal best = Propose(Softmax(8192, 1024), 1)[0];
  EXPECT_TRUE(Mentions(best.source, "whole row"));
  EXPECT_FALSE(Mentions(best.source, "for start"));
  EXPECT_EQ(best.kernels.size(), 1u);
}

TEST(Families, LongRowsAreWalked) {
  bool loops = false;
  for (const Proposal& proposal : Propose(Softmax(1024, 100000))) loops |= Mentions(proposal.source, "for start in range(0, N, BLOCK_N)");
  EXPECT_TRUE(loops);
}

TEST(Families, SoftmaxOfLongRowsFindsMaximumAndSumInOnePass) {
  for (const Proposal& proposal : Propose(Softmax(1024, 100000))) {
    if (!Mentions(proposal.source, "for start in range(0, N, BLOCK_N)")) continue;
    size_t loops = 0;
    for (size_t at = proposal.source.find("for start"); at != std::string::npos; at = proposal.source.find("for start", at + 1)) ++loops;
    EXPECT_EQ(loops, 2u);
  }
}

Fragment LayerNorm(int64_t rows, int64_t columns) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {rows, columns});
  return builder.Build({builder.Node("aten.layer_norm.default", {ValueRef{x}, Attr::Ints({columns})}, "y")});
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Families, MomentsOfLongRowsTakeOnePass) {
  bool looped = false;
  for (const Proposal& proposal : Propose(LayerNorm(1024, 100000))) {
    if (proposal.kernels.size() > 1 || !Mentions(proposal.source, "for start")) continue;
    looped = true;
    EXPECT_EQ(Count(proposal.source, "for start"), 2u);
    EXPECT_EQ(Count(proposal.source, "evict_last"), 1u);
    EXPECT_EQ(Count(proposal.source, "evict_first"), 1u);
  }
  EXPECT_TRUE(looped);
}

TEST(Families, MomentsOfSplitRowsTakeTwoKernels) {
  bool split = false;
  for (const Proposal& proposal : Propose(LayerNorm(4, 1000000))) {
    if (!Mentions(proposal.source, "SPLITS")) continue;
    split = true;
    EXPECT_EQ(proposal.kernels.size(), 2u);
  }
  EXPECT_TRUE(split);
}

// In registers, walked and split.
TEST(Families, AFullResultMayReadTheVarianceAndNoMean) {
  for (const Shape& shape : {Shape{4096, 512}, Shape{64, 262144}, Shape{1, 57600}, Shape{1, 1 << 24}}) {
    FragmentBuilder builder;
    ValueId x = builder.Input("x", shape);
    ValueId spread = builder.Node("aten.var.correction", {ValueRef{x}, Attr::Ints({1}), 1, true}, "spread");
    Fragment fragment = builder.Build({builder.Node("aten.minimum.default", {ValueRef{spread}, ValueRef{x}}, "y")});
    const std::vector<Proposal> proposals = Propose(fragment);
    EXPECT_FALSE(proposals.empty());
    for (const Proposal& proposal : proposals) EXPECT_FALSE(Mentions(proposal.source, ") - mean_error")) << proposal.source;
  }
}

TEST(Families, ARowOf40960FitsRegisters) {
  bool whole = false;
  for (const Proposal& proposal : Propose(LayerNorm(512, 40960))) whole |= Mentions(proposal.source, "BLOCK_N=65536");
  EXPECT_TRUE(whole);
}

TEST(Families, AReductionThatNoFullResultNeedsSharesItsPass) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {8192, 100000});
  ValueId y = builder.Node("aten.log_softmax.int", {ValueRef{x}, -1}, "y");
  ValueId mean = builder.Node("aten.mean.dim", {ValueRef{y}, Attr::Ints({-1})}, "mean");
  for (const Proposal& proposal : Propose(builder.Build({y, mean}))) {
    if (proposal.kernels.size() > 1 || !Mentions(proposal.source, "for start")) continue;
    EXPECT_EQ(Count(proposal.source, "for start"), 2u);
  }
}

TEST(Families, AFullReductionIsSplitWithoutAtomics) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4096, 4096});
  Proposal best = Propose(builder.Build({builder.Node("aten.sum.default", {ValueRef{x}})}), 1)[0];
  EXPECT_EQ(best.kernels.size(), 2u);
  EXPECT_TRUE(Mentions(best.source, "SPLITS"));
  EXPECT_FALSE(Mentions(best.source, "atomic"));
}

TEST(Families, MasksAppearOnlyWhereABlockIsNotFull) {
  EXPECT_FALSE(Mentions(Propose(Softmax(8192, 1024), 1)[0].source, "mask"));
  EXPECT_TRUE(Mentions(Propose(Softmax(8192, 1000), 1)[0].source, "mask"));
}

TEST(Families, HugeTensorsGet64BitOffsets) {
  EXPECT_TRUE(Mentions(Propose(Softmax(int64_t{1} << 22, 1024), 1)[0].source, ".to(tl.int64)"));
  EXPECT_FALSE(Mentions(Propose(Softmax(1024, 1024), 1)[0].source, "int64"));
}

TEST(Families, ProposalsComeBestEstimateFirstAndAreTheSameEveryTime) {
  std::vector<Proposal> first = Propose(BiasRelu()), second = Propose(BiasRelu());
  ASSERT_EQ(first.size(), second.size());
  ASSERT_GT(first.size(), 2u);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].source, second[i].source);
    EXPECT_LE(first[i == 0 ? 0 : i - 1].estimated_us, first[i].estimated_us);
  }
}

TEST(Families, ReductionsOverDifferentDimensionsTakeAKernelEach) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {64, 32});
  ValueId a = builder.Node("aten.sum.dim_IntList", {ValueRef{x}, Attr::Ints({0}), true});
  ValueId b = builder.Node("aten.sum.dim_IntList", {ValueRef{x}, Attr::Ints({1}), true});
  Fragment fragment = builder.Build({builder.Node("aten.add.Tensor", {ValueRef{a}, ValueRef{b}, 1})});
  EXPECT_FALSE(MakeRowFamily()->WhyNot(std::get<Lowered>(Lower(fragment, LeafReading::kShared))) == std::nullopt);
  for (const Proposal& proposal : Propose(fragment)) EXPECT_GE(proposal.kernels.size(), 2u);   // the second adds, too
  EXPECT_FALSE(Propose(fragment).empty());
}

}  // namespace
}  // namespace drtriton
