// The convolution and pooling families: what they take, which schedules they offer, and how the sources read.  Values are
// compared with PyTorch by python/tests/test_templates.py.
#include <gtest/gtest.h>

#include <set>

#include "templates/implicit_gemm.h"
#include "templates/lower.h"
#include "templates/templates.h"
#include "templates/test_fragments.h"

namespace drtriton {
namespace {

bool Mentions(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

Shape ChannelsLast(const Shape& shape) { return {shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]}; }

struct Layer {
  Shape input{32, 64, 56, 56}, weight{64, 64, 3, 3};
  int64_t stride = 1, padding = 1, groups = 1;
  DType dtype = DType::kFloat32;
  bool channels_last = false, transposed = false;
};

Fragment Convolution(const Layer& layer, bool relu = false) {
  FragmentBuilder builder;
  auto strides = [&](const Shape& shape) { return layer.channels_last ? ChannelsLast(shape) : ContiguousStrides(shape); };
  ValueId x = builder.Input("x", layer.input, strides(layer.input), layer.dtype);
  ValueId w = builder.Input("w", layer.weight, strides(layer.weight), layer.dtype);
  Attr stride = Attr::Ints({layer.stride, layer.stride}), padding = Attr::Ints({layer.padding, layer.padding}), one = Attr::Ints({1, 1});
  ValueId y = layer.transposed
                  ? builder.Node("aten.conv_transpose2d.input", {ValueRef{x}, ValueRef{w}, Attr(), stride, padding, Attr::Ints({0, 0}), layer.groups, one}, "y")
                  : builder.Node("aten.conv2d.default", {ValueRef{x}, ValueRef{w}, Attr(), stride, padding, one, layer.groups}, "y");
  Fragment fragment = builder.Build({relu ? builder.Node("aten.relu.default", {ValueRef{y}}, "z") : y});
  for (Value& value : fragment.program.values) {
    if (value.node >= 0) value.strides = strides(value.shape);
  }
  return fragment;
}

std::vector<Proposal> Propose(const Fragment& fragment, int count = 8) {
  return TemplateProposer().Propose(fragment, H200(), {.max_count = count});
}

TEST(Convolution, ActivationsJoinIt) {
  const Proposal best = Propose(Convolution({}, true), 1)[0];
  EXPECT_TRUE(Mentions(best.source, "tl.dot("));
  EXPECT_TRUE(Mentions(best.source, "tl.maximum("));
  EXPECT_EQ(best.kernels.back().fuses, (std::vector<std::string>{"conv2d", "relu"}));
}

TEST(Convolution, AOneByOneIsAMatrixProduct) {
  for (bool channels_last : {false, true}) {
    const auto proposals = Propose(Convolution({.weight = {128, 64, 1, 1}, .padding = 0, .channels_last = channels_last}));
    EXPECT_EQ(proposals[0].kernels.back().family, "matmul");
  }
}

TEST(Convolution, EightBestHoldOneThatIsAsAccurateAsFloat32) {
  bool tf32 = false, exact = false;
  for (const Proposal& proposal : Propose(Convolution({.input = {32, 256, 14, 14}, .weight = {256, 256, 3, 3}}))) {
    tf32 |= Mentions(proposal.source, "\"tf32\"");
    exact |= Mentions(proposal.source, "\"tf32x3\"");
  }
  EXPECT_TRUE(tf32);
  EXPECT_TRUE(exact);
}

// Whether TF32 is allowed or not; as matrix products too.
TEST(Convolution, WithoutSplitFloat32NoneIsSplit) {
  DeviceSpec device = H200();
  device.split_fp32 = false;
  for (bool tf32 : {true, false}) {
    for (const Layer& layer : {Layer{.input = {32, 256, 14, 14}, .weight = {256, 256, 3, 3}}, Layer{.weight = {128, 64, 1, 1}, .padding = 0}}) {
      Fragment fragment = Convolution(layer);
      fragment.program.context.cudnn_tf32 = tf32;
      const std::vector<Proposal> proposals = TemplateProposer().Propose(fragment, device, {.max_count = 8});
      EXPECT_FALSE(proposals.empty());
      for (const Proposal& proposal : proposals) EXPECT_FALSE(Mentions(proposal.source, "\"tf32x3\"")) << proposal.source;
    }
  }
}

// Tensor cores cut off what TF32 does not hold; PyTorch's convolutions round.
TEST(Convolution, WhatTf32MultipliesIsRoundedOnce) {
  for (const Proposal& proposal : Propose(Convolution({.input = {32, 256, 14, 14}, .weight = {256, 256, 3, 3}}))) {
    if (proposal.kernels.back().family != "convolution") continue;
    size_t rounded = 0;
    for (size_t at = 0; (at = proposal.source.find("= round_tf32(", at)) != std::string::npos; ++at) ++rounded;
    for (size_t at = 0; (at = proposal.source.find(", round_tf32(", at)) != std::string::npos; ++at) ++rounded;   // stored
    EXPECT_EQ(rounded, Mentions(proposal.source, "\"tf32\"") ? 2u : 0u) << proposal.source;
  }
}

TEST(Convolution, WithoutTf32NoneUsesIt) {
  Fragment forbidden = Convolution({}), on_cpu = Convolution({});
  forbidden.program.context.cudnn_tf32 = false;
  on_cpu.program.device = "cpu";
  for (const Fragment& fragment : {forbidden, on_cpu}) {
    for (const Proposal& proposal : Propose(fragment)) EXPECT_FALSE(Mentions(proposal.source, "\"tf32\""));
  }
}

TEST(Convolution, DepthwiseIsSummedDirectly) {
  for (const Proposal& proposal : Propose(Convolution({.weight = {64, 1, 3, 3}, .groups = 64}))) {
    EXPECT_FALSE(Mentions(proposal.source, "tl.dot("));
  }
}

TEST(Convolution, AChannelsLastDepthwiseTileIsWideAlongChannels) {
  const Proposal best = Propose(Convolution({.weight = {64, 1, 3, 3}, .groups = 64, .channels_last = true}), 1)[0];
  EXPECT_TRUE(Mentions(best.source, "tl.arange(0, BLOCK_C))[None, :]") || Mentions(best.source, "tl.arange(0, BLOCK_C)[None, :]"));
}

TEST(Convolution, Float64IsSummedInFloat64) {
  const Proposal best = Propose(Convolution({.dtype = DType::kFloat64}), 1)[0];
  EXPECT_TRUE(Mentions(best.source, "dtype=tl.float64"));
}

TEST(Convolution, PhasesOfATransposedOneAreOneGridDimension) {
  const Layer layer{.input = {16, 256, 32, 32}, .weight = {256, 128, 4, 4}, .stride = 2, .transposed = true};
  bool seen = false;
  for (const Proposal& proposal : Propose(Convolution(layer))) {
    if (!Mentions(proposal.source, "tl.dot(")) continue;
    seen = true;
    EXPECT_TRUE(Mentions(proposal.source, "phase = tl.program_id(1)"));
    EXPECT_TRUE(Mentions(proposal.source, ", 4)]("));
  }
  EXPECT_TRUE(seen);
}

TEST(Convolution, APackedInputNeedsNoBounds) {
  bool packed = false;
  for (const Proposal& proposal : Propose(Convolution({}), 24)) {
    if (!Mentions(proposal.source, "pack_input_kernel")) continue;
    packed = true;
    EXPECT_EQ(Count(proposal.source, "inside"), Count(proposal.source.substr(0, proposal.source.find("def conv2d_kernel")), "inside"));
  }
  EXPECT_TRUE(packed);
}

TEST(Convolution, ChannelsLastOperandsAreTakenAsTheyAre) {
  for (const Proposal& proposal : Propose(Convolution({.dtype = DType::kBFloat16, .channels_last = true}), 1)) {
    EXPECT_EQ(proposal.kernels.size(), 1u);
  }
}

TEST(Convolution, FewChannelsAreFlattenedWithTheTaps) {
  const Proposal best = Propose(Convolution({.input = {32, 3, 224, 224}, .weight = {64, 3, 7, 7}, .stride = 2, .padding = 3}), 1)[0];
  EXPECT_TRUE(Mentions(best.source, "for k_start in range(0, K, BLOCK_K)"));
}

TEST(Convolution, HugeTensorsGet64BitOffsets) {
  const Layer layer{.input = {1024, 64, 224, 224}};
  EXPECT_TRUE(Mentions(Propose(Convolution(layer), 1)[0].source, "tl.program_id(0).to(tl.int64)"));
  EXPECT_FALSE(Mentions(Propose(Convolution({}), 1)[0].source, "int64"));
}

TEST(Convolution, SchedulesAreDistinctAndFit) {
  const Fragment fragment = Convolution({});
  const auto lowered = Lower(fragment, LeafReading::kShared);
  const auto read = ReadWindow(std::get<Lowered>(lowered));
  std::set<std::string> seen;
  for (const GemmSchedule& schedule : GemmSchedules(std::get<WindowProblem>(read), H200(), 1000)) {
    EXPECT_TRUE(seen.insert(Describe(schedule)).second) << Describe(schedule);
    EXPECT_GT(schedule.estimated_us, 0);
  }
  EXPECT_GT(seen.size(), 20u);
}

TEST(Convolution, TwoInARowAreRefused) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2, 16, 8, 8}), w = builder.Input("w", {16, 16, 3, 3});
  Attr one = Attr::Ints({1, 1});
  ValueId y = builder.Node("aten.conv2d.default", {ValueRef{x}, ValueRef{w}, Attr(), one, one, one, 1});
  const Fragment fragment = builder.Build({builder.Node("aten.conv2d.default", {ValueRef{y}, ValueRef{w}, Attr(), one, one, one, 1})});
  const auto why_not = TemplateProposer().WhyNot(fragment);
  ASSERT_TRUE(why_not.has_value());
  EXPECT_TRUE(Mentions(*why_not, "several times"));
}

TEST(Convolution, AReductionBehindItIsRefused) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2, 16, 8, 8}), w = builder.Input("w", {16, 16, 3, 3});
  Attr one = Attr::Ints({1, 1});
  ValueId y = builder.Node("aten.conv2d.default", {ValueRef{x}, ValueRef{w}, Attr(), one, one, one, 1});
  const auto why_not = TemplateProposer().WhyNot(builder.Build({builder.Node("aten.sum.default", {ValueRef{y}})}));
  ASSERT_TRUE(why_not.has_value());
  EXPECT_TRUE(Mentions(*why_not, "beside the convolution"));
}

TEST(Pool, ActivationsOnBothSidesJoinIt) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2, 16, 9, 11});
  ValueId before = builder.Node("aten.relu.default", {ValueRef{x}});
  ValueId pooled = builder.Node("aten.max_pool2d.default", {ValueRef{before}, Attr::Ints({3, 3}), Attr::Ints({2, 2}), Attr::Ints({1, 1})});
  const Proposal best = Propose(builder.Build({builder.Node("aten.tanh.default", {ValueRef{pooled}})}), 1)[0];
  EXPECT_EQ(best.kernels.size(), 1u);
  EXPECT_EQ(best.kernels[0].family, "pool");
  EXPECT_TRUE(Mentions(best.source, "propagate_nan"));
}

TEST(Pool, LongChainsOfTapsAreNotUnrolled) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {8, 64, 40, 40, 40});
  bool unrolled = false;
  for (const Proposal& proposal : Propose(builder.Build({builder.Node("aten.avg_pool3d.default", {ValueRef{x}, Attr::Ints({3, 3, 3})})}))) {
    const KernelPlan& plan = proposal.kernels.back();
    const int64_t steps = 27 * plan.tile[0].second * plan.tile[1].second / (32 * plan.num_warps);
    EXPECT_EQ(Mentions(proposal.source, "tl.static_range("), steps <= 512) << steps;
    unrolled |= steps <= 512;
  }
  EXPECT_TRUE(unrolled);
}

TEST(Pool, AnAverageDividesByANumberWhereWindowsAreWhole) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2, 16, 8, 8});
  const Proposal best = Propose(builder.Build({builder.Node("aten.avg_pool2d.default", {ValueRef{x}, Attr::Ints({2, 2})})}), 1)[0];
  EXPECT_TRUE(Mentions(best.source, "/ 4.0"));
  EXPECT_FALSE(Mentions(best.source, "count"));
}

}  // namespace
}  // namespace drtriton
