// See regions.h; tested in regions_test.cc.
#include "search/regions.h"

#include <algorithm>

#include "graph/registry.h"

namespace drtriton {
namespace {

Option InTorch(const Program& program, const Region& region) {
  Option option{"PyTorch", {}};
  for (int32_t node : region.nodes) {
    bool view = IsView(program.nodes[node].op);
    std::string why = !region.why_not.empty() ? region.why_not : view ? "view" : "PyTorch's kernel was chosen";
    option.pieces.push_back({{node}, false, why});
  }
  return option;
}

// Cuts the region again, with `keep` left to PyTorch; node numbers are the Program's in what comes back.
template <typename Keep>
Option CutAgain(const Program& program, const Region& region, const std::vector<const Proposer*>& proposers,
                std::string label, CutOptions options, Keep keep) {
  Fragment inner = ExtractFragment(program, region.nodes, "region");
  options.keep_in_torch = [&](int32_t node) { return keep(inner.program.nodes[node]); };
  Option option{std::move(label), {}};
  for (const Region& part : Cut(inner.program, proposers, options)) {
    Piece piece{{}, part.covered, part.why_not};
    for (int32_t node : part.nodes) piece.nodes.push_back(inner.nodes[node]);
    option.pieces.push_back(std::move(piece));
  }
  return option;
}

void AddIfNew(Option option, std::vector<Option>& options) {
  auto same_piece = [](const Piece& a, const Piece& b) { return a.nodes == b.nodes && a.covered == b.covered; };
  for (const Option& known : options) {
    if (std::equal(known.pieces.begin(), known.pieces.end(), option.pieces.begin(), option.pieces.end(),
                   same_piece)) {
      return;
    }
  }
  options.push_back(std::move(option));
}

}  // namespace

std::vector<Option> RegionOptions(const Program& program, const Region& region,
                                  const std::vector<const Proposer*>& proposers, bool strict) {
  if (!region.covered) return {InTorch(program, region)};
  std::vector<Option> options{{"fused", {{region.nodes, true, ""}}}};
  size_t computing = std::count_if(region.nodes.begin(), region.nodes.end(),
                                   [&](int32_t node) { return !IsView(program.nodes[node].op); });
  bool has_product = std::any_of(region.nodes.begin(), region.nodes.end(),
                                 [&](int32_t node) { return IsProduct(program.nodes[node].op); });
  if (computing > 1 && has_product && !strict) {
    options.push_back(CutAgain(program, region, proposers, "vendor product, fused rest", {},
                               [](const Node& node) { return IsProduct(node.op); }));
  }
  auto nothing = [](const Node&) { return false; };
  AddIfNew(CutAgain(program, region, proposers, "one product a kernel", {.one_product = true}, nothing), options);
  AddIfNew(CutAgain(program, region, proposers, "data movement apart", {.arranging_apart = true}, nothing), options);
  AddIfNew(CutAgain(program, region, proposers, "not fused sideways", {.sideways = false}, nothing), options);
  if (!strict) options.push_back(InTorch(program, region));
  if (strict && computing > 1) {
    options.push_back(CutAgain(program, region, proposers, "one kernel an operator", {.fuse = false}, nothing));
  }
  return options;
}

}  // namespace drtriton
