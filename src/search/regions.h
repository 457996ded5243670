// The ways in which one region of a Program can be carried out.
//
// A region is what the cutter fused as far as the proposers allow.  Further is not always faster: a vendor matrix
// product followed by a fused epilogue kernel may beat one kernel that does both.  Each way is an Option; the search
// prices them from measurements.
#ifndef DRTRITON_SEARCH_REGIONS_H_
#define DRTRITON_SEARCH_REGIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/fragment.h"
#include "core/proposer.h"
#include "graph/program.h"
#include "search/cut.h"

namespace drtriton {

// A piece of an option: a fragment for kernels of ours, or one node for PyTorch.
struct Piece {
  std::vector<int32_t> nodes;   // of the Program
  bool covered = false;
  std::string why_not;
};

struct Option {
  std::string label;            // "fused", "vendor matmul + fused rest", "PyTorch"
  std::vector<Piece> pieces;    // in an order in which they can run
};

// Options of a region, the fused one first.  Where `strict`, none uses PyTorch for what a proposer covers.  A region
// that no proposer covers has the one option "PyTorch".
std::vector<Option> RegionOptions(const Program& program, const Region& region,
                                  const std::vector<const Proposer*>& proposers, bool strict);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_REGIONS_H_
