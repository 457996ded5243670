// RewritingProposer: asks another proposer for a fragment as it stands and as the rewrites make it.
//
// What it proposes is for the original fragment: same inputs, same results, judged against the original's values.
#ifndef DRTRITON_REWRITE_REWRITING_PROPOSER_H_
#define DRTRITON_REWRITE_REWRITING_PROPOSER_H_

#include <optional>
#include <string>
#include <vector>

#include "core/proposer.h"
#include "rewrite/rewrite.h"

namespace drtriton {

class RewritingProposer : public Proposer {
 public:
  // `inner` outlives this.
  explicit RewritingProposer(const Proposer& inner) : inner_(inner) {}
  std::string Name() const override { return inner_.Name(); }
  std::optional<std::string> WhyNot(const Fragment& fragment) const override;
  int64_t BytesBetweenKernels(const Fragment& fragment) const override;
  // Proposals of all forms by estimate; the best of each form is among them where `max_count` allows.
  std::vector<Proposal> Propose(const Fragment& fragment, const DeviceSpec& device,
                                const ProposeOptions& options) const override;

 private:
  const Proposer& inner_;
};

}  // namespace drtriton

#endif  // DRTRITON_REWRITE_REWRITING_PROPOSER_H_
