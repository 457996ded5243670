// What the expert writes for a sampled program: the candidates of training pairs.
#ifndef DRTRITON_PAIRS_PROPOSED_H_
#define DRTRITON_PAIRS_PROPOSED_H_

#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/fragment.h"
#include "core/proposal.h"
#include "synth/sampler.h"
#include "synth/splits.h"
#include "templates/templates.h"

namespace drtriton {

struct ProposedProgram {
  Sample sample;
  std::string id;          // CanonicalId() of the sampled program
  Split split = Split::kTrain;
  Fragment fragment;       // in its canonical form, which the proposals are for
  std::vector<Proposal> proposals;   // no source twice, best estimate first
};

// At most `schedules` proposals; nullopt where the expert does not cover the program.  Deterministic; any thread.
std::optional<ProposedProgram> ProposeFor(Sample sample, const TemplateProposer& expert, const DeviceSpec& device, int schedules);

// The families of a proposal's kernels, sorted, without repeats: {"matmul", "row"}.
std::vector<std::string> FamiliesOf(const Proposal& proposal);

}  // namespace drtriton

#endif  // DRTRITON_PAIRS_PROPOSED_H_
