// The attention family's problem and schedules, and the family itself.  See attention.h.
#include "templates/attention.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "templates/blocks.h"
#include "templates/cost.h"
#include "templates/family.h"
#include "templates/layout.h"

namespace drtriton {
namespace {

constexpr int64_t kLargestHead = 256;
constexpr int64_t kPackedQueries = 64;    // shorter runs of queries share a block with those of other heads
constexpr double kReachedShare = 0.62;    // of the measured product rate that the loop reaches: exponentials are between

bool SameSet(const AxisList& a, const AxisList& b) { return a.size() == b.size() && Without(a, b).empty(); }

bool IsMinusInfinity(const LoweredNode& node) {
  return node.kind == LoweredKind::kConstant && std::isinf(node.constant.AsDouble()) && node.constant.AsDouble() < 0;
}

class Reader {
 public:
  explicit Reader(const Lowered& lowered) : lowered_(lowered) { problem_.lowered = &lowered; }

  std::variant<AttentionProblem, std::string> Run() {
    std::vector<NodeId> products = lowered_.OfKind(LoweredKind::kMatmul);
    if (products.size() != 2 || lowered_.OfKind(LoweredKind::kReduce).size() != 2) return "it is no attention";
    if (lowered_.Has(LoweredKind::kScan) || lowered_.Has(LoweredKind::kWindow)) return "it is no attention";
    problem_.scores = products[0];
    problem_.result = products[1];
    if (!MatchSoftmax()) return "its products do not enclose a softmax";
    if (!MatchAxes()) return "the softmax between its products runs over something else than the keys";
    if (problem_.head_size > kLargestHead || problem_.value_size > kLargestHead) {
      return "its heads are wider than " + std::to_string(kLargestHead);
    }
    if (!MatchOperands()) return "an operand of its products is computed from another product";
    for (const LoweredStore& store : lowered_.stores) {
      AxisList all = Joined({problem_.batch, problem_.queries, problem_.values});
      if (!SameSet(store.access.axes, all) || !Below(store.node, {problem_.result})) return "it has results beside the attention's";
    }
    MatchCausality();
    return problem_;
  }

 private:
  const LoweredNode& At(NodeId id) const { return lowered_.node(id); }

  static AxisList Joined(const std::vector<AxisList>& lists) {
    AxisList all;
    for (const AxisList& list : lists) all.insert(all.end(), list.begin(), list.end());
    return all;
  }

  // Whether only scalar work stands between `id` and `ends`, loads and constants.
  bool Below(NodeId id, const std::set<NodeId>& ends) const {
    if (ends.count(id) != 0) return true;
    const LoweredNode& node = At(id);
    if (node.kind == LoweredKind::kReduce || node.kind == LoweredKind::kMatmul) return false;
    return std::all_of(node.operands.begin(), node.operands.end(), [&](NodeId operand) { return Below(operand, ends); });
  }

  // exp(logits - largest) / total, with or without guards for queries that see no key.
  bool MatchSoftmax() {
    const LoweredNode& share = At(At(problem_.result).operands[0]);
    if (share.function != "div") return false;
    const LoweredNode& exponential = At(share.operands[0]);
    if (exponential.function != "exp" && exponential.function != "exp_fast") return false;
    const LoweredNode& difference = At(exponential.operands[0]);
    if (difference.function != "sub") return false;
    problem_.logits = difference.operands[0];
    problem_.total = MatchGuard(share.operands[1], "eq", &problem_.guarded);
    bool shift_guarded = false;
    problem_.largest = MatchGuard(difference.operands[1], "isinf", &shift_guarded);
    const LoweredNode &total = At(problem_.total), &largest = At(problem_.largest);
    if (total.kind != LoweredKind::kReduce || total.function != "sum" || total.operands[0] != share.operands[0]) return false;
    if (largest.kind != LoweredKind::kReduce || largest.function != "max_number" || largest.operands[0] != problem_.logits) return false;
    return Below(problem_.logits, {problem_.scores});
  }

  // where(test(x), constant, x) as x.
  NodeId MatchGuard(NodeId id, const std::string& test, bool* guarded) const {
    const LoweredNode& node = At(id);
    if (node.function != "where" || At(node.operands[0]).function != test) return id;
    *guarded = true;
    return node.operands[2];
  }

  bool MatchAxes() {
    const LoweredNode &scores = At(problem_.scores), &result = At(problem_.result);
    problem_.keys = scores.n_axes;
    problem_.head = scores.k_axes;
    problem_.values = result.n_axes;
    problem_.queries = Common(scores.m_axes, result.m_axes);
    if (!SameSet(problem_.keys, result.k_axes) || !SameSet(problem_.keys, At(problem_.largest).reduced)) return false;
    if (!SameSet(problem_.keys, At(problem_.total).reduced) || problem_.head.empty() || problem_.values.empty()) return false;
    // Heads that share keys and values lie among the queries; long runs of queries are blocked by themselves.
    if (!problem_.queries.empty() && lowered_.size(problem_.queries.back()) >= kPackedQueries) problem_.queries = {problem_.queries.back()};
    problem_.batch = Without(result.axes, Joined({problem_.queries, problem_.values}));
    size_t known = problem_.batch.size() + problem_.queries.size() + problem_.keys.size() + problem_.head.size() + problem_.values.size();
    if (known != lowered_.axes.size()) return false;
    problem_.batch_count = lowered_.Product(problem_.batch);
    problem_.query_count = lowered_.Product(problem_.queries);
    problem_.key_count = lowered_.Product(problem_.keys);
    problem_.head_size = lowered_.Product(problem_.head);
    problem_.value_size = lowered_.Product(problem_.values);
    return true;
  }

  bool MatchOperands() {
    const LoweredNode &scores = At(problem_.scores), &result = At(problem_.result);
    for (NodeId operand : {scores.operands[0], scores.operands[1], result.operands[1]}) {
      DType type = At(operand).dtype;
      if (!IsFloating(type) || type == DType::kFloat64 || !Below(operand, {})) return false;
      if (operand != scores.operands[0] && type != problem_.dtype) type = DType::kFloat32;
      problem_.dtype = type;
    }
    const bool narrow = problem_.dtype != DType::kFloat32;
    problem_.precision = narrow ? Precision::kNative : lowered_.context().matmul_tf32 ? Precision::kTf32 : Precision::kTf32x3;
    return true;
  }

  // where(query + a >= key + b, ..., -inf)
  void MatchCausality() {
    const LoweredNode& logits = At(problem_.logits);
    if (logits.function != "where" || !IsMinusInfinity(At(logits.operands[2]))) return;
    const LoweredNode& test = At(logits.operands[0]);
    if (test.function != "ge" && test.function != "le") return;
    const LoweredNode& query = At(test.operands[test.function == "ge" ? 0 : 1]);
    const LoweredNode& key = At(test.operands[test.function == "ge" ? 1 : 0]);
    if (query.kind != LoweredKind::kIndex || key.kind != LoweredKind::kIndex || query.step != 1 || key.step != 1) return;
    if (query.axes != problem_.queries || key.axes != problem_.keys || problem_.queries.size() != 1) return;
    problem_.causal = true;
    problem_.causal_offset = query.start - key.start;
  }

  const Lowered& lowered_;
  AttentionProblem problem_;
};

int64_t PaddedSize(int64_t size) { return std::max<int64_t>(16, NextPowerOfTwo(size)); }

bool Fits(const AttentionProblem& problem, const AttentionSchedule& schedule, const DeviceSpec& device) {
  int64_t head = PaddedSize(problem.head_size), value = PaddedSize(problem.value_size), element = ElementBytes(problem.dtype);
  int64_t shared = schedule.num_stages * schedule.block_n * (head + value) * element + schedule.block_m * head * element;
  int64_t copies = problem.precision == Precision::kTf32x3 ? 2 : 1;   // operands split on their way
  int64_t per_thread = schedule.block_m * (value + schedule.block_n * copies) / (32 * schedule.num_warps);
  return shared <= device.shared_bytes_per_block * 9 / 10 && per_thread <= 192;
}

double EstimateTime(const AttentionProblem& problem, const AttentionSchedule& schedule, const DeviceSpec& device) {
  const double queries = static_cast<double>(CeilDiv(problem.query_count, schedule.block_m) * schedule.block_m);
  const double pairs = static_cast<double>(problem.batch_count * CeilDiv(problem.key_count, schedule.block_n) * schedule.block_n) *
                       queries * (problem.causal && problem.query_count > schedule.block_m ? 0.55 : 1.0);
  KernelCost cost;
  for (const Access* access : AllAccesses(*problem.lowered)) cost.bytes += AccessBytes(*problem.lowered, *access);
  cost.matmul_flops = 2 * pairs * static_cast<double>(PaddedSize(problem.head_size) + PaddedSize(problem.value_size));
  cost.matmul_flops_per_us = kReachedShare * device.MatmulFlopsPerUs(problem.dtype, problem.precision == Precision::kTf32);
  cost.flops = 14 * pairs;
  cost.num_warps = schedule.num_warps;
  cost.programs = problem.batch_count * CeilDiv(problem.query_count, schedule.block_m);
  cost.shared_bytes = schedule.num_stages * schedule.block_n * (PaddedSize(problem.head_size) + PaddedSize(problem.value_size)) * ElementBytes(problem.dtype);
  // Small steps have little to overlap; the queries of a block share what is read of the keys.
  double step = 1 + 16.0 / static_cast<double>(schedule.block_n) + 16.0 / static_cast<double>(std::min(schedule.block_m, NextPowerOfTwo(problem.query_count)));
  return EstimateUs(cost, device) * step;
}

AttentionProblem ProblemOn(const DeviceSpec& device, const Lowered& lowered) {
  AttentionProblem problem = std::get<AttentionProblem>(ReadAttention(lowered));
  if (!device.split_fp32 && problem.precision == Precision::kTf32x3) problem.precision = Precision::kIeee;
  return problem;
}

class AttentionFamily : public Family {
 public:
  std::string Name() const override { return "attention"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    auto read = ReadAttention(lowered);
    if (const auto* reason = std::get_if<std::string>(&read)) return *reason;
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    const AttentionProblem problem = ProblemOn(device, lowered);
    std::vector<Proposal> proposals;
    for (const AttentionSchedule& schedule : AttentionSchedules(problem, device)) {
      if (static_cast<int>(proposals.size()) >= max_count) break;
      ModuleSource module(lowered);
      Proposal proposal;
      proposal.proposer = "templates";
      AppendAttention(problem, schedule, device, module, proposal);
      proposal.source = module.Text(proposal.kernels.front().why);
      proposals.push_back(std::move(proposal));
    }
    return proposals;
  }

  void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const override {
    const AttentionProblem problem = ProblemOn(device, part);
    const std::vector<AttentionSchedule> schedules = AttentionSchedules(problem, device);
    AppendAttention(problem, schedules[std::min(choice, schedules.size() - 1)], device, module, proposal);
  }
};

}  // namespace

std::variant<AttentionProblem, std::string> ReadAttention(const Lowered& lowered) { return Reader(lowered).Run(); }

std::vector<AttentionSchedule> AttentionSchedules(const AttentionProblem& problem, const DeviceSpec& device) {
  const std::vector<AttentionSchedule> narrow = {{128, 128, 8, 2}, {128, 64, 4, 3}, {128, 64, 8, 3}, {64, 64, 4, 3}, {128, 32, 8, 3},
                                                 {64, 128, 4, 2}, {64, 32, 4, 3}, {32, 64, 4, 3}, {16, 64, 4, 3}, {16, 128, 4, 2}, {16, 32, 2, 2}};
  const std::vector<AttentionSchedule> wide = {{64, 64, 8, 2}, {128, 32, 8, 2}, {64, 32, 4, 2}, {32, 32, 4, 2}, {32, 64, 4, 2},
                                               {16, 64, 4, 2}, {16, 32, 2, 2}, {64, 32, 8, 1}, {16, 16, 4, 1}};
  std::vector<AttentionSchedule> schedules;
  const int64_t most_queries = std::max<int64_t>(16, NextPowerOfTwo(problem.query_count));
  const int64_t most_keys = std::max<int64_t>(16, NextPowerOfTwo(problem.key_count));
  auto add = [&](AttentionSchedule schedule, bool required) {
    schedule.block_m = std::min(schedule.block_m, most_queries);
    schedule.block_n = std::min(schedule.block_n, most_keys);
    bool known = std::any_of(schedules.begin(), schedules.end(), [&](const AttentionSchedule& other) {
      return other.block_m == schedule.block_m && other.block_n == schedule.block_n && other.num_warps == schedule.num_warps;
    });
    if (known || (!required && !Fits(problem, schedule, device))) return;
    schedule.estimated_us = EstimateTime(problem, schedule, device);
    schedules.push_back(schedule);
  };
  for (const AttentionSchedule& schedule : problem.precision == Precision::kNative ? narrow : wide) add(schedule, false);
  if (schedules.empty()) add({16, 16, 4, 1}, true);
  std::stable_sort(schedules.begin(), schedules.end(), [](const auto& a, const auto& b) { return a.estimated_us < b.estimated_us; });
  return schedules;
}

std::unique_ptr<Family> MakeAttentionFamily() { return std::make_unique<AttentionFamily>(); }

}  // namespace drtriton
