// Draft: the lowered graph while it is being built, and the primitive steps that operators decompose into.
//
// A Term is a value on its way: a node plus, for each dimension of the value, the product of axes it stands for.  Views
// make new Terms of the same node.  Steps throw Refusal where a fragment cannot be expressed; Lower() catches it.
#ifndef DRTRITON_TEMPLATES_DRAFT_H_
#define DRTRITON_TEMPLATES_DRAFT_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "templates/lower.h"
#include "templates/lowered.h"

namespace drtriton {

// Control flow of lowering alone; never leaves Lower().
struct Refusal {
  std::string reason;
};

// A strided window onto an input of the fragment.
struct LeafView {
  int32_t input = -1;
  Shape shape;
  Shape strides;
  int64_t offset = 0;
};

struct Term {
  NodeId node = -1;
  DType dtype = DType::kFloat32;
  std::vector<AxisList> dims;
  std::optional<LeafView> leaf;   // while only views stand between this and an input
  std::string unusable;           // non-empty: only a result may be made of it (a slice of a computed value); the reason

  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
};

class Draft {
 public:
  Draft(const Fragment& fragment, LeafReading reading) : fragment_(fragment), reading_(reading) {}

  const Program& program() const { return fragment_.program; }
  LeafReading reading() const { return reading_; }
  const Value& value(ValueId id) const { return program().value(id); }

  // Names given to nodes from now on: `base`, then base_1 ...; set to the value's name before each operator.  Decompositions
  // name their steps ("mean", "rstd"); the node that a value ends up as gets the value's name.
  void SetName(std::string base) { base_name_ = std::move(base); }

  // The term of a value: a new load for an input on first use, else what Define() stored.
  Term Get(ValueId id);
  Term Get(const Attr& argument) { return Get(argument.AsValue()); }
  void Define(ValueId id, Term term);

  Term Load(const LeafView& view);
  Term Literal(const Attr& value, DType dtype);
  // The dimensions that the operands have together, their axes unified.
  std::vector<AxisList> Broadcast(const std::vector<Term>& operands);
  // Makes dimension `dim` of both terms, which have to be of one size, run over the same axes.
  void Align(const Term& a, const Term& b, int64_t dim);
  // Index along dimension `dim` of `like`, as int64: start + step * index, in a shape that broadcasts against `like`.
  Term Index(const Term& like, int64_t dim, int64_t start, int64_t step);
  // `function` over broadcast operands, each cast to `compute` (by default the result's register type).
  Term Pointwise(const std::string& function, DType result, std::vector<Term> operands,
                 std::optional<DType> compute = std::nullopt);
  // where(condition, a, b): the condition is cast to bool, the others to `result`.
  Term Where(const Term& condition, const Term& a, const Term& b, DType result);
  Term Cast(const Term& term, DType dtype);
  // Reduced dimensions are kept with size 1 when `keep`.  argmax and argmin give the row-major position in them.
  Term Reduce(const std::string& function, const Term& term, const std::vector<int64_t>& dims, bool keep);
  // `function` along one dimension, first element first: cumsum, cumprod, logcumsumexp, cummax, cummin; the last two with
  // ".position" give where the extreme last was.
  Term Scan(const std::string& function, const Term& term, int64_t dim);
  // Broadcasting matrix product over the last two dimensions; both of rank >= 2.
  Term Matmul(const Term& a, const Term& b, DType result, bool convolution = false);
  // `function` (LoweredKind::kWindow) over windows of `input`, (N, G * C, spatial ...), which must be detached.  `window`
  // says how; its axes are filled in here.  A convolution has a detached weight: (G * O, C, taps ...), transposed
  // (G * C, O, taps ...).
  Term WindowOf(const std::string& function, Window window, int64_t groups, const Term& input,
                const std::optional<Term>& weight, DType result);
  // The same value over axes of its own, for a reader that visits each element several times: loads and pointwise work
  // are repeated for it.  Throws Refusal where a reduction or product would be.
  Term Detach(const Term& term);

  Term Reshape(const Term& term, const Shape& shape);
  Term Permute(const Term& term, const std::vector<int64_t>& order);
  Term Expand(const Term& term, const Shape& shape);
  Term Unsqueeze(const Term& term, int64_t dim);

  // draft_take.cc: data movement as index relations.
  // New dimensions that nothing else runs over yet.
  std::vector<AxisList> FreshDims(const Shape& shape);
  // start + step * index along dims[dim], as a term of that rank which depends on no other dimension.
  Term IndexOver(const std::vector<AxisList>& dims, size_t dim, int64_t start, int64_t step);
  // start + step * index along the row-major product of all `dims`.
  Term LinearIndex(const std::vector<AxisList>& dims, int64_t start, int64_t step);
  // Where an element comes from along one dimension of a source.
  struct Position {
    Term index;                  // int64, within the dimension wherever `guard` is true
    std::optional<Term> guard;   // where it is false nothing is read; the value there is arbitrary
  };
  // The value whose element is `source` at the positions given; dimensions without one keep their axes.  `dims` are the
  // result's, in terms of the axes of the positions and of the dimensions kept.  A computed source is computed anew at
  // the positions: its loads move, whatever stands between.
  Term Take(const Term& source, const std::map<int64_t, Position>& at, std::vector<AxisList> dims);

  Shape ShapeOf(const Term& term) const;
  int64_t Size(const Term& term, int64_t dim) const { return axes_.Product(term.dims[static_cast<size_t>(dim)]); }

  // One term a buffer; one without a node stores nothing.  Resolves the axes, checks them, drops what no store needs.  Throws Refusal.
  Lowered Finish(const std::vector<BufferSpec>& buffers, const std::vector<Term>& stored,
                 std::vector<ResultView> results, std::vector<std::string> operators);

 private:
  struct DraftNode {
    LoweredNode node;
    std::vector<AxisList> dims;   // of the value, for loads one with `strides`
    Shape strides;
  };
  friend class Taker;
  Term AddNode(LoweredNode node, std::vector<AxisList> dims);
  std::string NextName();
  void RequireUsable(const Term& term) const;
  const std::set<AxisId>& AxesBelow(NodeId node, std::map<NodeId, std::set<AxisId>>& known) const;
  bool DependsOn(const Term& term, const AxisList& axes) const;   // on any of them
  Term SumOfProducts(const Term& a, const Term& b, DType result);
  Term SpreadOver(const Term& term, const AxisList& axes);
  Access MakeAccess(TensorRef tensor, const std::vector<AxisList>& dims, const Shape& strides, int64_t offset) const;
  void ResolveNode(size_t index, Lowered& lowered) const;
  void NameNodes(Lowered& lowered, const std::vector<bool>& needed) const;

  const Fragment& fragment_;
  LeafReading reading_;
  AxisTable axes_;
  std::vector<DraftNode> nodes_;
  std::map<ValueId, Term> terms_;
  std::map<NodeId, ValueId> stands_for_;   // the first value that a computed node became
  std::map<std::pair<NodeId, int64_t>, NodeId> scan_positions_;   // of cumulative extremes, by operand and dimension
  std::string base_name_ = "value";
  std::map<std::string, int> name_counts_;
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_DRAFT_H_
