// Evaluator: runs a Program, or one operator, through libtorch's dispatcher by name, whatever the operator is.
//
// Two precisions.  kUser is what eager PyTorch computes.  kFloat64 is what every error is measured against: floating
// leaves and dtype attributes become float64, so that casts between floats are the identity; integers and booleans stay.
// Random operators take their results from the user's run, so that both see the same numbers.
//
// Memory: a value is freed after its last use unless it is to be kept.  An operator that has no float64 kernel on the
// GPU runs on the CPU.  Throws EvaluationError naming operator and reason (out of memory is told apart).
#ifndef DRTRITON_EXECUTE_EVALUATOR_H_
#define DRTRITON_EXECUTE_EVALUATOR_H_

#include <ATen/ATen.h>

#include <functional>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "graph/program.h"

namespace drtriton {

enum class Precision : uint8_t { kUser, kFloat64 };
using TensorMap = std::unordered_map<ValueId, at::Tensor>;

class EvaluationError : public std::runtime_error {
 public:
  EvaluationError(const std::string& what, bool out_of_memory) : std::runtime_error(what), out_of_memory_(out_of_memory) {}
  bool out_of_memory() const { return out_of_memory_; }

 private:
  bool out_of_memory_;
};

struct EvaluateOptions {
  Precision precision = Precision::kUser;
  std::unordered_set<ValueId> keep;    // values of interest; the Program's results when empty
  // Stands in for these values whenever a node has computed them (random operators, frozen decisions).
  const TensorMap* replace = nullptr;
  // Values of nodes that need not be computed again.
  const TensorMap* known = nullptr;
  // Called on each floating leaf and each value that a node computed; returns what to go on with.
  std::function<at::Tensor(ValueId, const Node* node, at::Tensor)> transform;
  // Called on each floating tensor argument of a node; returns what the node reads.
  std::function<at::Tensor(const Node&, ValueId, at::Tensor)> transform_argument;
};

class Evaluator {
 public:
  // `before` is called before each evaluation of a Program.
  explicit Evaluator(at::Device device, std::function<void()> before = {}) : device_(device), before_(std::move(before)) {}
  at::Device device() const { return device_; }

  // `leaves` has a tensor for every leaf that a needed node reads (any device and strides).
  TensorMap Evaluate(const Program& program, const TensorMap& leaves, const EvaluateOptions& options) const;

  // One operator; results in the order of Node::outputs (lists are flattened).
  std::vector<at::Tensor> Call(const std::string& op, const AttrList& args,
                               const std::function<at::Tensor(ValueId)>& tensor, Precision precision) const;

 private:
  std::vector<at::Tensor> CallOn(at::Device device, const std::string& op, const AttrList& args,
                                 const std::function<at::Tensor(ValueId)>& tensor, Precision precision) const;

  at::Device device_;
  std::function<void()> before_;
};

// Sets libtorch's switches to those the user's module was run with.
void ApplyContext(const RunContext& context);

// Whether a node draws random numbers (dropout that is off does not).
bool DrawsRandomNumbers(const Node& node);
// The results of such nodes.
std::unordered_set<ValueId> RandomValues(const Program& program);

// Whether a node's result jumps while its floating inputs move smoothly: comparisons, rounding, arg-reductions, casts to
// integers.
bool Jumps(const Program& program, const Node& node);

// Whether a node only moves, selects or negates: its results carry no rounding of their own.
bool IsExact(const Node& node);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_EVALUATOR_H_
