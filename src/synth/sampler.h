// Sampler: draws programs of K operators from the operator registry by a stated law (docs/csp_dag.md).
//
// Sample number `index` of a seed depends on nothing else, so any number of threads, in any order, gives the same
// samples.  A Sampler is immutable once made: Draw() may be called from any thread.  Making one reads the whole
// registry (0.3 s of CPU time); share it.
#ifndef DRTRITON_SYNTH_SAMPLER_H_
#define DRTRITON_SYNTH_SAMPLER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"
#include "graph/registry.h"
#include "graph/leaf_fill.h"

namespace drtriton {

enum class SizeClass : uint8_t {
  kTiny,   // runs on a CPU under Triton's interpreter: no tensor above 4,096 elements
  kReal,   // loads a GPU: the largest tensor has 2^16 to 2^25 elements
  kMixed,  // a scale between the two, drawn for each program
};
std::string_view Name(SizeClass size);  // "tiny"

enum class OperatorLaw : uint8_t {
  kUniform,  // the operator sequence is uniform over all feasible ones (up to five operators)
  kUsage,    // operators follow those before them as in real modules (SamplerOptions::next_weight)
};
std::string_view Name(OperatorLaw law);  // "uniform"

struct SamplerOptions {
  int ops = 1;                         // K, 1 to 64
  std::vector<std::string> operators;  // only these: "relu", "aten.relu", "aten.relu.default"; empty: the whole space
  std::vector<OpKind> kinds;           // only operators of these kinds; empty: all
  SizeClass size = SizeClass::kMixed;
  OperatorLaw law = OperatorLaw::kUniform;
  // For kUsage: the weight of `next` (an index into SampledOperators()) after `previous`, the operators before it in
  // order; called from any thread.  Weights are compared with each other only; all 0 counts as uniform.
  std::function<double(const std::vector<int>& previous, int next)> next_weight;

  int depth = 0;  // nodes on the longest path, glue not counted; 0: any
  int width = 0;  // most nodes at one distance from the inputs; 0: any
  // A roofline estimate of the program (each node alone, from memory) within a factor of 1.5 of this; 0: the size class
  // decides.
  double target_us = 0;
  double target_bytes = 0;
  // Limits of the whole program; 0: none beyond the size class.
  double most_bytes = 0;      // moved, each operator alone
  double most_flops = 0;
  int64_t most_elements = 0;  // of any tensor
  double device_bytes_per_us = 4.0e6;  // of the roofline: an H200's memory and its TF32 units
  double device_flops_per_us = 4.0e8;

  double glue = 0.15;               // probability of glue at each place where it can stand
  double one_output = 0.8;          // probability of a single sink, where more are possible
  double low_precision = 0.25;      // probability that floats are bfloat16 or float16 instead of float32
  double parameter = 0.25;          // probability that a fresh tensor beside another operand is a parameter
  double shared_input = 0.25;       // probability that a fresh tensor is one that is there already, where one fits
  bool every_operator_once = false;  // no operator twice
};

struct Sample {
  Program program;
  int ops = 0;                         // K; glue is not counted
  uint64_t seed = 0;
  uint64_t index = 0;
  std::string law;                     // "uniform", "usage"; "uniform-sequential" and "usage-sequential" above five
  double log_weight = 0;               // natural logarithm of the probability with which the law draws operators and
                                       // wiring, where it is known (docs/csp_dag.md); 0 under "uniform"
  std::vector<std::string> operators;  // registry names in node order, glue left out: "aten.relu.default"
  // One for each leaf, in order of Program::Leaves(): fills under which values stay finite and spread.  kDefault for a
  // parameter or buffer means what PyTorch's own layer would hold.
  std::vector<LeafFill> leaves;
};

// Names of all registry entries in the space, in the registry's order.
const std::vector<std::string>& SampledOperators();

class Sampler {
 public:
  // Throws UserError: an unknown operator, one outside the space (with the reason), ops out of range, no feasible
  // program (three argmax: an index is no tensor of numbers, so it cannot be searched again).
  explicit Sampler(SamplerOptions options);
  ~Sampler();
  Sampler(Sampler&&) noexcept;
  Sampler& operator=(Sampler&&) noexcept;

  Sample Draw(uint64_t seed, uint64_t index) const;

  const SamplerOptions& options() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SAMPLER_H_
