// Lowered: a fragment as primitive operations over one iteration space.
//
// Composite operators are gone (softmax is max, subtract, exp, sum, divide), views are gone (they became index
// relations), and what is left are loads, constants, scalar functions, reductions, matrix products and stores.  All
// families start from here; lower.h makes it.
//
// Numerics.  A register holds RegisterType(dtype): float32 for the 16-bit floats, the type itself otherwise.  Values
// are not rounded to 16 bits between operators: the contract measures against float64, where such casts are the
// identity, so keeping float32 is never worse.
#ifndef DRTRITON_TEMPLATES_LOWERED_H_
#define DRTRITON_TEMPLATES_LOWERED_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/fragment.h"
#include "graph/program.h"
#include "templates/axes.h"
#include "templates/window.h"

namespace drtriton {

// What a register holds for a PyTorch element type.
DType RegisterType(DType dtype);

struct Axis {
  int64_t size = 1;
};

// A tensor of the launcher: an input of the fragment, or a buffer that it allocates.
struct TensorRef {
  enum class Kind : uint8_t { kInput, kBuffer };
  Kind kind = Kind::kInput;
  int32_t index = 0;   // into Fragment::Inputs(), or into Lowered::buffers
  friend bool operator==(const TensorRef&, const TensorRef&) = default;
};

// Where an element lies: offset + sum of strides[i] * (index along axes[i]), in elements.  A load may add computed
// indices to that (LoweredNode::operands).
struct Access {
  TensorRef tensor;
  AxisList axes;                  // a load: those of the node; a store: all of the result's, row-major
  std::vector<int64_t> strides;   // one an axis; negative where an axis runs backwards
  int64_t offset = 0;
  AxisList indexed_axes;          // a load: further axes that its computed indices depend on
};

using NodeId = int32_t;

enum class LoweredKind : uint8_t {
  kLoad,        // of `access`; operands: computed indices, one for each of `index_strides`, then `guards` conditions
  kConstant,    // a literal; depends on no axis
  kIndex,       // start + step * index along `axes` (arange)
  kPointwise,   // `function` (expression.h) of `operands`, each already of the type that the function computes in
  kReduce,      // `function`: sum, max, min, prod, any, all, max_number (NaN ignored) over `reduced`
  kScan,        // `function` along `reduced`, first element first: the result runs over the same axes (scan.h)
  kMatmul,      // sum over k of operands[0] * operands[1]; accumulates in float32 (float64 for float64)
  kWindow,      // `function` over windows of operands[0]: convolution (by operands[1]), max, max_index, average
};

struct LoweredNode {
  LoweredKind kind = LoweredKind::kPointwise;
  DType dtype = DType::kFloat32;   // PyTorch's element type of this value
  AxisList axes;                   // that it depends on, in the row-major order of its value
  std::string name;                // a Python identifier, unique among the nodes
  std::string function;
  std::vector<NodeId> operands;
  Access access;                   // kLoad
  std::vector<int64_t> index_strides;   // kLoad: the address adds operands[i] * index_strides[i] (gather, embedding)
  int guards = 0;                  // kLoad: that many last operands; where one is false nothing is read and 0 comes (pad)
  Attr constant;                   // kConstant: int64, double or bool
  int64_t start = 0, step = 1;     // kIndex
  AxisList reduced;                // kReduce, kScan
  // kMatmul: batch axes are in both operands, m axes in operands[0] alone, n axes in operands[1] alone, k axes are summed
  // over; any list may be empty.  linear of (B, S, K) has m = B, S.  `axes` is batch, m, n in the value's own order.
  AxisList batch_axes, m_axes, n_axes, k_axes;
  bool convolution = false;        // kMatmul: PyTorch has it as a convolution, so cuDNN's flag for TF32 counts
  Window window;                   // kWindow; its operands' axes are their own, shared with nothing else
};

// A buffer that the launcher allocates.
struct BufferSpec {
  std::string name;    // "out", "out_1": a Python identifier
  DType dtype = DType::kFloat32;
  Shape shape;
  Shape strides;       // dense: PyTorch's empty_strided with them
};

struct LoweredStore {
  NodeId node = -1;
  Access access;       // of a buffer
};

// A result of the fragment: a whole buffer, or a view of a buffer or of an input.
struct ResultView {
  TensorRef tensor;
  bool whole = true;   // the buffer itself
  Shape shape;
  Shape strides;
  int64_t offset = 0;
};

struct Lowered {
  const Fragment* fragment = nullptr;   // not owned; outlives this
  std::vector<Axis> axes;               // compact: every one is used
  std::vector<LoweredNode> nodes;       // operands come first; every node is needed by a store
  std::vector<BufferSpec> buffers;
  std::vector<LoweredStore> stores;     // one a buffer that has elements, in order
  std::vector<ResultView> results;      // in the fragment's order
  std::vector<std::string> operators;   // short names of the PyTorch operators that compute, in order: "linear", "gelu"

  const LoweredNode& node(NodeId id) const { return nodes[static_cast<size_t>(id)]; }
  int64_t size(AxisId axis) const { return axes[static_cast<size_t>(axis)].size; }
  int64_t Product(const AxisList& list) const;
  // Ids of the nodes of one kind, ascending.
  std::vector<NodeId> OfKind(LoweredKind kind) const;
  bool Has(LoweredKind kind) const { return !OfKind(kind).empty(); }
  const Value& InputValue(int32_t index) const;          // of the fragment's program
  const RunContext& context() const { return fragment->program.context; }
  // Whether PyTorch may multiply a float32 convolution in TF32: where the flag allows it and cuDNN carries it out.
  bool ConvolutionsMayUseTf32() const { return context().cudnn_tf32 && fragment->program.device == "cuda"; }
  DType TensorType(const TensorRef& tensor) const;
  // Elements that a tensor's storage spans: decides between 32- and 64-bit offsets.
  int64_t TensorExtent(const TensorRef& tensor) const;
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_LOWERED_H_
