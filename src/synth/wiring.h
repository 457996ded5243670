// Wirings: which tensor each operand of each node is.
//
// A wiring gives every node one of its operator's forms and every slot of the form a source: a result of an earlier
// node, or a fresh tensor.  Nodes are ordered; a DAG that has several topological orders counts once for each order in
// which the operators' sequence can be read.
//
// Wirings that end in a given number of sinks (nodes that nobody reads) are counted exactly, by dynamic programming over
// the set of nodes that are still unread, and drawn uniformly from that count.  A result is offered to a slot only where
// their element types and ranks meet, a condition that every feasible wiring fulfils.
#ifndef DRTRITON_SYNTH_WIRING_H_
#define DRTRITON_SYNTH_WIRING_H_

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "synth/operator_space.h"
#include "synth/random.h"

namespace drtriton {

inline constexpr int kMaxJointNodes = 5;

struct Source {
  int8_t node = -1;  // -1: a fresh tensor
  int8_t result = 0;
  friend bool operator==(const Source&, const Source&) = default;
};

struct Wiring {
  int nodes = 0;
  std::array<const OperatorForm*, kMaxJointNodes> forms = {};
  std::array<std::array<Source, kMaxSlots>, kMaxJointNodes> sources = {};

  int Sinks() const;
  int Depth() const;  // nodes on the longest path
  int Width() const;  // most nodes at one distance from the inputs
};

// Counts and draws the wirings of one sequence of operators.
class WiringCounter {
 public:
  // At most kMaxJointNodes operators, as indices into the space.
  WiringCounter(const OperatorSpace& space, std::span<const int> operators);

  // How many wirings have this many sinks.
  double Count(int sinks);
  // Uniform over them; Count(sinks) must be positive.
  Wiring Draw(int sinks, Random& random);
  // Calls `visit` with each of them until it returns true; whether it did.  `trees_only`: only those in which every node
  // but the sinks is read once.
  bool Any(int sinks, bool trees_only, const std::function<bool(const Wiring&)>& visit) const;

 private:
  using Forms = std::array<const OperatorForm*, kMaxJointNodes>;

  // The count for one choice of forms.
  struct Table {
    Forms forms = {};
    // offers[i][s][j]: results of node j that slot s of node i can take
    std::array<std::array<std::array<uint8_t, kMaxJointNodes>, kMaxSlots>, kMaxJointNodes> offers = {};
    // fill[i][A]: ways to fill the slots of node i from fresh tensors and the nodes in the set A
    std::array<std::array<double, 1 << (kMaxJointNodes - 1)>, kMaxJointNodes> fill = {};
    // rest[i][S]: ways to complete the nodes from i on when the nodes in S are unread
    std::array<std::array<double, 1 << kMaxJointNodes>, kMaxJointNodes + 1> rest = {};
  };

  Table MakeTable(const Forms& forms) const;
  void CountRest(Table& table, int sinks) const;
  // ways[C], for each subset C of `open`: node i reads of `open` exactly those in C.
  std::array<double, 1 << (kMaxJointNodes - 1)> WaysToRead(const Table& table, int node, unsigned open) const;
  void DrawSources(const Table& table, int node, unsigned open, unsigned read, Wiring& wiring, Random& random) const;
  bool Extend(const Table& table, int node, int slot, int sinks, bool trees_only, Wiring& wiring,
              const std::function<bool(const Wiring&)>& visit) const;

  int nodes_;
  std::vector<Table> tables_;  // one for each choice of forms
  int counted_ = -1;           // the number of sinks that `rest` is for
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_WIRING_H_
