// Input sets that follow from what the Program says rather than from the inputs alone (docs/numerics.md): values around its
// constants, targets that a loss ignores, NaN and infinities where an operator asks for them.
#ifndef DRTRITON_EXECUTE_PROGRAM_SETS_H_
#define DRTRITON_EXECUTE_PROGRAM_SETS_H_

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <vector>

#include "graph/program.h"

namespace drtriton {

class ProgramSets {
 public:
  explicit ProgramSets(const Program& program);

  // Names of the sets that this Program has, to be tried after FurtherSets() (input_sets.h).
  std::vector<std::string> Names() const;
  // The value of one of the Program's inputs (its leaves of kind kInput) in set `name`; nullopt: as in set "own".  Draws from
  // libtorch's default generator: seed it first.
  std::optional<at::Tensor> Draw(const std::string& name, ValueId input, const at::Tensor& own) const;

 private:
  std::vector<double> constants_;                 // numbers that nodes compare, clamp or compute with
  std::vector<std::pair<ValueId, int64_t>> ignored_;   // integer inputs that are targets of a loss, and what it ignores
  bool asks_for_nan_ = false;                     // nan_to_num, isnan and the like
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_PROGRAM_SETS_H_
