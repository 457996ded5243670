// The attention family: softmax(f(q k^T)) v in one pass over the keys, whatever scalar work f is (scale, mask, bias,
// causality), without storing the scores.
//
// A program keeps a block of queries and walks along the keys.  For each query it carries the largest score so far, the
// sum of exponentials and the sum of weighted values, and rescales both sums when the largest grows (online softmax).
// Recognised in the lowered form, so F.scaled_dot_product_attention and attention written by hand are the same.
#ifndef DRTRITON_TEMPLATES_ATTENTION_H_
#define DRTRITON_TEMPLATES_ATTENTION_H_

#include <string>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/lowered.h"
#include "templates/precision.h"
#include "templates/source.h"

namespace drtriton {

struct AttentionProblem {
  const Lowered* lowered = nullptr;
  NodeId scores = -1, logits = -1, largest = -1, total = -1, result = -1;   // q k^T, f of it, the two reductions, the product with v
  // Axes of the result: batch x queries x values; of the scores: batch x queries x keys; `head` is summed over in them.
  AxisList batch, queries, keys, head, values;
  int64_t batch_count = 1, query_count = 1, key_count = 1, head_size = 1, value_size = 1;
  DType dtype = DType::kFloat32;      // in which the products' operands enter
  Precision precision = Precision::kNative;
  bool guarded = false;               // a query without any key gives 0 instead of NaN
  bool causal = false;                // keys behind query + causal_offset do not count
  int64_t causal_offset = 0;
};

// The problem, or why the fragment is none: a clause.
std::variant<AttentionProblem, std::string> ReadAttention(const Lowered& lowered);

struct AttentionSchedule {
  int64_t block_m = 128, block_n = 64;   // queries and keys of a step
  int num_warps = 8, num_stages = 2;
  double estimated_us = 0;
};

// Best estimate first.
std::vector<AttentionSchedule> AttentionSchedules(const AttentionProblem& problem, const DeviceSpec& device);
// attention_source.cc
void AppendAttention(const AttentionProblem& problem, const AttentionSchedule& schedule, const DeviceSpec& device,
                     ModuleSource& module, Proposal& proposal);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_ATTENTION_H_
