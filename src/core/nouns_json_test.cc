// Proposal, DeviceSpec and Composition.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "core/composition.h"
#include "core/device.h"
#include "core/proposal.h"

namespace drtriton {
namespace {

TEST(ProposalTest, JsonRoundTrips) {
  Proposal proposal;
  proposal.proposer = "templates";
  proposal.source = "import torch\n";
  proposal.estimated_us = 3.5;
  proposal.rewrites = {"scalars joined"};
  KernelPlan kernel;
  kernel.name = "linear_gelu";
  kernel.family = "matmul";
  kernel.fuses = {"linear", "gelu"};
  kernel.tile = {{"BLOCK_M", 128}, {"BLOCK_N", 64}};
  kernel.numerics = "tf32x3";
  proposal.kernels.push_back(kernel);
  const Json json = ToJson(proposal);
  EXPECT_EQ(ToJson(ProposalFromJson(Json::parse(json.dump()))).dump(), json.dump());
}

TEST(ProposalTest, NamesTheMemberAtFault) {
  Json json = ToJson(Proposal{});
  json.erase("source");
  try {
    ProposalFromJson(json);
    FAIL() << "accepted";
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "proposal.source is missing");
  }
}

TEST(DeviceTest, JsonRoundTrips) {
  const Json json = ToJson(H200());
  EXPECT_EQ(ToJson(DeviceFromJson(Json::parse(json.dump()))).dump(), json.dump());
  Json broken = json;
  broken["memory_bytes_per_us"] = 0;
  EXPECT_THROW(DeviceFromJson(broken), UserError);
}

TEST(DeviceTest, Fp32WithoutTf32IsThreeProducts) {
  const DeviceSpec& device = H200();
  EXPECT_DOUBLE_EQ(device.MatmulFlopsPerUs(DType::kFloat32, true), device.tf32_flops_per_us);
  EXPECT_DOUBLE_EQ(device.MatmulFlopsPerUs(DType::kFloat32, false), device.tf32_flops_per_us / 3);
  EXPECT_DOUBLE_EQ(device.MatmulFlopsPerUs(DType::kBFloat16, false), device.bf16_flops_per_us);
}

TEST(CompositionTest, HasKernelsLooksForKernelSteps) {
  Composition composition;
  composition.steps.push_back(TorchStep{0, "view"});
  EXPECT_FALSE(composition.HasKernels());
  composition.steps.push_back(KernelStep{});
  EXPECT_TRUE(composition.HasKernels());
}

}  // namespace
}  // namespace drtriton
