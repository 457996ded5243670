// What a language model answers: a short plan, then the complete Triton source.
//
//   results: f32[2, 4]
//   kernel: linear_gelu_kernel
//   family: matmul
//   fuses: linear, gelu
//   tile: BLOCK_M=16, BLOCK_N=32, BLOCK_K=32
//   warps: 4
//   stages: 3
//   numerics: tf32x3: three TF32 products, as accurate as fp32
//   why: bound by memory
//
// `results` are the types and layouts of what `launch` returns; then come the kernels in the order in which they are
// launched.  Lines whose value would be empty are left out, the others always stand in this order.  docs/policy.md.
// Canonical: equal plans have equal texts, and parsing a text gives the plan back.
#ifndef DRTRITON_LANGUAGE_ANSWER_H_
#define DRTRITON_LANGUAGE_ANSWER_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/fragment.h"
#include "core/proposal.h"

namespace drtriton {

// A plan in words.  What only a cost model knows (KernelPlan::estimated_us) is not among them and 0 here.
struct AnswerPlan {
  std::vector<std::string> results;   // "f32[2, 4]{1, 2}" (graph/program_python.h TypeText), as `launch` returns them
  std::vector<KernelPlan> kernels;
};

struct Answer {
  AnswerPlan plan;
  std::string source;   // a Python file with `launch` (core/proposal.h)
};

// White space within a text of the proposal becomes single spaces.
Answer AnswerOf(const Fragment& fragment, const Proposal& proposal);

std::string PlanText(const AnswerPlan& plan);
// Throws UserError naming the line that is not understood, or does not stand where it belongs.
AnswerPlan ParsePlan(std::string_view text);

// A proposal with the plan's kernels.
Proposal ToProposal(const Answer& answer, std::string proposer);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_ANSWER_H_
