// The canonical form of a Program: equal bytes for isomorphic programs, different bytes for all others.
//
// Two programs are isomorphic when one becomes the other by renaming values, listing values and nodes in another order,
// and listing inputs and results in another order.  Everything else counts: operators, attributes (an attribute counts
// by its meaning: `dim=-1` of a matrix is `dim=1`, one int for a list is the list), the order of a node's arguments, kind, dtype, shape
// and strides of leaves (strides of dimensions of size 1 do not), which results are returned, mutations, training mode.
//
// Idea: the arguments of a node are ordered, so walking from a result towards the inputs numbers everything above it in
// one way only.  Results are walked in the order that gives the smallest bytes.  Results that look the same from afar
// (equal hashes of what is above them) are tried in every order, up to kMostOrders orders; beyond that, which only a
// program with six or more results of that sort can reach, the first ones are compared and the form may depend on the order.
#ifndef DRTRITON_SYNTH_CANONICAL_H_
#define DRTRITON_SYNTH_CANONICAL_H_

#include <string>

#include "graph/program.h"

namespace drtriton {

inline constexpr int kMostOrders = 720;

enum class Detail : uint8_t {
  kWhole,   // all of the above
  kShapes,  // without dtypes, strides and kinds of leaves, and without the dtypes among attributes
};

std::string CanonicalForm(const Program& program, Detail detail = Detail::kWhole);

// The first 128 bits of the canonical form's SHA-256, as 32 hexadecimal digits.
std::string CanonicalId(const Program& program, Detail detail = Detail::kWhole);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_CANONICAL_H_
