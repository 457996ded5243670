// From wirings and their solutions to a Program: values, nodes, glue, results, and what fills the leaves.
#ifndef DRTRITON_SYNTH_PROGRAM_BUILDER_H_
#define DRTRITON_SYNTH_PROGRAM_BUILDER_H_

#include <span>
#include <string>
#include <vector>

#include "graph/program.h"
#include "synth/conditioning.h"
#include "synth/solver.h"
#include "synth/wiring.h"

namespace drtriton {

struct BuilderOptions {
  double glue = 0.15;       // probability of glue at each place where it can stand
  double parameter = 0.25;  // that a fresh tensor beside another operand is a parameter
};

// Grows one program, wiring by wiring: one for up to five operators, one for each operator above.
class ProgramBuilder {
 public:
  ProgramBuilder(const BuilderOptions& options, Random& random);

  // Sources that are given name values by `given`: their ids.
  void Add(const Wiring& wiring, const Solution& solution, std::span<const ValueId> given = {});

  // Ids of the results of node number i of the last wiring.
  const std::vector<ValueId>& ResultsOf(int i) const { return program_.nodes[static_cast<size_t>(made_[static_cast<size_t>(i)])].outputs; }
  ElementType TypeOf(ValueId id) const { return types_[static_cast<size_t>(id)]; }
  int64_t BoundOf(ValueId id) const { return bounds_[static_cast<size_t>(id)]; }

  // Turns every result that nobody reads of a node that nobody reads into an output, and fills the leaves.  Floats get
  // the low-precision dtype when the estimate allows.  `fills`: how many are tried at most.
  struct Finished {
    Program program;
    std::vector<LeafFill> leaves;  // in the order of Program::Leaves()
    std::vector<std::string> operators;
    bool fine = false;  // the estimate foresees no overflow and no constant result
  };
  Finished Finish(DType floats, int fills);

  Program& program() { return program_; }

 private:
  ValueId AddValue(Value value, ElementType type, int64_t bound);
  ValueId AddLeaf(ValueKind kind, DType dtype, Shape shape, ElementType type, int64_t limit);
  ValueId AddFresh(const Wiring& wiring, const Solution& solution, size_t i, size_t s);
  ValueId AddParameterTensor(const ParameterTensor& parameter, const OperatorForm& form, const SolvedNode& solved);
  // Gives its results, until the next node is added.
  const std::vector<ValueId>& AddNode(const OperatorInfo& info, AttrList args, const NumericRule* rule,
                                      std::span<const ElementType> types, std::span<const int64_t> bounds);
  void MarkRead(const Attr& argument);
  void CheckShapes(const SolvedNode& solved, const std::vector<ValueId>& results) const;
  ValueId GlueInput(Shape shape, DType dtype, ElementType type, int64_t limit);
  ValueId GlueResult(ValueId id);
  void AddOutputs();
  void DropUnread();
  void ChangeFloats(DType from, DType to);
  bool StaysLow(const Node& node) const;

  BuilderOptions options_;
  Random& random_;
  Program program_;
  std::vector<ElementType> types_;  // by value
  std::vector<int64_t> bounds_;     // by value; of kIndex
  std::vector<uint8_t> read_;       // by value: 1 when a node reads it
  std::vector<LeafFacts> leaves_;
  std::vector<EstimatedNode> nodes_;
  std::vector<std::string> operators_;
  std::vector<int32_t> made_;  // by node of the last wiring: the program's node
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_PROGRAM_BUILDER_H_
