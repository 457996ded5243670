// Small Programs with their values, built by hand for tests.
#ifndef DRTRITON_EXECUTE_TEST_PROGRAMS_H_
#define DRTRITON_EXECUTE_TEST_PROGRAMS_H_

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "core/fragment.h"
#include "execute/tensor_file.h"
#include "graph/program.h"

namespace drtriton {

// relu(x + y) on float32 vectors of n elements.
inline Program AddReluProgram(int64_t n, const std::string& device) {
  Program program;
  program.name = "add_relu";
  program.device = device;
  const auto value = [&](const std::string& name, ValueKind kind, int32_t node) {
    Value v;
    v.name = name;
    v.shape = {n};
    v.strides = {1};
    v.kind = kind;
    v.node = node;
    program.values.push_back(v);
  };
  value("x", ValueKind::kInput, -1);
  value("y", ValueKind::kInput, -1);
  value("add", ValueKind::kNode, 0);
  value("relu", ValueKind::kNode, 1);
  program.nodes.push_back({"aten.add.Tensor", {ValueRef{0}, ValueRef{1}, 1}, {2}, "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"});
  program.nodes.push_back({"aten.relu.default", {ValueRef{2}}, {3}, "aten::relu(Tensor self) -> Tensor"});
  program.inputs = {0, 1};
  program.arguments.kind = Tree::Kind::kTuple;
  for (const ValueId id : program.inputs) {
    Tree leaf;
    leaf.value = id;
    program.arguments.children.push_back(leaf);
  }
  program.result.value = 3;
  return program;
}

struct AddReluValues {
  std::vector<float> x, y, result;
};

inline AddReluValues MakeAddReluValues(int64_t n, uint32_t seed) {
  AddReluValues values;
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < n; ++i) {
    values.x.push_back(normal(random));
    values.y.push_back(normal(random));
    values.result.push_back(std::max(values.x.back() + values.y.back(), 0.0f));
  }
  return values;
}

// The file that an importer would have written for it.
inline void WriteAddRelu(const std::filesystem::path& path, const AddReluValues& values) {
  const auto n = static_cast<int64_t>(values.x.size());
  const auto stored = [&](const std::string& name, const std::vector<float>& data) {
    return StoredTensor{name, DType::kFloat32, {n}, {1}, std::as_bytes(std::span(data))};
  };
  WriteTensorFile(path, {stored("x", values.x), stored("y", values.y), stored("result:0", values.result)});
}

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_TEST_PROGRAMS_H_
