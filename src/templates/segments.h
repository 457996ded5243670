// Segments: a Program whose operators are covered one by one, but not as a whole, cut between operators.
//
// What no family can write and no stage can split (stages.h) - a reduction behind a pool, elements of a product read again
// at other positions, a convolution of a convolution - is cut along the Program: as many operators as one proposal can hold
// form a segment, in the Program's order, and the next one begins a new segment.  A segment loads what earlier ones left in
// buffers of PyTorch's types and strides.  Views belong to whoever reads them.
#ifndef DRTRITON_TEMPLATES_SEGMENTS_H_
#define DRTRITON_TEMPLATES_SEGMENTS_H_

#include <functional>
#include <string>
#include <variant>

#include "core/fragment.h"
#include "templates/stages.h"

namespace drtriton {

// A fragment as the parts that some family writes (one, or the stages of one lowering), or the reason why not.
using Divide = std::function<std::variant<StagePlan, std::string>(const Fragment&)>;

// The parts of all segments with the buffers between them, or the reason why one operator is not covered even alone.
// `divide` is asked for every segment tried.  The result refers to `fragment`, which must outlive it.
std::variant<StagePlan, std::string> CutIntoSegments(const Fragment& fragment, const Divide& divide);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_SEGMENTS_H_
