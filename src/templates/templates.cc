// See templates.h.
#include "templates/templates.h"

#include <algorithm>

#include "base/error.h"
#include "templates/lower.h"
#include "templates/segments.h"

namespace drtriton {
namespace {

struct Covered {
  Lowered lowered;
  const Family* family = nullptr;
};

// The family whose reason says most about a fragment that none covers.
std::string MostTelling(const Lowered& lowered) {
  for (NodeId id : lowered.OfKind(LoweredKind::kWindow)) {
    return lowered.node(id).function == "convolution" ? "convolution" : "pool";
  }
  return lowered.Has(LoweredKind::kReduce) ? "row" : lowered.Has(LoweredKind::kMatmul) ? "matmul" : "pointwise";
}

// The first reading of the fragment and the first family that fit, or the most telling reason why none does.
std::variant<Covered, std::string> FindFamily(const Fragment& fragment, const std::vector<std::unique_ptr<Family>>& families) {
  std::string reason;
  for (LeafReading reading : {LeafReading::kShared, LeafReading::kSeparate, LeafReading::kEach}) {
    auto result = Lower(fragment, reading);
    if (auto* refusal = std::get_if<std::string>(&result)) {
      if (reason.empty()) reason = *refusal;
      continue;
    }
    Lowered& lowered = std::get<Lowered>(result);
    for (const auto& family : families) {
      std::optional<std::string> why_not = family->WhyNot(lowered);
      if (!why_not) return Covered{std::move(lowered), family.get()};
      if (reason.empty() && family->Name() == MostTelling(lowered)) reason = *why_not;
    }
  }
  return reason;
}

// One part, or the stages of one lowering.
StagePlan PlanOf(Covered covered) {
  if (covered.family->Name() == "staged") return CutIntoStages(covered.lowered);
  StagePlan plan;
  plan.whole = covered.lowered;
  plan.parts.push_back(std::move(covered.lowered));
  return plan;
}

}  // namespace

TemplateProposer::TemplateProposer(Reach reach) : reach_(reach) {
  families_.push_back(MakePointwiseFamily());
  families_.push_back(MakeRowFamily());
  families_.push_back(MakeMatmulFamily());
  families_.push_back(MakeConvolutionFamily());
  families_.push_back(MakePoolFamily());
  families_.push_back(MakeScanFamily());
  families_.push_back(MakeAttentionFamily());
  std::vector<const Family*> of_parts;
  for (const auto& family : families_) of_parts.push_back(family.get());
  writer_ = std::make_unique<PartsWriter>(std::move(of_parts));
  families_.push_back(MakeStagedFamily());
}

std::optional<std::string> TemplateProposer::WhyNot(const Fragment& fragment) const {
  if (reach_ == Reach::kFragment && fragment.Inputs().empty()) return "it reads nothing";
  auto found = FindFamily(fragment, families_);
  if (std::holds_alternative<Covered>(found)) return std::nullopt;
  if (reach_ == Reach::kFragment) return std::get<std::string>(found);
  auto plan = InSegments(fragment);
  if (auto* reason = std::get_if<std::string>(&plan)) return *reason;
  return std::nullopt;
}

int64_t TemplateProposer::BytesBetweenKernels(const Fragment& fragment) const {
  auto found = FindFamily(fragment, families_);
  const auto* covered = std::get_if<Covered>(&found);
  return covered == nullptr ? 0 : covered->family->BytesBetweenKernels(covered->lowered);
}

std::vector<Proposal> TemplateProposer::Propose(const Fragment& fragment, const DeviceSpec& device,
                                                const ProposeOptions& options) const {
  const int count = std::max(1, options.max_count);
  auto found = FindFamily(fragment, families_);
  if (const auto* covered = std::get_if<Covered>(&found)) return covered->family->Propose(covered->lowered, device, count);
  if (reach_ == Reach::kFragment) return {};
  auto plan = InSegments(fragment);
  if (std::holds_alternative<std::string>(plan)) return {};
  return writer_->Propose(std::get<StagePlan>(plan), device, count, "parts");
}

std::variant<StagePlan, std::string> TemplateProposer::InSegments(const Fragment& fragment) const {
  return CutIntoSegments(fragment, [&](const Fragment& piece) -> std::variant<StagePlan, std::string> {
    auto found = FindFamily(piece, families_);
    if (auto* reason = std::get_if<std::string>(&found)) return std::move(*reason);
    return PlanOf(std::get<Covered>(std::move(found)));
  });
}

}  // namespace drtriton
