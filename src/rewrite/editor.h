// Editor: makes a changed copy of a Program, node by node in order.
//
// Rules read the source, which is complete and does not change, and append nodes to the target.  What no rule takes is
// copied.  Nodes of the source that nothing needs are left out; random ones are kept, since the numbers that the others
// draw depend on them.
#ifndef DRTRITON_REWRITE_EDITOR_H_
#define DRTRITON_REWRITE_EDITOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"

namespace drtriton {

class Editor {
 public:
  // The target has the leaves of `source`, in their order.  `source` outlives this.
  explicit Editor(const Program& source);

  const Program& source() const { return source_; }
  const Program& target() const { return target_; }

  // Of the source: who made a value (nullptr: a leaf), how many nodes and results read it, whether it is needed.
  const Node* Producer(ValueId id) const;
  int Readers(ValueId id) const { return readers_[static_cast<size_t>(id)]; }
  bool IsResult(ValueId id) const { return results_.count(id) > 0; }
  bool Needed(int32_t node) const { return needed_[static_cast<size_t>(node)]; }

  // The target's value for one of the source.  The node that made it has been copied or replaced.
  ValueId New(ValueId id) const { return new_.at(id); }
  Attr New(const Attr& attr) const;

  // Appends a node to the target, values among `args` being the target's; arguments that are left out at the end have
  // their defaults.  All results, or the first.  Throws UserError when the registry refuses the arguments.
  std::vector<ValueId> AddAll(std::string_view op, AttrList args);
  ValueId Add(std::string_view op, AttrList args) { return AddAll(op, std::move(args)).at(0); }

  // How much the target has; CutBack takes out what was added since, before Copy or Replace made use of it.
  struct Mark {
    size_t values = 0, nodes = 0;
  };
  Mark Now() const { return {target_.values.size(), target_.nodes.size()}; }
  void CutBack(const Mark& mark);

  // What stands for the results of a node of the source: a copy of it, or `values` (-1 where nothing needs the result).
  void Copy(int32_t node);
  void Replace(int32_t node, const std::vector<ValueId>& values);
  // Whether `values` can stand for them: same dtypes and shapes, none missing that is read.
  bool Fits(int32_t node, const std::vector<ValueId>& values) const;

  // The finished target; every result is a tensor of its own with the source's strides, as before.
  Program Finish();

 private:
  ValueId AddValue(Value value);
  bool StridesDiffer(const Node& source_node) const;
  void InferStrides(Node& node);
  std::string FreshName(std::string name);
  void FinishResults();
  bool IsOwn(const Program& program, ValueId id) const;
  void Renumber(Tree& tree, const std::map<ValueId, ValueId>& results) const;

  const Program& source_;
  Program target_;
  std::vector<int> readers_;     // by value of the source
  std::set<ValueId> results_;    // of the source
  std::vector<bool> needed_;     // by node of the source
  std::map<ValueId, ValueId> new_;
  std::set<std::string> names_;
};

}  // namespace drtriton

#endif  // DRTRITON_REWRITE_EDITOR_H_
