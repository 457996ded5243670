// LoadedProgram: the Program under test with its values as they occur in the user's module.
#ifndef DRTRITON_EXECUTE_LOADED_PROGRAM_H_
#define DRTRITON_EXECUTE_LOADED_PROGRAM_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/fragment.h"
#include "execute/evaluator.h"
#include "execute/numerics.h"
#include "execute/problem.h"
#include "execute/tensor_file.h"
#include "graph/program.h"

namespace drtriton {

class LoadedProgram {
 public:
  // Loads the leaves and evaluates the Program once in the user's precision.  At most `budget_bytes` of intermediate
  // values stay; others are computed again when asked for.  `seed` is what the importer seeded PyTorch with before it
  // ran the module, so that random operators draw the same numbers.  Throws UserError (a leaf that the file lacks) and
  // EvaluationError.
  LoadedProgram(const Evaluator& evaluator, Program program, const std::filesystem::path& tensors, uint64_t seed, int64_t budget_bytes);

  const Program& program() const { return program_; }
  // Values of the Program in the user's precision.
  TensorMap Values(const std::vector<ValueId>& ids);

  // A file with "result:<i>" and "mutation:<i>" against what is expected; null where all is right.  `exact_first`: equal
  // bits are enough.
  Comparison CompareFile(const std::filesystem::path& tensors, bool exact_first);
  const std::filesystem::path& tensors_path() const { return path_; }

 private:
  struct Named {
    std::string name;   // "result:0", "mutation:1"
    ValueId value;
  };
  std::vector<Named> NamedResults() const;
  Comparison CompareOne(const Named& named, const StoredTensor& stored, bool exact_first);
  const Expected& ExpectedOf(ValueId id);

  const Evaluator& evaluator_;
  Program program_;
  std::filesystem::path path_;
  TensorFile file_;
  uint64_t seed_;
  TensorMap leaves_;
  TensorMap random_;   // results of random operators, drawn once
  TensorMap values_;   // intermediate values and results that fit the budget
  MemoryBudget nothing_;   // of `whole_`, which lives for one comparison
  std::unique_ptr<Problem> whole_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_LOADED_PROGRAM_H_
