// Fragments and sources that the tests of this folder share.
#ifndef DRTRITON_COMPILE_TEST_CANDIDATES_H_
#define DRTRITON_COMPILE_TEST_CANDIDATES_H_

#include <string>
#include <utility>

#include "core/fragment.h"

namespace drtriton {

// result = relu(input), both float32 of this shape.
inline Fragment ReluFragment(Shape shape) {
  Fragment fragment;
  fragment.id = "f00_relu";
  Program& program = fragment.program;
  Value input{"x", DType::kFloat32, shape, ContiguousStrides(shape), ValueKind::kInput};
  Value output{"relu", DType::kFloat32, shape, ContiguousStrides(shape), ValueKind::kNode, 0};
  program.values = {input, output};
  program.nodes = {{"aten.relu.default", {ValueRef{0}}, {1}, "aten::relu(Tensor self) -> Tensor"}};
  program.inputs = {0};
  Tree x, argument, result;
  x.value = 0;
  program.arguments.kind = Tree::Kind::kTuple;
  program.arguments.children = {x};
  argument.value = 1;
  program.result.kind = Tree::Kind::kTuple;
  program.result.children = {argument};
  fragment.nodes = {0};
  fragment.parent_inputs = {0};
  fragment.parent_results = {1};
  return fragment;
}

// A right candidate for it; `extra` is put at the start of launch's body, `value` names what is stored.
inline std::string ReluSource(const std::string& extra = "pass", const std::string& value = "tl.maximum(v, 0.0)") {
  return R"(import torch
import triton
import triton.language as tl


@triton.jit
def relu_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x_ptr + i, mask=i < n)
    tl.store(y_ptr + i, )" +
         value + R"(, mask=i < n)


def launch(x):
    )" + extra +
         R"(
    y = torch.empty_like(x)
    relu_kernel[(triton.cdiv(x.numel(), 1024),)](x, y, x.numel(), BLOCK=1024)
    return (y,)
)";
}

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_TEST_CANDIDATES_H_
