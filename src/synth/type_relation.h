// The relation between the element types of an operator's operands and results.
#ifndef DRTRITON_SYNTH_TYPE_RELATION_H_
#define DRTRITON_SYNTH_TYPE_RELATION_H_

#include "synth/domain_cases.h"
#include "synth/operator_space.h"

namespace drtriton {

// Whether the slot holds positions in another tensor.
bool IsIndexSlot(const NumericRule& rule, const TensorSlot& slot, const SlotDType& dtype);

// Fills form.scalars, form.distinct and what follows from them.  A combination of operand types is legal when the
// registry's rule accepts such dtypes and the operator's function gives finite numbers that differ.  False: none is.
bool RelateTypes(const DomainForm& domain, OperatorForm& form);

// The numbers that result from `numbers`, gathered so.
std::vector<double> Gathered(Gather gather, std::vector<double> numbers, double padding);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_TYPE_RELATION_H_
