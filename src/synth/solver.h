// The constraint problem of one wiring: element types, ranks, cases and sizes that fit together.
//
// Four layers of variables, each in node order: element types (and the numeric arguments they depend on), ranks, cases,
// sizes.  Every variable is drawn from its own weights; what cannot be completed is discarded and drawn again without it.
// That is backtracking in a fixed order with values in random order, and its first solution has exactly the law
//   P(x) = product over variables of weight(x_i) / sum of the weights of the values of x_i that can be completed,
// since discarding draws that cannot be completed is rejection sampling (docs/csp_dag.md has the proof).  Pruning cuts
// only what cannot be completed and so does not change the law.
#ifndef DRTRITON_SYNTH_SOLVER_H_
#define DRTRITON_SYNTH_SOLVER_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "synth/operator_space.h"
#include "synth/random.h"
#include "synth/size_problem.h"
#include "synth/wiring.h"

namespace drtriton {

// A tensor that is there already, whose shape and type are no longer open.
struct GivenTensor {
  ElementType type = ElementType::kReal;
  Shape shape;
  int64_t bound = 0;  // of kIndex: positions lie below it
};

// One node of a solution.  Made to be used again: what is unset keeps its memory.
struct SolvedNode {
  int scalars = 0;     // index into OperatorForm::scalars
  int shape_case = 0;  // index into OperatorForm::cases
  std::array<ElementType, kMaxSlots> slot_types = {};
  std::array<ElementType, kMaxResults> result_types = {};
  std::array<Shape, kMaxSlots> slot_shapes;
  std::array<Shape, kMaxResults> result_shapes;
  std::array<int64_t, kMaxResults> bounds = {};        // of kIndex results
  std::array<int64_t, kMaxSlots> index_limits = {};    // of fresh kIndex slots; 0: none
  std::array<int8_t, kMaxSlots> shared = {-1, -1, -1};  // fresh slots: the number of the fresh tensor (equal: one tensor)
  std::vector<int64_t> letters;                        // sizes of the case's letters

  // Of what a search adds to: positions and shared tensors.
  void Clear() {
    bounds.fill(0);
    index_limits.fill(0);
    shared.fill(-1);
  }
};

struct Solution {
  std::vector<SolvedNode> nodes;
  int fresh = 0;  // number of distinct fresh tensors
};

struct SolverOptions {
  SizeMenu menu;
  double shared_input = 0.25;  // probability that a fresh tensor is an earlier one of its type and rank, where that fits
};

// Sources with node = kGivenNode name given tensors by `result`.
inline constexpr int8_t kGivenNode = -2;

enum class SolveResult : uint8_t { kSolved, kInfeasible, kGaveUp };

// Draws a solution.  kInfeasible: there is none; kGaveUp: the sizes' search was cut short (never seen within the limits
// of the sampler; counted by its tests).
SolveResult Solve(const Wiring& wiring, const SolverOptions& options, Random& random, Solution& solution,
                  std::span<const GivenTensor> given = {});

// The weight of an element type for a fresh tensor: "fresh inputs by a stated law".
double FreshTypeWeight(ElementType type);
double FreshRankWeight(int rank);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SOLVER_H_
