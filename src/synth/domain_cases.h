// From the `domain` of a registry row (graph/operator_cases.h) to the ways in which its operator can be called.
#ifndef DRTRITON_SYNTH_DOMAIN_CASES_H_
#define DRTRITON_SYNTH_DOMAIN_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/registry.h"
#include "synth/element_type.h"
#include "synth/shape_case.h"

namespace drtriton {

// Which dtypes a tensor of the domain may have.
struct SlotDType {
  uint8_t families = 0;    // bit of each Family
  bool of_the_case = false;  // all such tensors of a call have one dtype
};

// Ways to call an operator that read the same tensors.
struct DomainForm {
  std::vector<TensorSlot> slots;
  std::vector<SlotDType> dtypes;
  uint8_t broadcast = 0;         // bits: slots that broadcast with each other (two or more "~")
  std::vector<ShapeCase> cases;  // not fitted; ranks 0 to 4 of broadcast slots are left open
  // Numbers that stand for tensors, and the alternatives of numeric arguments: each a full choice.
  std::vector<std::vector<std::pair<int, Attr>>> scalars;
  std::vector<Family> casts;  // of the operator's dtype argument; empty when it has none that must be given
};

std::vector<DomainForm> CallingForms(const OperatorInfo& info);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_DOMAIN_CASES_H_
