// A proposer that claims operators by name, and small Programs, shared by the tests of this room.
#ifndef DRTRITON_SEARCH_TEST_SEARCH_H_
#define DRTRITON_SEARCH_TEST_SEARCH_H_

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/proposer.h"
#include "graph/registry.h"
#include "graph/test_programs.h"

namespace drtriton {

// Covers fragments all of whose operators are in `covered` (views always are), with at most `max_matmuls` products, none
// of which reads another's result.
class FakeProposer : public Proposer {
 public:
  explicit FakeProposer(std::set<std::string> covered, int max_matmuls = 1)
      : covered_(std::move(covered)), max_matmuls_(max_matmuls) {}

  std::string Name() const override { return "fake"; }

  std::optional<std::string> WhyNot(const Fragment& fragment) const override {
    int matmuls = 0;
    std::set<ValueId> behind;   // values that depend on a product
    for (const Node& node : fragment.program.nodes) {
      bool product = node.op == "aten.linear.default";
      std::vector<ValueId> inputs = node.Inputs();
      bool depends = std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return behind.count(id) > 0; });
      if (product && depends) return "a product of a product";
      if (product || depends) behind.insert(node.outputs.begin(), node.outputs.end());
      matmuls += product;
      if (!IsView(node.op) && covered_.count(node.op) == 0) return "no template covers " + node.op;
    }
    if (matmuls > max_matmuls_) return "too many products";
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Fragment& fragment, const DeviceSpec&, const ProposeOptions& options) const override {
    std::vector<Proposal> proposals;
    for (int i = 0; i < std::min(options.max_count, 3); ++i) {
      Proposal proposal{.proposer = "fake", .source = fragment.id + " schedule " + std::to_string(i)};
      proposal.estimated_us = 10.0 * (i + 1) * static_cast<double>(fragment.nodes.size());
      proposals.push_back(std::move(proposal));
    }
    return proposals;
  }

 private:
  std::set<std::string> covered_;
  int max_matmuls_;
};

inline const char* kLinearSchema = "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor";

inline ValueId AddLinear(Program& program, const std::string& name, ValueId x, int64_t n) {
  Shape shape = program.value(x).shape;
  ValueId weight = AddLeaf(program, ValueKind::kParameter, name + "_weight", {n, shape.back()});
  shape.back() = n;
  return AddNode(program, name, "aten.linear.default", {ValueRef{x}, ValueRef{weight}, Attr{}}, shape, DType::kFloat32,
                 kLinearSchema);
}

inline ValueId AddUnary(Program& program, const std::string& name, const std::string& op, ValueId x) {
  Shape shape = program.value(x).shape;
  std::string schema = "aten::" + op.substr(5, op.rfind('.') - 5) + "(Tensor self) -> Tensor";
  return AddNode(program, name, op, {ValueRef{x}}, shape, DType::kFloat32, schema);
}

inline ValueId AddMul(Program& program, const std::string& name, ValueId a, ValueId b) {
  Shape shape = program.value(a).shape;
  return AddNode(program, name, "aten.mul.Tensor", {ValueRef{a}, ValueRef{b}}, shape, DType::kFloat32,
                 "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor");
}

inline ValueId AddTranspose(Program& program, const std::string& name, ValueId x) {
  Shape shape = program.value(x).shape;
  Shape strides = program.value(x).strides;
  std::swap(shape[0], shape[1]);
  std::swap(strides[0], strides[1]);
  ValueId id = AddNode(program, name, "aten.transpose.int", {ValueRef{x}, 0, 1}, shape, DType::kFloat32,
                       "aten::transpose.int(Tensor(a) self, int dim0, int dim1) -> Tensor(a)");
  program.value(id).strides = strides;
  return id;
}

inline void SetResult(Program& program, std::vector<ValueId> values) {
  program.result = Tree{.kind = Tree::Kind::kTuple};
  for (ValueId value : values) program.result.children.push_back(Tree{.value = value});
}

// silu(x w1) * (x w3), then a third linear: the gated perceptron of many language models.
inline Program GatedPerceptron() {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64, 32});
  ValueId gate = AddLinear(program, "w1", x, 128);
  ValueId silu = AddUnary(program, "silu", "aten.silu.default", gate);
  ValueId up = AddLinear(program, "w3", x, 128);
  ValueId mul = AddMul(program, "mul", silu, up);
  SetResult(program, {AddLinear(program, "w2", mul, 32)});
  return program;
}

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_TEST_SEARCH_H_
