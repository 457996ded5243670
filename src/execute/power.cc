// Tested by mutants_test.cc.
#include "execute/power.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <random>
#include <unordered_set>

#include "execute/input_sets.h"
#include "execute/moved_elements.h"
#include "execute/torch_values.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

// Intermediate values are kept between the mutants of a set up to this.
constexpr int64_t kKnownBytes = int64_t{256} << 20;

constexpr double kEvaluationsOfASet = 8;   // references, and float64 at that

// One evaluation and comparison, from what PyTorch needs for an operator and from memory and arithmetic.
double EstimateSeconds(const Program& program, bool gpu) {
  double flops = 0, bytes = 0;
  for (const Node& node : program.nodes) {
    flops += NodeFlops(program, node);
    bytes += static_cast<double>(NodeBytes(program, node));
  }
  for (const ValueId id : program.Results()) bytes += 12 * static_cast<double>(program.value(id).Bytes());   // compared in float64
  const auto nodes = static_cast<double>(program.nodes.size());
  return gpu ? 1e-3 + 2e-5 * nodes + bytes / 1e12 + flops / 2e13 : 5e-4 + 5e-5 * nodes + bytes / 2e9 + flops / 2e10;
}

class Measurement {
 public:
  Measurement(Problem& problem, const std::vector<Mutant>& mutants, const PowerLimit& limit)
      : problem_(problem), program_(problem.fragment().program), mutants_(mutants), outcomes_(mutants.size()),
        end_(std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(limit.seconds))),
        left_s_(limit.estimated_seconds), evaluation_s_(EstimateSeconds(program_, problem.evaluator().device().is_cuda())) {
    int64_t bytes = 0;
    for (const Value& value : program_.values) bytes += value.Bytes();
    keeps_values_ = bytes <= kKnownBytes;
    order_.resize(mutants.size());
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::mt19937_64 random(problem.seed());   // when time is short, a fair sample
    std::shuffle(order_.begin(), order_.end(), random);
  }

  std::vector<MutantOutcome> Run() {
    for (size_t set = 0; set < problem_.set_names().size() && !TimeIsUp(); ++set) TrySet(set);
    DropVoid();
    for (const std::string& name : problem_.FurtherNames()) {
      if (TimeIsUp() || !NeedsMore()) break;
      const size_t before = problem_.set_names().size();
      if (std::find(problem_.set_names().begin(), problem_.set_names().end(), name) != problem_.set_names().end() || !MayHelp(name)) continue;
      problem_.AddSet(name);
      left_s_ -= kEvaluationsOfASet * evaluation_s_;
      bool helped = false;
      try {
        helped = TrySet(before);
      } catch (const EvaluationError&) {   // no inputs for this program
      }
      if (!helped) problem_.DropLastSet();
    }
    if (TimeIsUp()) {   // who survived so far might not have
      for (MutantOutcome& outcome : outcomes_) if (outcome.kind == Kind::kSurvived) outcome.kind = Kind::kUntried;
    }
    return outcomes_;
  }

 private:
  using Kind = MutantOutcome::Kind;

  bool TimeIsUp() const { return left_s_ < 0 || std::chrono::steady_clock::now() > end_; }
  bool IsOpen(size_t i) const { return outcomes_[i].kind == Kind::kUntried || outcomes_[i].kind == Kind::kSurvived; }
  bool NeedsMore() const {
    for (size_t i = 0; i < mutants_.size(); ++i) {
      if (IsWanted(i)) return true;
    }
    return false;
  }
  // No set refused it so far, and nothing says that none can.
  bool IsWanted(size_t i) const { return outcomes_[i].kind == Kind::kSurvived && mutants_[i].rule.empty(); }

  void DropVoid() {
    if (!NeedsMore() || !random_.empty()) return;
    const MovedElements moved(problem_.evaluator(), program_);
    for (size_t i = 0; i < mutants_.size() && !TimeIsUp(); ++i) {
      if (!IsWanted(i)) continue;
      left_s_ -= 2 * evaluation_s_;
      if (moved.EndTheSame(mutants_[i])) outcomes_[i].kind = Kind::kVoid;
    }
  }

  // Every open mutant on one set.  Whether any without a rule was refused.
  bool TrySet(size_t index) {
    if (std::none_of(order_.begin(), order_.end(), [&](size_t i) { return IsOpen(i); })) return false;
    const InputSet& set = problem_.Set(index);
    TensorMap leaves;
    for (size_t i = 0; i < set.inputs.size(); ++i) leaves[problem_.fragment().Inputs()[i]] = set.inputs[i];
    const TensorMap known = KnownValues(leaves, set.random);
    bool helped = false;
    for (const size_t i : order_) {
      if (!IsOpen(i)) continue;
      if (TimeIsUp()) return helped;
      left_s_ -= evaluation_s_;
      const bool worked = outcomes_[i].kind == Kind::kSurvived;
      outcomes_[i] = Judge(mutants_[i], set, leaves, known);
      // What could be evaluated on other inputs and not on these is told apart by them: an index out of range.
      if (worked && outcomes_[i].kind == Kind::kUnusable) outcomes_[i] = {Kind::kRejected, set.name};
      helped = helped || (outcomes_[i].kind == Kind::kRejected && mutants_[i].rule.empty());
    }
    return helped;
  }

  // Whether a mutant that a further set is wanted for differs from the Program's own run by more than the contract allows
  // where eager is exact, the least that it ever allows: if none does, the set's reference values, eight evaluations and
  // more, need not be made.
  bool MayHelp(const std::string& name) {
    if (!keeps_values_ || !random_.empty()) return !name.starts_with("mixed");
    try {
      const TensorMap leaves = problem_.InputsOf(name);
      const TensorMap known = KnownValues(leaves, {});
      left_s_ -= evaluation_s_;
      for (size_t i = 0; i < mutants_.size(); ++i) {
        if (!IsWanted(i)) continue;
        left_s_ -= evaluation_s_;
        for (const auto& [id, value] : ValuesOf(mutants_[i], {}, leaves, known)) {
          const at::Tensor& own = known.contains(id) ? known.at(id) : leaves.at(id);
          if (value.sizes() != own.sizes() || value.scalar_type() != own.scalar_type() || !EqualAtLeast(own, value)) return true;
        }
      }
      return false;
    } catch (const EvaluationError&) {   // what that means for a mutant is decided where the set is made
      return true;
    }
  }

  static bool EqualAtLeast(const at::Tensor& own, const at::Tensor& value) {
    if (at::equal(own, value)) return true;
    const at::Tensor wide = own.is_complex() ? own.to(at::kComplexDouble) : own.is_floating_point() ? own.to(at::kDouble) : own;
    const Evidence exact{wide, own, {}, {}, {}};
    return Compare(MakeExpected(FromTorch(own.scalar_type()), exact), value).right;
  }

  TensorMap KnownValues(const TensorMap& leaves, const TensorMap& random) const {
    if (!keeps_values_) return random;
    EvaluateOptions options;
    for (const Node& node : program_.nodes) {
      for (const ValueId id : node.outputs) if (id >= 0) options.keep.insert(id);
    }
    options.replace = &random;
    return problem_.evaluator().Evaluate(program_, leaves, options);
  }

  // The results of a mutant.
  TensorMap ValuesOf(const Mutant& mutant, const TensorMap& random, const TensorMap& leaves, const TensorMap& known) const {
    const std::vector<ValueId> results = problem_.fragment().Results();
    const TensorMap unchanged = Unchanged(known, mutant.node);
    EvaluateOptions options;
    options.keep = {results.begin(), results.end()};
    options.replace = &random;
    options.known = &unchanged;
    return problem_.evaluator().Evaluate(WithMutant(program_, mutant), leaves, options);
  }

  // Without what depends on the mutant's node.
  TensorMap Unchanged(const TensorMap& known, int32_t changed) const {
    std::vector<bool> differs(program_.values.size(), false);
    TensorMap unchanged = known;
    for (size_t i = static_cast<size_t>(changed); i < program_.nodes.size(); ++i) {
      const Node& node = program_.nodes[i];
      const auto inputs = node.Inputs();
      const bool follows = static_cast<int32_t>(i) == changed || std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return differs[static_cast<size_t>(id)]; });
      if (!follows) continue;
      for (const ValueId id : node.outputs) {
        if (id < 0) continue;
        differs[static_cast<size_t>(id)] = true;
        unchanged.erase(id);
      }
    }
    return unchanged;
  }

  MutantOutcome Judge(const Mutant& mutant, const InputSet& set, const TensorMap& leaves, const TensorMap& known) const {
    const std::vector<ValueId> results = problem_.fragment().Results();
    try {
      const TensorMap values = ValuesOf(mutant, set.random, leaves, known);
      for (size_t i = 0; i < results.size(); ++i) {
        const Expected& expected = set.results[i];
        const at::Tensor& value = values.at(results[i]);
        if (value.sizes() != expected.shape() || FromTorch(value.scalar_type()) != expected.dtype) return {Kind::kUnusable, ""};
        if (!Compare(expected, value).right) return {Kind::kRejected, set.name};
      }
    } catch (const EvaluationError& error) {
      return {error.out_of_memory() ? Kind::kUntried : Kind::kUnusable, ""};
    }
    return {Kind::kSurvived, ""};
  }

  Problem& problem_;
  const Program& program_;
  const std::vector<Mutant>& mutants_;
  std::vector<MutantOutcome> outcomes_;
  const std::unordered_set<ValueId> random_ = RandomValues(program_);
  std::vector<size_t> order_;
  std::chrono::steady_clock::time_point end_;
  double left_s_;          // by the estimate
  double evaluation_s_;
  bool keeps_values_ = false;
};

}  // namespace

std::vector<MutantOutcome> MeasurePower(Problem& problem, const std::vector<Mutant>& mutants, const PowerLimit& limit) {
  const c10::InferenceMode inference;
  return Measurement(problem, mutants, limit).Run();
}

std::vector<std::string> DescribeSurvivors(const Program& program, const std::vector<Mutant>& mutants, const std::vector<MutantOutcome>& outcomes) {
  constexpr size_t kSentences = 3;
  std::vector<std::string> sentences;
  size_t survivors = 0;
  for (size_t i = 0; i < mutants.size(); ++i) {
    if (outcomes[i].kind != MutantOutcome::Kind::kSurvived || !mutants[i].rule.empty()) continue;
    if (++survivors > kSentences) continue;
    const auto& outputs = program.nodes[static_cast<size_t>(mutants[i].node)].outputs;
    const auto named = std::find_if(outputs.begin(), outputs.end(), [](ValueId id) { return id >= 0; });
    sentences.push_back("no inputs tell apart: " + mutants[i].change + (named == outputs.end() ? "" : " (" + program.value(*named).name + ")"));
  }
  if (survivors > kSentences) sentences.push_back("and " + std::to_string(survivors - kSentences) + " more changes");
  return sentences;
}

}  // namespace drtriton
