// The reading goes from the products outwards: sort their axes into batch, m, n and k, check that what is in front of
// them depends on no axis that their operands lack, then give every store to the group whose axes it has.
#include "templates/matmul_problem.h"

#include <algorithm>
#include <set>

#include "templates/cost.h"
#include "templates/expression.h"

namespace drtriton {
namespace {

bool Contains(const AxisList& list, AxisId axis) { return std::find(list.begin(), list.end(), axis) != list.end(); }

bool IsSubset(const AxisList& part, const AxisList& whole) {
  return std::all_of(part.begin(), part.end(), [&](AxisId axis) { return Contains(whole, axis); });
}

AxisList Join(AxisList a, const AxisList& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool SameAccess(const Access& a, const Access& b) {
  return a.tensor == b.tensor && a.axes == b.axes && a.strides == b.strides && a.offset == b.offset;
}

// Whether two nodes compute the same value: the same node, or loads and functions that agree all the way down.
bool SameValue(const Lowered& lowered, NodeId left, NodeId right) {
  if (left == right) return true;
  const LoweredNode& a = lowered.node(left);
  const LoweredNode& b = lowered.node(right);
  if (a.kind != b.kind || a.dtype != b.dtype || a.axes != b.axes || a.function != b.function) return false;
  if (a.operands.size() != b.operands.size() || a.kind == LoweredKind::kMatmul) return false;
  if (a.kind == LoweredKind::kLoad && !(SameAccess(a.access, b.access) && a.index_strides == b.index_strides && a.guards == b.guards)) {
    return false;
  }
  if (a.kind == LoweredKind::kConstant) return a.constant == b.constant;
  if (a.kind == LoweredKind::kIndex) return a.start == b.start && a.step == b.step;
  for (size_t i = 0; i < a.operands.size(); ++i) {
    if (!SameValue(lowered, a.operands[i], b.operands[i])) return false;
  }
  return true;
}

// All nodes that `root` needs, itself included, stopping at matrix products (which are included, not entered).
std::set<NodeId> Needs(const Lowered& lowered, NodeId root) {
  std::set<NodeId> seen;
  std::vector<NodeId> open{root};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (!seen.insert(id).second) continue;
    const LoweredNode& node = lowered.node(id);
    if (node.kind == LoweredKind::kMatmul) continue;
    open.insert(open.end(), node.operands.begin(), node.operands.end());
  }
  return seen;
}

int64_t StrideOf(const Access& access, AxisId axis) {
  int64_t stride = 0;
  for (size_t i = 0; i < access.axes.size(); ++i) {
    if (access.axes[i] == axis) stride += access.strides[i];
  }
  return stride;
}

// The stride of the row-major product of `axes`, where one number can express it.
std::optional<int64_t> SingleStride(const Lowered& lowered, const Access& access, const AxisList& axes) {
  if (axes.empty()) return 0;
  int64_t expected = StrideOf(access, axes.back());
  const int64_t innermost = expected;
  for (size_t i = axes.size(); i-- > 0;) {
    if (StrideOf(access, axes[i]) != expected) return std::nullopt;
    expected *= lowered.size(axes[i]);
  }
  return innermost;
}

// What TMA asks for: 16-byte aligned rows and start, no overlap of rows.
bool IsAligned(const MatrixView& view, DType dtype) {
  const int64_t bytes = ElementBytes(dtype);
  return view.row_stride * bytes % 16 == 0 && view.offset * bytes % 16 == 0 && view.row_stride >= view.columns &&
         view.rows < (int64_t{1} << 31) && view.row_stride * bytes < (int64_t{1} << 40);
}

// The load as a matrix over (batch, outer) x inner; nullopt where its strides do not form one.
std::optional<MatrixView> MatrixOver(const Lowered& lowered, const LoweredNode& load, const AxisList& batch,
                                     const AxisList& outer, const AxisList& inner) {
  const Access& access = load.access;
  const auto inner_stride = SingleStride(lowered, access, inner);
  const auto row_stride = SingleStride(lowered, access, Join(batch, outer));
  if (!inner_stride || !row_stride || *inner_stride != 1) return std::nullopt;
  MatrixView view{.tensor = access.tensor, .offset = access.offset};
  view.rows_per_batch = lowered.Product(outer);
  view.rows = lowered.Product(batch) * view.rows_per_batch;
  view.columns = lowered.Product(inner);
  view.row_stride = view.rows == 1 ? view.columns : *row_stride;
  if (!IsAligned(view, load.dtype)) return std::nullopt;
  return view;
}

// `own` is the operand's other dimension: m for A, n for B.
MatmulOperand ReadOperand(const Lowered& lowered, NodeId id, const AxisList& batch, const AxisList& own,
                          const AxisList& k) {
  MatmulOperand operand{.node = id};
  const LoweredNode& node = lowered.node(id);
  operand.plain = node.kind == LoweredKind::kLoad && node.operands.empty();   // addresses are strides alone
  for (NodeId needed : Needs(lowered, id)) {
    const LoweredNode& part = lowered.node(needed);
    if (part.kind == LoweredKind::kPointwise) operand.scalar_cost += FunctionCost(part.function);
    if (part.kind != LoweredKind::kLoad) continue;
    operand.bytes += AccessBytes(lowered, part.access);
    const auto along_k = SingleStride(lowered, part.access, k);
    if (part.axes.size() == node.axes.size()) operand.k_contiguous = along_k && *along_k == 1;
  }
  if (!operand.plain) return operand;
  operand.matrix = MatrixOver(lowered, node, batch, own, k);
  if (!operand.matrix) {
    operand.matrix = MatrixOver(lowered, node, batch, k, own);
    if (operand.matrix) operand.matrix->k_is_row = true;
  }
  return operand;
}

// Moves batch axes that one operand does not depend on to the other operand's own dimension.
void FoldBatch(const Lowered& lowered, const LoweredNode& product, MatmulProblem& problem, AxisList& n_axes) {
  const AxisList& a = lowered.node(product.operands[0]).axes;
  const AxisList& b = lowered.node(product.operands[1]).axes;
  AxisList only_a, only_b;
  for (AxisId axis : product.batch_axes) {
    if (!Contains(b, axis)) {
      only_a.push_back(axis);
    } else if (!Contains(a, axis)) {
      only_b.push_back(axis);
    } else {
      problem.batch_axes.push_back(axis);
    }
  }
  problem.m_axes = Join(only_a, product.m_axes);
  n_axes = Join(only_b, product.n_axes);
  problem.k_axes = product.k_axes;
}

// The type in which the operands meet: that of the product, or the 16-bit type of loads that were only widened (their
// products are exact in float32 either way).
DType ProductType(const Lowered& lowered, const LoweredNode& product) {
  if (product.dtype != DType::kFloat32) return product.dtype;
  const LoweredNode& a = lowered.node(product.operands[0]);
  const LoweredNode& b = lowered.node(product.operands[1]);
  const bool loads = a.kind == LoweredKind::kLoad && b.kind == LoweredKind::kLoad;
  const bool narrow = a.dtype == DType::kBFloat16 || a.dtype == DType::kFloat16;
  return loads && narrow && a.dtype == b.dtype ? a.dtype : product.dtype;
}

std::optional<std::string> WhyNotProduct(const Lowered& lowered, const LoweredNode& product) {
  const DType dtype = product.dtype;
  if (dtype != DType::kFloat32 && dtype != DType::kFloat16 && dtype != DType::kBFloat16) {
    return "the matmul template does not multiply " + std::string(Name(dtype));
  }
  if (lowered.Product(product.axes) == 0 || lowered.Product(product.k_axes) == 0) return "an empty matrix product";
  for (NodeId operand : product.operands) {
    for (NodeId id : Needs(lowered, operand)) {
      if (lowered.node(id).kind == LoweredKind::kMatmul) return "a matrix product of another one's result";
    }
  }
  return std::nullopt;
}

// What the operand depends on must be loop dimensions of the product.
bool OperandFits(const Lowered& lowered, NodeId operand, const AxisList& allowed) {
  for (NodeId id : Needs(lowered, operand)) {
    if (!IsSubset(lowered.node(id).axes, allowed)) return false;
  }
  return true;
}

// Adds the product to the group with its n axes, or opens one.  Returns the reason why it does not fit the others.
std::optional<std::string> AddProduct(const Lowered& lowered, NodeId id, MatmulProblem& problem) {
  const LoweredNode& product = lowered.node(id);
  if (auto reason = WhyNotProduct(lowered, product)) return reason;
  MatmulProblem mine;
  AxisList n_axes;
  FoldBatch(lowered, product, mine, n_axes);
  if (problem.groups.empty()) {
    problem.batch_axes = mine.batch_axes, problem.m_axes = mine.m_axes, problem.k_axes = mine.k_axes;
    problem.n = lowered.Product(n_axes);
    problem.dtype = ProductType(lowered, product);
    problem.a.node = product.operands[0];
  } else if (mine.batch_axes != problem.batch_axes || mine.m_axes != problem.m_axes || mine.k_axes != problem.k_axes ||
             ProductType(lowered, product) != problem.dtype || product.convolution != problem.convolution ||
             !SameValue(lowered, product.operands[0], problem.a.node)) {
    return "matrix products of different left operands";
  } else if (lowered.Product(n_axes) != problem.n) {
    return "matrix products of different widths";
  }
  if (!OperandFits(lowered, product.operands[0], Join(Join(problem.batch_axes, problem.m_axes), problem.k_axes)) ||
      !OperandFits(lowered, product.operands[1], Join(Join(problem.batch_axes, problem.k_axes), n_axes))) {
    return "an operand that depends on more than its product";
  }
  auto group = std::find_if(problem.groups.begin(), problem.groups.end(),
                            [&](const MatmulGroup& g) { return g.n_axes == n_axes; });
  if (group == problem.groups.end()) {
    problem.groups.push_back({.n_axes = n_axes});
    group = problem.groups.end() - 1;
  }
  group->anchors.push_back(
      {.node = id, .b = ReadOperand(lowered, product.operands[1], problem.batch_axes, n_axes, problem.k_axes)});
  return std::nullopt;
}

// Gives the store to its group; the reason when no group can write it.
std::optional<std::string> AddStore(const Lowered& lowered, size_t index, MatmulProblem& problem) {
  const LoweredStore& store = lowered.stores[index];
  const std::set<NodeId> needed = Needs(lowered, store.node);
  for (MatmulGroup& group : problem.groups) {
    const AxisList all = Join(Join(problem.batch_axes, problem.m_axes), group.n_axes);
    const bool fits =
        IsSubset(store.access.axes, all) && IsSubset(all, store.access.axes) &&
        std::all_of(needed.begin(), needed.end(), [&](NodeId id) { return IsSubset(lowered.node(id).axes, all); });
    const bool reads_group = std::any_of(group.anchors.begin(), group.anchors.end(),
                                         [&](const MatmulAnchor& anchor) { return needed.count(anchor.node) != 0; });
    if (!fits || !reads_group) continue;
    group.stores.push_back(index);
    problem.epilogue_bytes += AccessBytes(lowered, store.access);
    problem.result_bytes = std::max(problem.result_bytes, ElementBytes(lowered.TensorType(store.access.tensor)));
    for (NodeId id : needed) {
      const LoweredNode& node = lowered.node(id);
      if (node.kind == LoweredKind::kLoad) problem.epilogue_bytes += AccessBytes(lowered, node.access);
      if (node.kind == LoweredKind::kPointwise) problem.epilogue_cost += FunctionCost(node.function);
    }
    return std::nullopt;
  }
  return "a result that is not shaped like the matrix product";
}

}  // namespace

int MatmulProblem::AnchorCount() const {
  int count = 0;
  for (const MatmulGroup& group : groups) count += static_cast<int>(group.anchors.size());
  return count;
}

std::vector<const MatmulAnchor*> MatmulProblem::Anchors() const {
  std::vector<const MatmulAnchor*> anchors;
  for (const MatmulGroup& group : groups) {
    for (const MatmulAnchor& anchor : group.anchors) anchors.push_back(&anchor);
  }
  return anchors;
}

double MatmulProblem::OperandBytes() const {
  double bytes = a.bytes;
  for (const MatmulAnchor* anchor : Anchors()) bytes += anchor->b.bytes;
  return bytes;
}

std::variant<MatmulProblem, std::string> ReadMatmul(const Lowered& lowered) {
  const std::vector<NodeId> products = lowered.OfKind(LoweredKind::kMatmul);
  if (products.empty()) return "no matrix product";
  if (products.size() > 4) return "more than four matrix products";
  if (lowered.Has(LoweredKind::kReduce)) return "a reduction beside a matrix product";
  if (lowered.Has(LoweredKind::kScan)) return "a scan beside a matrix product";
  if (lowered.Has(LoweredKind::kWindow)) return "a convolution or pooling beside a matrix product";
  MatmulProblem problem{.lowered = &lowered};
  problem.convolution = lowered.node(products.front()).convolution;
  problem.tf32_allowed = problem.convolution ? lowered.ConvolutionsMayUseTf32() : lowered.context().matmul_tf32;
  for (NodeId id : products) {
    if (auto reason = AddProduct(lowered, id, problem)) return *reason;
  }
  for (size_t i = 0; i < lowered.stores.size(); ++i) {
    if (auto reason = AddStore(lowered, i, problem)) return *reason;
  }
  for (const MatmulGroup& group : problem.groups) {
    if (group.stores.empty()) return "a matrix product that no result is shaped like";
  }
  problem.batch = lowered.Product(problem.batch_axes);
  problem.m = lowered.Product(problem.m_axes);
  problem.k = lowered.Product(problem.k_axes);
  problem.a = ReadOperand(lowered, problem.a.node, problem.batch_axes, problem.m_axes, problem.k_axes);
  return problem;
}

}  // namespace drtriton
