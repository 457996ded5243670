// Operators that had no float64 kernel on the GPU.
#ifndef DRTRITON_EXECUTE_CPU_OPERATORS_H_
#define DRTRITON_EXECUTE_CPU_OPERATORS_H_

#include <set>
#include <string>

namespace drtriton {

// Those that an Evaluator of this process had to carry out on the CPU so far: each costs the way there and back.
const std::set<std::string>& OperatorsOnCpu();   // evaluator.cc

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_CPU_OPERATORS_H_
