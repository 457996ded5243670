// Composition: the chosen proposals for a whole Program with the glue between them.
#ifndef DRTRITON_CORE_COMPOSITION_H_
#define DRTRITON_CORE_COMPOSITION_H_

#include <string>
#include <variant>
#include <vector>

#include "core/fragment.h"
#include "core/launch_plan.h"
#include "core/proposal.h"
#include "core/verdict.h"

namespace drtriton {

// A fragment carried out by verified kernels.
struct KernelStep {
  Fragment fragment;
  Proposal proposal;
  LaunchPlan plan;
  Verdict verdict;
  std::string kind = {};   // the TriedCandidate::kind of the candidates it was chosen from; empty when it was not
};

// One node of the Program carried out by PyTorch: a view, or an operator that no kernel of ours beats or covers.
struct TorchStep {
  int32_t node = -1;
  std::string why;   // for the report: "view", "no template covers aten.sort.default", "cuDNN was faster: 0.21 ms against 0.34 ms"
};

// How one region of the Program was decided, and between what.
struct RegionSummary {
  std::string name;                   // "f03_linear_gelu"
  std::vector<int32_t> nodes;         // of Composition::program
  std::vector<std::string> options;   // labels of the ways that were considered, the fused one first
  std::string chosen;                 // one of `options`
  std::string why;                    // one clause with the figures that decided; may be empty
};

// A candidate that was judged on the way, kept or not.
struct TriedCandidate {
  // Equal for fragments that are the same computation up to names: one set of candidates serves all steps of a kind,
  // whatever their ids.
  std::string kind;
  std::string fragment;               // Fragment::id of the first of its kind, for which it was judged
  Proposal proposal;
  Verdict verdict;
};

using CompositionStep = std::variant<KernelStep, TorchStep>;

struct Composition {
  Program program;
  std::vector<CompositionStep> steps;   // in an order in which they can run; every node of the Program in exactly one,
                                        // but view nodes that only fragments read may be absent (a fragment then starts
                                        // from the view's base)
  bool HasKernels() const;
};

}  // namespace drtriton

#endif  // DRTRITON_CORE_COMPOSITION_H_
