// Problem: a fragment with input sets and what is expected for each.
//
// The sets (docs/numerics.md says what each exposes):
//   own         the values that occur in the user's module
//   signed      inputs drawn from the standard normal distribution, parameters as they are
//   large       the same, times 100
//   tiny        own inputs times 1e-3
//   zeros       inputs of zeros
//   parameters  other parameters, buffers and constants; inputs like the module's own by mean and deviation
//   reseeded    inputs like the module's own, from another seed
// Integers and booleans are the module's own in another order, so that indices stay in range.  Where the Program is undefined
// for the floats of a set (binary_cross_entropy outside of 0 ... 1), they are moved into the range of the own ones.  A set is made on demand
// and kept while the budget lasts; made again, it is the same to the bit.
#ifndef DRTRITON_EXECUTE_PROBLEM_H_
#define DRTRITON_EXECUTE_PROBLEM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/fragment.h"
#include "execute/evaluator.h"
#include "execute/input_sets.h"
#include "execute/numerics.h"
#include "execute/program_sets.h"

namespace drtriton {

// What all problems of a process may keep of their input sets.  Outlives them.
struct MemoryBudget {
  int64_t limit_bytes = 0;
  int64_t used_bytes = 0;
};

struct InputSet {
  std::string name;
  std::vector<at::Tensor> inputs;     // in the order of Fragment::Inputs(), with the Program's strides
  std::vector<Expected> results;      // in the order of Fragment::Results()
  TensorMap random;                   // what random operators drew
  int64_t bytes() const;
};

class Problem {
 public:
  // `own` has the values of the fragment's inputs; those that are missing (a fragment at shapes of its own) are drawn.
  Problem(const Evaluator& evaluator, Fragment fragment, TensorMap own, uint64_t seed, MemoryBudget* budget);
  ~Problem();
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  const Fragment& fragment() const { return fragment_; }
  uint64_t seed() const { return seed_; }
  const std::vector<std::string>& set_names() const { return names_; }
  const Evaluator& evaluator() const { return evaluator_; }
  // What AddSet() may add, in the order in which to try: sets of any Program, then those of this one.
  std::vector<std::string> FurtherNames() const;
  // A further set at the end, unless it is there already (input_sets.h), and taking the last one away again.
  void AddSet(const std::string& name);
  void DropLastSet();
  // Takes away sets for which the Program is undefined also after their inputs were moved into the range of the own ones.
  // `thrifty`: by an evaluation in the user's precision, without reference values.
  void DropFailingSets(bool thrifty);
  // Valid until the next call.  Throws EvaluationError.
  const InputSet& Set(size_t index);
  // The inputs of a set alone, also of one that AddSet() could add.
  TensorMap InputsOf(const std::string& name) const;

  // Results that zeros or a copy of an input would satisfy in every set, one sentence each.  Adds sets that tell them
  // apart where it can.
  std::vector<std::string> FindWeakResults();

 private:
  at::Tensor MakeInput(const std::string& set, ValueId id, size_t position) const;
  const Moments& MomentsOfOwn(ValueId id, const at::Tensor& own) const;
  InputSet MakeSet(const std::string& name);
  bool IsDefined(const std::string& name);
  int RoundedDraws() const;
  TensorMap EvaluateRounded(const TensorMap& leaves, const TensorMap& frozen, bool in_range) const;
  TensorMap EvaluateJumped(const TensorMap& leaves, const TensorMap& random, const std::unordered_map<ValueId, double>& steps, int draw) const;
  std::optional<Selection> SelectionOf(ValueId result, const TensorMap& exact, const TensorMap& eager) const;
  bool DecidesEarlier(ValueId result) const;
  void AddToSelection(ValueId result, std::unordered_set<ValueId>* keep) const;
  bool AcceptsEverywhere(size_t result, const std::optional<size_t>& copied_input);

  const Evaluator& evaluator_;
  Fragment fragment_;
  TensorMap own_;
  mutable std::unordered_map<ValueId, Moments> moments_;   // of `own_`, as far as they were asked for
  ProgramSets program_sets_;
  uint64_t seed_;
  MemoryBudget* budget_;
  int64_t kept_bytes_ = 0;
  std::vector<std::string> names_;
  std::set<std::string> in_range_;      // sets whose inputs are moved into the range of the own ones
  std::map<size_t, InputSet> kept_;
  InputSet last_;                       // one that the budget has no room for
  std::vector<int32_t> jumping_;        // nodes
  std::unordered_set<ValueId> jump_inputs_;   // float values that they read
  std::unordered_set<ValueId> decisions_;     // what they compute and rounding must not change
  std::unordered_set<ValueId> random_;        // results of random nodes
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_PROBLEM_H_
