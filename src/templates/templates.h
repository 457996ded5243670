// TemplateProposer: the expert that writes Triton from templates.
//
// Lowers the fragment, asks each family whether it can write it, and returns the schedules of the first that can, best
// estimate first.  Thread-safe; deterministic.  docs/templates.md says what is covered.
#ifndef DRTRITON_TEMPLATES_TEMPLATES_H_
#define DRTRITON_TEMPLATES_TEMPLATES_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/proposer.h"
#include "templates/family.h"

namespace drtriton {

class TemplateProposer : public Proposer {
 public:
  TemplateProposer();
  std::string Name() const override { return "templates"; }
  std::optional<std::string> WhyNot(const Fragment& fragment) const override;
  int64_t BytesBetweenKernels(const Fragment& fragment) const override;
  std::vector<Proposal> Propose(const Fragment& fragment, const DeviceSpec& device,
                                const ProposeOptions& options) const override;

 private:
  std::vector<std::unique_ptr<Family>> families_;   // in order of asking
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_TEMPLATES_H_
