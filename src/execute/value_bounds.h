// What is known of a Program's values without evaluating it: bounds, and whether they are whole numbers.
//
// Facts hold for every input; a value about which nothing is known has infinite bounds.  NaN is outside of all statements.
#ifndef DRTRITON_EXECUTE_VALUE_BOUNDS_H_
#define DRTRITON_EXECUTE_VALUE_BOUNDS_H_

#include <limits>
#include <vector>

#include "graph/program.h"

namespace drtriton {

struct ValueBounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool whole = false;   // every element is an integer

  bool Within(double least, double most) const { return low >= least && high <= most; }
};

// One a value of the Program.
std::vector<ValueBounds> BoundsOf(const Program& program);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_VALUE_BOUNDS_H_
