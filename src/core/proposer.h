// Proposer: whoever writes Triton for a Fragment - the templates, the policy, a remote endpoint.
#ifndef DRTRITON_CORE_PROPOSER_H_
#define DRTRITON_CORE_PROPOSER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/fragment.h"
#include "core/proposal.h"

namespace drtriton {

struct ProposeOptions {
  int max_count = 8;      // schedules or samples wanted, best first by the proposer's own estimate
  uint64_t seed = 0;
};

class Proposer {
 public:
  virtual ~Proposer() = default;
  virtual std::string Name() const = 0;

  // Why this proposer cannot implement the fragment, or nullopt when it can.  Cheap (microseconds): the cutter asks it
  // for every fusion it considers.  The reason is a clause for the report: "no template covers aten.sort.default".
  virtual std::optional<std::string> WhyNot(const Fragment& fragment) const = 0;

  // Bytes that the kernels of a proposal pass to each other through memory, written and read; 0 where one kernel does it
  // all.  The cutter fuses only what saves memory traffic.  Asked when WhyNot() is nullopt; as cheap.
  virtual int64_t BytesBetweenKernels(const Fragment&) const { return 0; }

  // At least one proposal when WhyNot() is nullopt.  Deterministic for equal arguments.
  virtual std::vector<Proposal> Propose(const Fragment& fragment, const DeviceSpec& device,
                                        const ProposeOptions& options) const = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_CORE_PROPOSER_H_
