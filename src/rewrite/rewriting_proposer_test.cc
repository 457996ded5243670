#include "rewrite/rewriting_proposer.h"

#include <gtest/gtest.h>

#include "graph/program_python.h"

namespace drtriton {
namespace {

// Writes any fragment of at most `most` nodes; one proposal, whose estimate is the number of nodes.
class CountingProposer : public Proposer {
 public:
  explicit CountingProposer(size_t most) : most_(most) {}
  std::string Name() const override { return "counting"; }
  std::optional<std::string> WhyNot(const Fragment& fragment) const override {
    return fragment.program.nodes.size() <= most_ ? std::nullopt : std::optional<std::string>("too many nodes");
  }
  std::vector<Proposal> Propose(const Fragment& fragment, const DeviceSpec&, const ProposeOptions&) const override {
    Proposal proposal{.proposer = Name(), .estimated_us = static_cast<double>(fragment.program.nodes.size())};
    proposal.kernels.push_back({.name = "kernel", .why = "because"});
    return {proposal};
  }

 private:
  size_t most_;
};

Fragment FragmentOf(const std::string& body) {
  return WholeProgram(ParseFlatText("# model on cuda\ndef forward(x):\n    # x: f32[4, 1]\n" + body));
}

const char* const kScaled = R"(    a = x * 2.0  # f32[4, 1]
    b = a * 3.0  # f32[4, 1]
    c = b * 4.0  # f32[4, 1]
    return c
)";

TEST(RewritingProposerTest, ProposesBothForms) {
  CountingProposer inner(9);
  const std::vector<Proposal> proposals = RewritingProposer(inner).Propose(FragmentOf(kScaled), {}, {});
  ASSERT_EQ(proposals.size(), 2u);
  EXPECT_EQ(proposals[0].rewrites, std::vector<std::string>{"scalars joined"});
  EXPECT_EQ(proposals[0].estimated_us, 1);
  EXPECT_NE(proposals[0].kernels[0].why.find("scalars joined"), std::string::npos);
  EXPECT_TRUE(proposals[1].rewrites.empty());
}

TEST(RewritingProposerTest, CoversWhatARewriteMakesPossible) {
  CountingProposer inner(1);
  EXPECT_TRUE(inner.WhyNot(FragmentOf(kScaled)));
  RewritingProposer rewriting(inner);
  EXPECT_FALSE(rewriting.WhyNot(FragmentOf(kScaled)));
  EXPECT_EQ(rewriting.Propose(FragmentOf(kScaled), {}, {.max_count = 1}).size(), 1u);
  CountingProposer none(0);
  EXPECT_EQ(RewritingProposer(none).WhyNot(FragmentOf(kScaled)), "too many nodes");
}

TEST(RewritingProposerTest, AnExactRewriteReplaces) {
  CountingProposer inner(9);
  const Fragment fragment = FragmentOf(
      "    a = torch.amax(x, dim=[1])  # f32[4]\n    b = torch.exp(a)  # f32[4]\n    return b\n");
  const std::vector<Proposal> proposals = RewritingProposer(inner).Propose(fragment, {}, {});
  ASSERT_EQ(proposals.size(), 1u);
  EXPECT_EQ(proposals[0].rewrites, std::vector<std::string>{"reduction over one element"});
}

}  // namespace
}  // namespace drtriton
