#include "core/proposal.h"

#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace drtriton {
namespace {

KernelPlan KernelPlanFromJson(const JsonReader& reader) {
  KernelPlan kernel;
  kernel.name = reader.At("name").String();
  kernel.family = reader.At("family").String();
  JsonReader fuses = reader.At("fuses");
  for (size_t i = 0, n = fuses.Size(); i < n; ++i) kernel.fuses.push_back(fuses.At(i).String());
  JsonReader tile = reader.At("tile");
  for (size_t i = 0, n = tile.Size(); i < n; ++i) {
    JsonReader entry = tile.At(i);
    kernel.tile.emplace_back(entry.At(size_t{0}).String(),
                             entry.At(size_t{1}).Int());
  }
  kernel.num_warps = reader.At("num_warps").Int32(1, 64);
  kernel.num_stages = reader.At("num_stages").Int32(0, 64);
  kernel.numerics = reader.At("numerics").String();
  kernel.why = reader.At("why").String();
  kernel.estimated_us = reader.At("estimated_us").Number();
  return kernel;
}

Json ToJson(const KernelPlan& kernel) {
  Json tile = Json::array();
  for (const auto& [name, value] : kernel.tile) tile.push_back(Json::array({name, value}));
  return Json{{"name", kernel.name},
              {"family", kernel.family},
              {"fuses", kernel.fuses},
              {"tile", tile},
              {"num_warps", kernel.num_warps},
              {"num_stages", kernel.num_stages},
              {"numerics", kernel.numerics},
              {"why", kernel.why},
              {"estimated_us", kernel.estimated_us}};
}

}  // namespace

Json ToJson(const Proposal& proposal) {
  Json kernels = Json::array();
  for (const KernelPlan& kernel : proposal.kernels) kernels.push_back(ToJson(kernel));
  return Json{{"proposer", proposal.proposer},
              {"kernels", kernels},
              {"source", proposal.source},
              {"estimated_us", proposal.estimated_us},
              {"rewrites", proposal.rewrites}};
}

Proposal ProposalFromJson(const Json& json) {
  JsonReader reader(json, "proposal");
  Proposal proposal;
  proposal.proposer = reader.At("proposer").String();
  JsonReader kernels = reader.At("kernels");
  for (size_t i = 0, n = kernels.Size(); i < n; ++i) {
    proposal.kernels.push_back(KernelPlanFromJson(kernels.At(i)));
  }
  proposal.source = reader.At("source").String();
  proposal.estimated_us = reader.At("estimated_us").Number();
  if (reader.Has("rewrites")) {   // proposals kept before there were any have none
    JsonReader rewrites = reader.At("rewrites");
    for (size_t i = 0, n = rewrites.Size(); i < n; ++i) proposal.rewrites.push_back(rewrites.At(i).String());
  }
  return proposal;
}

}  // namespace drtriton
