// Proposal: a readable plan and the Triton source that carries it out.
#ifndef DRTRITON_CORE_PROPOSAL_H_
#define DRTRITON_CORE_PROPOSAL_H_

#include <string>
#include <utility>
#include <vector>

#include "base/json.h"

namespace drtriton {

// What one kernel of a proposal does.  Everything here is shown to the user as a comment above the kernel.
struct KernelPlan {
  std::string name;                 // the @triton.jit function
  std::string family;               // "pointwise", "row", "matmul", ...
  std::vector<std::string> fuses;   // operators in order: "linear", "gelu"
  std::vector<std::pair<std::string, int64_t>> tile;  // ("BLOCK_M", 128), ...
  int num_warps = 4;
  int num_stages = 1;
  std::string numerics;             // "fp32", "tf32x3", "bf16 inputs, fp32 accumulation"
  std::string why;                  // one sentence: what bounds it and why this schedule
  double estimated_us = 0;          // the cost model's time
};

struct Proposal {
  std::string proposer;             // "templates", "model", "endpoint", "user"
  std::vector<KernelPlan> kernels;
  // A whole Python file: imports torch, triton, triton.language as tl; @triton.jit kernels; and
  //   def launch(<one tensor per fragment input, in order>): ... return (<one tensor per fragment result, in order>,)
  // A user's candidate module (proposer "user") defines ModelNew instead.
  std::string source;
  double estimated_us = 0;          // sum over kernels plus launch gaps
  // What was done to the fragment's operators before the kernels were written, by name (src/rewrite); usually nothing.
  std::vector<std::string> rewrites;
};

Json ToJson(const Proposal& proposal);
Proposal ProposalFromJson(const Json& json);

}  // namespace drtriton

#endif  // DRTRITON_CORE_PROPOSAL_H_
