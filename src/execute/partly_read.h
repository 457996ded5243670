// Values of which everything behind them sees one part only, its sign or whether it is zero, however long the way there: through
// operators that move elements, through functions that keep that part.  A mutant that keeps it too is equal (mutant_rules.h).
#ifndef DRTRITON_EXECUTE_PARTLY_READ_H_
#define DRTRITON_EXECUTE_PARTLY_READ_H_

#include <cstdint>
#include <string>
#include <vector>

#include "graph/program.h"

namespace drtriton {

class PartlyRead {
 public:
  // The Program outlives it.
  explicit PartlyRead(const Program& program);

  // The name of the rule by which `after` may stand for `before`; empty: none.
  std::string Find(const Node& before, const Node& after) const;

 private:
  enum class Part : uint8_t { kSign, kSignBit, kZero };   // kSignBit: minus zero is negative
  bool IsReadFor(ValueId value, Part part) const;
  static bool Reads(const Node& reader, ValueId value, Part part);
  static bool Keeps(const Node& node, Part part);
  bool Passes(const Node& reader, Part part) const;

  const Program& program_;
  std::vector<std::vector<int32_t>> users_;
  std::vector<bool> is_result_;
};

// Whether a node moves the elements of its only operand, all of one type, and does nothing else.
bool OnlyMoves(const Program& program, const Node& node);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_PARTLY_READ_H_
