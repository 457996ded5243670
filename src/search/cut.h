// Cut: a Program -> regions, the pieces that the search treats one by one.
//
// Idea.  Every node starts as a group of its own.  Groups are merged along edges as long as some proposer says it can
// write the merged piece as kernels (Proposer::WhyNot), the groups stay free of cycles, and the merged piece moves
// fewer bytes through memory than the two did, what its own kernels pass to each other included.  Views join their reader, or the producer whose result they relabel.
// What no proposer covers stays a single node that PyTorch carries out.
#ifndef DRTRITON_SEARCH_CUT_H_
#define DRTRITON_SEARCH_CUT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/fragment.h"
#include "core/proposer.h"
#include "graph/program.h"

namespace drtriton {

struct Region {
  std::vector<int32_t> nodes;   // of the Program, ascending
  bool covered = false;         // some proposer can write it
  std::string why_not;          // when not covered: the first proposer's reason, or "view"
};

struct CutOptions {
  bool fuse = true;       // false: every operator alone (views still join their reader)
  bool sideways = true;   // groups that read the same value may share its load, though neither feeds the other
  bool one_product = false;   // at most one matrix product, convolution or attention a group
  bool arranging_apart = false;   // cat, pad, roll ... share no kernel with a reduction or a product
  // Nodes that PyTorch is to carry out whatever a proposer could do; none when empty.
  std::function<bool(int32_t node)> keep_in_torch;
};

// Regions in an order in which they can run; every node in exactly one.  `program` must come from SplitViews().
std::vector<Region> Cut(const Program& program, const std::vector<const Proposer*>& proposers, const CutOptions& options);

// A name for the fragment made of a region's nodes: "f03_linear_gelu".
std::string FragmentName(const Program& program, const std::vector<int32_t>& nodes, size_t position);

// Equal for fragments that are the same up to the names of their values and parameters, so that one set of candidates
// serves all of them.
std::string FragmentKey(const Fragment& fragment);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_CUT_H_
