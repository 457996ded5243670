// TileWriter: writes the loads, scalar functions and stores of lowered nodes for one tile of the iteration space.
//
// A tile has dimensions; each is an index variable that runs over the row-major product of some axes.  An operand's
// address is the sum over tile dimensions of index arithmetic that undoes this product, with neighbouring axes that the
// operand's strides let coalesce taken as one: a contiguous operand costs `m * N + n`, whatever the rank.
//
//   TileWriter tile(lowered, kernel, {{"m[:, None]", {0, 1}, "m_mask[:, None]", "M", "m"}, {"n[None, :]", {2}, "", "N", "n"}});
//   std::string x = tile.Value(node);      // emits what `node` needs, each node once; returns a variable or a literal
//   tile.Bind(matmul, "acc");              // a value that the family computes itself
//   tile.StoreValue(lowered.stores[0]);
//
// Values keep the shape that broadcasting needs: a value that depends on no axis of a dimension has size 1 there (or is
// a scalar), so that Triton's own broadcasting joins them.
#ifndef DRTRITON_TEMPLATES_TILE_H_
#define DRTRITON_TEMPLATES_TILE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "templates/lowered.h"
#include "templates/source.h"

namespace drtriton {

struct TileDim {
  std::string index;   // text of the index, shaped for broadcasting: "n", "m[:, None]"; a scalar for one row a program
  AxisList axes;       // outermost first; the index runs over their row-major product
  std::string mask;    // text shaped likewise: "n_mask[None, :]"; empty when every index is inside
  std::string extent;  // name of a constexpr for the product of `axes` ("N"), made when a stride equals it; may be empty
  std::string name;    // "m", "n": names stride constants, x_stride_m
};

class TileWriter {
 public:
  TileWriter(const Lowered& lowered, KernelSource& kernel, std::vector<TileDim> dims);

  // The register text of a node, emitting lines for it and for what it needs.  Reductions and matrix products must have
  // been bound.  Two loads of the same address are one.
  std::string Value(NodeId node);
  void Bind(NodeId node, std::string text) { values_[node] = std::move(text); }
  bool IsBound(NodeId node) const { return values_.count(node) != 0; }

  // Writes one element of the result for each of the tile, under the masks.  Loads read 0 where a mask is false; a
  // reduction that wants another neutral element there uses MaskText() and tl.where.
  void StoreValue(const LoweredStore& store);
  void StoreValue(const Access& access, const std::string& text);

  // The offset of an access as text, without the pointer: "m[:, None] * N + n[None, :]"; "0" for a scalar.
  std::string OffsetText(const Access& access, const std::string& tensor_name);
  // Conjunction of the masks of the dimensions that carry any of `axes`; empty when none is needed.
  std::string MaskText(const AxisList& axes) const;
  // Hint for streaming loads that nobody reads again: `tl.load(..., eviction_policy="evict_first")`.
  // For all loads from the tensor; the last one set counts.
  void SetEviction(const TensorRef& tensor, std::string policy);

 private:
  std::string LoadText(const LoweredNode& node);
  void AddIndex(std::string& offset, const std::string& index, int64_t stride) const;
  std::string PointwiseText(const LoweredNode& node);
  std::string IndexText(const LoweredNode& node);
  std::string DimOffset(const TileDim& dim, const Access& access, const std::string& tensor_name);

  const Lowered& lowered_;
  KernelSource& kernel_;
  std::vector<TileDim> dims_;
  std::map<NodeId, std::string> values_;
  std::map<std::string, std::string> loads_;   // address -> variable
  std::vector<std::pair<TensorRef, std::string>> eviction_;
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_TILE_H_
