// Emits modules from Compositions built by hand and has Python import and run them (emit_test.py): on the CPU the
// original code runs, and under TRITON_INTERPRET=1 the kernels do.
#include "emit/emit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

// A scale kernel: out = in * s + bias[column], and a helper, as a proposal would hold them.
const char* const kAffineSource = R"(import torch
import triton
import triton.language as tl

FACTOR = tl.constexpr(2.0)


@triton.jit
def twice(x):
    return x * FACTOR


# Doubles and shifts a row.
@triton.jit
def affine(x_ptr, bias_ptr, out_ptr, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    column = tl.arange(0, BLOCK)
    mask = column < n
    x = tl.load(x_ptr + row * n + column, mask=mask)
    tl.store(out_ptr + row * n + column, twice(x) + tl.load(bias_ptr + column, mask=mask), mask=mask)


def launch(x, bias):
    out = torch.empty_like(x)
    affine[(x.shape[0],)](x, bias, out, x.shape[1], BLOCK=16)
    return (out,)
)";

// x * 2 + bias as two nodes; value ids: 0 x, 1 bias, 2 doubled, 3 shifted.
const char* const kAffineProgram = R"json({"format": "drtriton.program/1", "name": "affine", "device": "cpu",
 "values": [{"name": "x", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "input"},
            {"name": "p_bias", "dtype": "float32", "shape": [12], "strides": [1], "kind": "parameter", "target": "inner.bias"},
            {"name": "mul", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "node", "node": 0, "output": 0},
            {"name": "add", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "node", "node": 1, "output": 0}],
 "nodes": [{"op": "aten.mul.Tensor", "args": [{"v": 0}, 2.0], "outputs": [2], "schema": "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor"},
           {"op": "aten.add.Tensor", "args": [{"v": 2}, {"v": 1}, 1], "outputs": [3],
            "schema": "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"}],
 "inputs": [0], "arguments": {"tuple": [{"value": 0}]}, "result": {"value": 3}, "mutations": [],
 "context": {"training": false, "matmul_tf32": false, "cudnn_tf32": true, "reduced_precision_bf16": true, "reduced_precision_fp16": true}})json";

const char* const kAffineModule = R"("""A module docstring."""
from __future__ import annotations

import torch
from torch import nn

triton = "the user's own name"


class Inner(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(n))
        self.factor = 2.0

    def forward(self, x):
        return x * self.factor + self.bias


class Model(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.inner = Inner(n)

    def forward(self, x):
        return self.inner(x)


def get_inputs():
    return [torch.randn(4, 12)]


def get_init_inputs():
    return [12]


if __name__ == "__main__":
    raise SystemExit("never when imported")
)";

LaunchPlan AffinePlan(int64_t rows, int64_t columns) {
  LaunchPlan plan;
  plan.buffers = {{BufferKind::kInput, 0, rows * columns * 4}, {BufferKind::kInput, 1, columns * 4}, {BufferKind::kAllocated, -1, rows * columns * 4}};
  KernelImage kernel;
  kernel.name = kernel.function = "affine";
  kernel.params = {ParamType::kPointer, ParamType::kPointer, ParamType::kPointer, ParamType::kI32};
  kernel.arguments = {{"x_ptr"}, {"bias_ptr"}, {"out_ptr"}, {"n"}, {"BLOCK", true, Attr(16)}};
  plan.kernels = {kernel};
  LaunchStep launch;
  launch.kernel = 0;
  launch.grid = {rows, 1, 1};
  launch.args = {PointerArg{0, 0, DType::kFloat32}, PointerArg{1, 0, DType::kFloat32}, PointerArg{2, 0, DType::kFloat32},
                 ScalarArg{ParamType::kI32, columns, 0}};
  plan.steps = {launch};
  plan.results = {TensorView{2, DType::kFloat32, {rows, columns}, {columns, 1}, 0}};
  return plan;
}

KernelStep AffineStep(const Program& program, std::vector<int32_t> nodes, const std::string& id) {
  KernelStep step;
  step.fragment = ExtractFragment(program, std::move(nodes), id);
  step.proposal.proposer = "templates";
  step.proposal.source = kAffineSource;
  KernelPlan plan;
  plan.name = "affine";
  plan.family = "pointwise";
  plan.fuses = {"mul", "add"};
  plan.tile = {{"BLOCK", 16}};
  plan.numerics = "fp32";
  plan.why = "Reads and writes each element once.";
  step.proposal.kernels = {plan};
  step.plan = AffinePlan(4, 12);
  return step;
}

Composition Affine() {
  Composition composition;
  composition.program = ProgramFromJson(Json::parse(kAffineProgram));
  composition.steps = {AffineStep(composition.program, {0, 1}, "f00_mul_add")};
  return composition;
}

// Two fragments with the same kernel around PyTorch's own operators; a buffer that counts calls, an input written in
// place, aliases, a constant, keyword arguments, and a nested result.
const char* const kMixedProgram = R"json({"format": "drtriton.program/1", "name": "mixed", "device": "cpu",
 "values": [{"name": "p_bias", "dtype": "float32", "shape": [12], "strides": [1], "kind": "parameter", "target": "bias"},
            {"name": "b_steps", "dtype": "int64", "shape": [], "strides": [], "kind": "buffer", "target": "steps"},
            {"name": "c_made", "dtype": "float32", "shape": [12], "strides": [1], "kind": "constant", "target": "lifted_tensor_0"},
            {"name": "x", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "input"},
            {"name": "y", "dtype": "float32", "shape": [12, 4], "strides": [4, 1], "kind": "input"},
            {"name": "mul", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "node", "node": 0, "output": 0},
            {"name": "add", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "node", "node": 1, "output": 0},
            {"name": "t", "dtype": "float32", "shape": [4, 12], "strides": [1, 4], "kind": "node", "node": 2, "output": 0},
            {"name": "contiguous", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "node", "node": 3, "output": 0},
            {"name": "mul_1", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "node", "node": 4, "output": 0},
            {"name": "add_1", "dtype": "float32", "shape": [4, 12], "strides": [12, 1], "kind": "node", "node": 5, "output": 0},
            {"name": "add_2", "dtype": "int64", "shape": [], "strides": [], "kind": "node", "node": 6, "output": 0},
            {"name": "relu", "dtype": "float32", "shape": [12, 4], "strides": [4, 1], "kind": "node", "node": 7, "output": 0},
            {"name": "select", "dtype": "float32", "shape": [4], "strides": [1], "kind": "node", "node": 8, "output": 0},
            {"name": "view", "dtype": "float32", "shape": [48], "strides": [1], "kind": "node", "node": 10, "output": 0}],
 "nodes": [{"op": "aten.mul.Tensor", "args": [{"v": 3}, 2.0], "outputs": [5], "schema": "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor"},
           {"op": "aten.add.Tensor", "args": [{"v": 5}, {"v": 0}, 1], "outputs": [6], "schema": "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"},
           {"op": "aten.t.default", "args": [{"v": 4}], "outputs": [7], "schema": "aten::t(Tensor(a) self) -> Tensor(a)"},
           {"op": "aten.clone.default", "args": [{"v": 7}, {"memory_format": "contiguous_format"}], "outputs": [8], "schema": "aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor"},
           {"op": "aten.mul.Tensor", "args": [{"v": 8}, 2.0], "outputs": [9], "schema": "aten::mul.Tensor(Tensor self, Tensor other) -> Tensor"},
           {"op": "aten.add.Tensor", "args": [{"v": 9}, {"v": 2}, 1], "outputs": [10], "schema": "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"},
           {"op": "aten.add.Tensor", "args": [{"v": 1}, 1, 1], "outputs": [11], "schema": "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor"},
           {"op": "aten.relu.default", "args": [{"v": 4}], "outputs": [12], "schema": "aten::relu(Tensor self) -> Tensor"},
           {"op": "aten.select.int", "args": [{"v": 12}, 0, 1], "outputs": [13], "schema": "aten::select.int(Tensor(a) self, int dim, SymInt index) -> Tensor(a)"},
           {"op": "aten.split.Tensor", "args": [{"v": 6}, 4, 0], "outputs": [-1], "schema": "aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]"},
           {"op": "aten.view.default", "args": [{"v": 10}, [48]], "outputs": [14], "schema": "aten::view(Tensor(a) self, SymInt[] size) -> Tensor(a)"}],
 "inputs": [3, 4],
 "arguments": {"dict": [["x", {"value": 3}], ["y", {"value": 4}], ["scale", {"literal": 1}]]},
 "result": {"dict": [["a", {"value": 6}], ["pair", {"tuple": [{"value": 10}, {"value": 14, "alias_of": 10}]}],
                     ["y", {"value": 12, "alias_of": 4}], ["row", {"value": 13, "alias_of": 4}], ["none", {"literal": null}]],
            "class": ":Result"},
 "mutations": [{"target": 1, "value": 11}, {"target": 4, "value": 12}],
 "context": {"training": false, "matmul_tf32": false, "cudnn_tf32": true, "reduced_precision_bf16": true, "reduced_precision_fp16": true}})json";

const char* const kMixedModule = R"(import dataclasses
import torch
import triton
import triton.language as tl
from torch import nn


def affine(x):  # a name that a kernel wants, too
    return x * 2.0


@dataclasses.dataclass
class Result:
    a: torch.Tensor
    pair: tuple
    y: torch.Tensor
    row: torch.Tensor
    none: None = None


class Model(nn.Module):
    def __init__(self, bias=0.5):
        super().__init__()
        self.bias = nn.Parameter(torch.full((12,), bias))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self.activation = nn.ReLU()

    def forward(self, x, y, scale=1):
        self.steps += 1
        a = affine(x) + self.bias
        b = affine(y.t().contiguous()) + torch.tensor([float(i) for i in range(12)], device=y.device)
        y.relu_()
        return Result(a, (b, b.view(48)), y, y[1])


def get_inputs():
    return {"x": torch.randn(4, 12), "y": torch.randn(12, 4), "scale": 1}
)";

Composition Mixed() {
  Composition composition;
  composition.program = ProgramFromJson(Json::parse(kMixedProgram));
  composition.steps = {AffineStep(composition.program, {0, 1}, "f00_mul_add"), TorchStep{2, "view"}, TorchStep{3, "copy"},
                       AffineStep(composition.program, {4, 5}, "f01_mul_add"), TorchStep{6, "tiny"}, TorchStep{7, "tiny"},
                       TorchStep{8, "view"}, TorchStep{9, "dead"}, TorchStep{10, "view"}};
  return composition;
}

std::string Floats(int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    const float value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

TEST(EmitTest, WritesTheSourceUnchangedAndThePlan) {
  EmitOptions options{.module_source = kAffineModule, .module_name = "affine.py", .untimed = true, .notes = {"error 1e-7"}};
  const std::string text = EmitModule(Affine(), options);
  EXPECT_NE(text.find(kAffineModule), std::string::npos);
  EXPECT_NE(text.find("# error 1e-7\n"), std::string::npos);
  EXPECT_NE(text.find("# Untimed"), std::string::npos);
  EXPECT_NE(text.find("# f00_mul_add: mul, add\n#   pointwise, BLOCK 16; 4 warps"), std::string::npos) << text;
  EXPECT_NE(text.find("# Doubles and shifts a row.\n"), std::string::npos);
  EXPECT_NE(text.find("@_drt_triton.jit"), std::string::npos);  // triton is the user's
  EXPECT_EQ(text.find("def launch("), std::string::npos);
}

TEST(EmitTest, SharesEqualKernelsAndKeepsTheUsersNames) {
  const std::string text = EmitModule(Mixed(), {.module_source = kMixedModule, .module_name = "mixed.py"});
  EXPECT_NE(text.find("def affine_2("), std::string::npos);
  EXPECT_EQ(text.find("def affine_3("), std::string::npos);
  EXPECT_EQ(text.find("def twice("), text.rfind("def twice("));
}

TEST(EmitTest, FirstLinesStayFirst) {
  const std::string text =
      EmitModule(Affine(), {.module_source = "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\nx = 1", .module_name = "m.py"});
  EXPECT_EQ(text.find("#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n# m.py with"), 0u);
}

TEST(EmitTest, RefusesReadingBeforeComputing) {
  Composition composition = Mixed();
  composition.steps.erase(composition.steps.begin());
  std::swap(composition.steps[0], composition.steps[1]);
  EXPECT_THROW(EmitModule(composition, {.module_source = kMixedModule}), InternalError);
}

TEST(EmitTest, EmittedModulesRun) {
  ScratchFolder folder("emit_test");
  WriteFileAtomically(folder.path() / "affine.py", kAffineModule);
  WriteFileAtomically(folder.path() / "mixed.py", kMixedModule);
  WriteFileAtomically(folder.path() / "affine_triton.py", EmitModule(Affine(), {.module_source = kAffineModule, .module_name = "affine.py"}));
  std::string called = kAffineModule;  // a Model that decides itself what a call is
  called.replace(called.find("        return self.inner(x)\n"), 0,
                 "        return self.inner(x)\n\n    def __call__(self, x):\n        return super().__call__(x) + 1\n\n"
                 "    def other(self, x):\n");
  WriteFileAtomically(folder.path() / "called_triton.py", EmitModule(Affine(), {.module_source = called, .module_name = "called.py"}));
  EmitOptions options{.module_source = kMixedModule, .module_name = "mixed.py"};
  options.constants["c_made"] = {DType::kFloat32, {12}, Floats(12)};
  WriteFileAtomically(folder.path() / "mixed_triton.py", EmitModule(Mixed(), options));
  const char* root = std::getenv("DRTRITON_SOURCE");
  ASSERT_NE(root, nullptr);
  if (const char* keep = std::getenv("DRTRITON_EMIT_KEEP")) {
    std::filesystem::copy(folder.path(), keep, std::filesystem::copy_options::overwrite_existing | std::filesystem::copy_options::recursive);
  }
  for (const char* interpret : {"", "1"}) {
    ProcessOptions python;
    python.command = {PythonExecutable(), std::string(root) + "/src/emit/emit_test.py", folder.path().string()};
    python.environment = {{"TRITON_INTERPRET", interpret}};
    const CommandResult result = RunCommand(python, std::chrono::minutes(5));
    EXPECT_EQ(result.end.exit_code, 0) << "TRITON_INTERPRET=" << interpret << "\n" << result.output << result.end.stderr_tail;
    EXPECT_EQ(result.end.signal, 0);
  }
}

}  // namespace
}  // namespace drtriton
