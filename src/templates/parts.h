// PartsWriter: a StagePlan as one module, each part by the family that fits it.
//
// A schedule of the whole is one choice number for all parts: 0 takes each part's best estimate, 1 the second ...
#ifndef DRTRITON_TEMPLATES_PARTS_H_
#define DRTRITON_TEMPLATES_PARTS_H_

#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/family.h"
#include "templates/stages.h"

namespace drtriton {

class PartsWriter {
 public:
  // In order of asking; not owned.  All of them write parts (Family::Append).
  explicit PartsWriter(std::vector<const Family*> families) : families_(std::move(families)) {}

  // Why some part has no family, or nullopt.
  std::optional<std::string> WhyNot(const StagePlan& plan) const;
  // At most `max_count`, at least one when WhyNot() is nullopt.  `unit`: what a part is called in the summary ("stages").
  std::vector<Proposal> Propose(const StagePlan& plan, const DeviceSpec& device, int max_count, const std::string& unit) const;

 private:
  const Family* FamilyFor(const Lowered& part, std::string* reason) const;

  std::vector<const Family*> families_;
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_PARTS_H_
