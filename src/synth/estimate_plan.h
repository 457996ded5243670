// A program as its estimates read it: calls on numbers, with everything that does not change from estimate to estimate.
//
// Two estimates of a program's values (sketch_estimate.h, lane_estimate.h) run many times over one plan.  A plan refers
// to the program and the rules, which have to outlive it, and is made to be used again: Read() keeps its memory.
#ifndef DRTRITON_SYNTH_ESTIMATE_PLAN_H_
#define DRTRITON_SYNTH_ESTIMATE_PLAN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "graph/program.h"
#include "synth/numeric_rule.h"
#include "synth/sameness.h"

namespace drtriton {

// One operator call of a Program; without a rule it is glue, which passes numbers on.
struct EstimatedNode {
  int32_t node = -1;  // in the Program
  const NumericRule* rule = nullptr;
};

class EstimatePlan {
 public:
  enum class Numbers : uint8_t { kFloat, kInteger, kBool };

  struct Operand {
    size_t argument = 0;
    ValueId id = -1;
  };

  struct Result {
    ValueId id = -1;
    Gather gather = Gather::kOne;
    Numbers numbers = Numbers::kFloat;
    int8_t extreme = 0;     // of a choice: 1 the largest of many, -1 the smallest, 0 some other
    bool is_whole = false;  // a view of all of its operand
    bool in_place = false;  // its shape is that of the first operand
    bool repeats = false;   // holds the operand's elements again and again: only dimensions of size 1 differ
    double padded = 0;      // the share of it that is padding, or that no element of the operand reaches
    double many = 1;        // elements of the first operand to one of this
    Dependence depends;     // on the operands' dimensions
    double made_of = 1;     // how many elements one is made of: likewise, or of a window, a row, the dimension of a softmax
  };

  struct Call {
    const NumericRule* rule = nullptr;
    OpKind kind = OpKind::kOther;
    double inner = 0;      // elements of one sum that shapes do not show: of a scan, of a product; else 0
    double padding = 0;
    double overwritten = 0;   // the share of the first operand that others replace or join
    bool multiplies = false;  // they join by products
    bool replaces = false;    // they do not join
    bool adds = false;        // the first operand is added to a product of the others
    double classes = 1;       // of a loss that adds over them
    double variance = 0;      // of a sum with weights, against the mean square of what it sums
    double fan_in = 1;        // elements of the operand that it sums, as weights are scaled by it
    bool is_one = false;   // each result comes from one element of each operand
    std::span<const Operand> operands;
    std::span<double> numbers;  // one for each argument, at least 8; NaN where there is none
    std::span<const Result> results;
  };

  // Of one value.
  struct Facts {
    const Shape* shape = nullptr;
    int64_t elements = 1;
    Numbers numbers = Numbers::kFloat;
  };

  void Read(const Program& program, std::span<const EstimatedNode> nodes);

  std::span<Call> calls() { return calls_; }
  const Facts& Of(ValueId id) const { return facts_[static_cast<size_t>(id)]; }
  size_t values() const { return facts_.size(); }
  // Whether some tensor holds so few masks, integers or positions that chance may well make them all the same.
  bool has_few() const { return has_few_; }
  // Dimensions of the largest value, at least 1.
  size_t most_dims() const { return most_dims_; }
  // The program's results without repeats.
  std::span<const ValueId> results() const { return results_; }

 private:
  void ReadCall(const Node& node, const NumericRule* rule, Call& call);
  void ReadArgument(const Attr& argument, size_t position, Call& call);
  void ReadMixture(Call& call) const;
  double Overwritten(const Node& node, const NumericTraits& traits) const;
  Result ReadResult(const Node& node, const NumericRule& rule, const Call& call, size_t k) const;
  Dependence DependenceOfResult(const Node& node, const NumericRule* rule, const Call& call, size_t k) const;
  double MadeOf(const Node& node, const NumericRule& rule, const Call& call, const Result& result) const;

  std::vector<Call> calls_;
  std::vector<Facts> facts_;
  std::vector<Operand> operands_;
  std::vector<double> numbers_;
  std::vector<Result> made_;
  std::vector<ValueId> results_;
  bool has_few_ = false;
  size_t most_dims_ = 1;
  const Program* program_ = nullptr;  // while it is read
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_ESTIMATE_PLAN_H_
