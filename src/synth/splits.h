// Train, validation and test: which part a program belongs to is a function of the program alone.
//
// All programs with the same operators, however often each (a multiset; glue does not count), are in one part, so no
// program of another part has the operators of a test program.  Programs of one operator go by attributes and shapes
// instead (dtypes, strides and which tensors are parameters do not count), because each operator has to be learnt.
// 90% of the multisets are for training, 5% each for validation and test.
#ifndef DRTRITON_SYNTH_SPLITS_H_
#define DRTRITON_SYNTH_SPLITS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"

namespace drtriton {

enum class Split : uint8_t { kTrain, kValidation, kTest };
std::string_view Name(Split split);  // "train"
std::optional<Split> SplitFromName(std::string_view name);

// `operators`: names of the program's operators, glue left out, in any order.
Split SplitOf(const Program& program, const std::vector<std::string>& operators);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SPLITS_H_
