// Draws tensors for input sets (problem.h): one value of a fragment at a time, from its own value in the user's module.
#ifndef DRTRITON_EXECUTE_INPUT_SETS_H_
#define DRTRITON_EXECUTE_INPUT_SETS_H_

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "graph/leaf_fill.h"
#include "graph/program.h"

namespace drtriton {

// Every fragment has the first; `Further` ones are tried while a trivial or a mutated result would pass.
const std::vector<std::string>& StandardSets();
const std::vector<std::string>& FurtherSets();
// Sets in which each value is drawn in a way of its own, by chance: tried last, while a mutated result would pass.
const std::vector<std::string>& MixedSets();

// Mean and deviation of the finite elements, and whether all of them are at least zero.
struct Moments {
  double mean = 0, deviation = 0;
  bool nonnegative = true;
};
Moments MomentsOf(const at::Tensor& own);

// The value for set `name`, on `own`'s device, of its dtype and shape.  Draws from libtorch's default generator: seed it
// first.  Elements where `own` is infinite or NaN (masks) stay.  `index`: an integer that says where to look: only numbers that
// occur in `own` will do.
at::Tensor DrawInput(const std::string& name, const Value& value, const at::Tensor& own, const Moments& moments, bool index);

// `drawn` with its floats moved into the range of `own`'s finite elements: for programs that are undefined outside of it.
at::Tensor InRangeOf(const at::Tensor& own, const at::Tensor& drawn);

// Stands in for a value that the module never had: by `fill`, and where that says nothing floats normal (buffers positive),
// integers 0 and 1.
at::Tensor DrawOwn(const Value& value, const LeafFill& fill, at::Device device);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_INPUT_SETS_H_
