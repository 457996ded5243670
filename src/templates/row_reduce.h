// RowReducer: the lines that reduce a tile along its columns, for one reduction node at a time.
//
// Most reductions have one part, the value.  argmax and argmin have two, the extreme and its position, which travel
// together: of equal values the first position wins, NaN wins over everything, as in PyTorch.
#ifndef DRTRITON_TEMPLATES_ROW_REDUCE_H_
#define DRTRITON_TEMPLATES_ROW_REDUCE_H_

#include <string>
#include <vector>

#include "templates/lowered.h"
#include "templates/row.h"
#include "templates/row_problem.h"
#include "templates/source.h"
#include "templates/tile.h"

namespace drtriton {

bool IsArgReduction(const LoweredNode& node);

class RowReducer {
 public:
  using Parts = std::vector<std::string>;

  RowReducer(const Lowered& lowered, const RowProblem& problem, const RowSchedule& schedule, KernelSource& kernel)
      : lowered_(lowered), problem_(problem), schedule_(schedule), kernel_(kernel) {}

  // What `node` reduces, in one tile, with the neutral element beyond the row's end.
  Parts Operand(TileWriter& tile, const TileDim& columns, const LoweredNode& node);
  // Text that is 0 beyond the row's end.
  static std::string ZeroBeyondEnd(const TileDim& columns, const std::string& text);

  // Accumulators of a loop over tiles, one a lane; Add() takes a step; Finish() gives what remains to be reduced.
  struct Accumulator {
    Parts parts;
    std::string lost;   // of a long sum: what rounding dropped; empty where nothing is kept
  };
  Accumulator Open(const LoweredNode& node);
  void Add(const LoweredNode& node, const Parts& operand, const Accumulator& accumulator);
  Parts Finish(const Accumulator& accumulator);
  // A tile of one value, emitted; its name.
  std::string Filled(const std::string& base, const std::string& value, DType dtype);
  std::string Zeros(const std::string& base, DType dtype) { return Filled(base, "0.0", dtype); }

  // Reduces across the lanes, emitted; one value a row each.
  Parts Across(const LoweredNode& node, const Parts& operand);
  // The text alone, for a node of one part.
  std::string AcrossText(const LoweredNode& node, const std::string& operand);

  // Types of the parts as buffers hold them.
  std::vector<DType> PartTypes(const LoweredNode& node) const;

  bool OneRow() const { return schedule_.block_m == 1; }
  int Axis() const { return OneRow() ? 0 : 1; }

 private:
  DType IndexType() const;
  bool KeepsLostDigits(const LoweredNode& node) const;
  bool IsZeroBeyondEnd(NodeId node) const;
  std::string PairHelper(const LoweredNode& node);

  const Lowered& lowered_;
  const RowProblem& problem_;
  const RowSchedule& schedule_;
  KernelSource& kernel_;
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_ROW_REDUCE_H_
