// Family: one kind of kernel that the expert proposer knows how to write well.
#ifndef DRTRITON_TEMPLATES_FAMILY_H_
#define DRTRITON_TEMPLATES_FAMILY_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/lowered.h"

namespace drtriton {

class ModuleSource;   // source.h

class Family {
 public:
  virtual ~Family() = default;
  virtual std::string Name() const = 0;
  // Why this family cannot write the fragment, or nullopt.  Microseconds.
  virtual std::optional<std::string> WhyNot(const Lowered& lowered) const = 0;
  // Proposer::BytesBetweenKernels, when WhyNot() is nullopt.
  virtual int64_t BytesBetweenKernels(const Lowered&) const { return 0; }
  // Best estimate first, at most `max_count`, at least one when WhyNot() is nullopt.
  virtual std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const = 0;
  // Adds the kernels of one schedule for a part of a fragment (stages.h) to `module`, and their plans to `proposal`: schedule
  // number `choice`, best estimate first, or the last one.  Throws InternalError for families that write no parts.
  virtual void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const;
};

std::unique_ptr<Family> MakePointwiseFamily();   // pointwise.h
std::unique_ptr<Family> MakeRowFamily();         // row.h
std::unique_ptr<Family> MakeMatmulFamily();      // matmul.h
std::unique_ptr<Family> MakeScanFamily();        // scan.h
std::unique_ptr<Family> MakeAttentionFamily();   // attention.h
std::unique_ptr<Family> MakeStagedFamily();      // staged.cc; asked last
std::unique_ptr<Family> MakeConvolutionFamily();   // convolution.cc
std::unique_ptr<Family> MakePoolFamily();        // pool.cc

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_FAMILY_H_
