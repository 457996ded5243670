// TemplateProposer: the expert that writes Triton from templates.
//
// Lowers the fragment, asks each family whether it can write it, and returns the schedules of the first that can, best
// estimate first.  Thread-safe; deterministic.  docs/templates.md says what is covered.
#ifndef DRTRITON_TEMPLATES_TEMPLATES_H_
#define DRTRITON_TEMPLATES_TEMPLATES_H_

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/proposer.h"
#include "templates/family.h"
#include "templates/parts.h"

namespace drtriton {

// What the expert takes on.  A cutter that forms fragments itself wants kFragment, so that it cuts where fusion ends;
// whoever needs one proposal for a Program wants kProgram.
enum class Reach : uint8_t {
  kFragment,   // what one family writes, its stages included
  kProgram,    // anything whose operators are covered, cut into segments (segments.h) where no family writes the whole
};

class TemplateProposer : public Proposer {
 public:
  explicit TemplateProposer(Reach reach = Reach::kFragment);
  std::string Name() const override { return "templates"; }
  std::optional<std::string> WhyNot(const Fragment& fragment) const override;
  int64_t BytesBetweenKernels(const Fragment& fragment) const override;
  std::vector<Proposal> Propose(const Fragment& fragment, const DeviceSpec& device,
                                const ProposeOptions& options) const override;

 private:
  // The parts that a fragment takes, or why some operator of it is not covered.
  std::variant<StagePlan, std::string> InSegments(const Fragment& fragment) const;

  Reach reach_;
  std::vector<std::unique_ptr<Family>> families_;   // in order of asking
  std::unique_ptr<PartsWriter> writer_;             // by families_, the last (staged) left out
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_TEMPLATES_H_
