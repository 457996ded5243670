#include "templates/matmul_cases.h"

#include <array>
#include <utility>

namespace drtriton {
namespace {

// Writes a Program operator by operator; shapes are given, strides are contiguous unless stated.
class Builder {
 public:
  Builder(std::string name, DType dtype) : dtype_(dtype) { case_.name = std::move(name); }

  ValueId Input(const std::string& name, const Shape& shape, Shape strides = {}) {
    Value value{
        .name = name, .dtype = dtype_, .shape = shape, .strides = std::move(strides), .kind = ValueKind::kInput};
    if (value.strides.empty()) value.strides = ContiguousStrides(shape);
    Program& program = case_.program;
    const ValueId id = Add(std::move(value));
    program.inputs.push_back(id);
    program.arguments.kind = Tree::Kind::kTuple;
    Tree leaf;
    leaf.value = id;
    program.arguments.children.push_back(leaf);
    return id;
  }

  ValueId Op(const std::string& op, AttrList args, const Shape& shape, Shape strides = {}) {
    Program& program = case_.program;
    Value value{.name = "v" + std::to_string(program.nodes.size()),
                .dtype = dtype_,
                .shape = shape,
                .strides = std::move(strides)};
    if (value.strides.empty()) value.strides = ContiguousStrides(shape);
    value.node = static_cast<int32_t>(program.nodes.size());
    const ValueId id = Add(std::move(value));
    Node node;
    node.op = "aten." + op;
    node.args = std::move(args);
    node.outputs = {id};
    program.nodes.push_back(std::move(node));
    return id;
  }

  ValueId Linear(ValueId x, ValueId w, const Shape& shape, Attr bias = {}) {
    return Op("linear.default", {ValueRef{x}, ValueRef{w}, std::move(bias)}, shape);
  }
  ValueId Unary(const std::string& op, ValueId x) { return Op(op, {ValueRef{x}}, case_.program.value(x).shape); }
  ValueId Mul(ValueId a, ValueId b) {
    return Op("mul.Tensor", {ValueRef{a}, ValueRef{b}}, case_.program.value(a).shape);
  }
  ValueId Sum(ValueId a, ValueId b) {
    return Op("add.Tensor", {ValueRef{a}, ValueRef{b}, 1}, case_.program.value(a).shape);
  }

  MatmulCase Finish(const std::vector<ValueId>& results, std::string reference) {
    case_.program.result.kind = Tree::Kind::kTuple;
    for (ValueId id : results) {
      Tree leaf;
      leaf.value = id;
      case_.program.result.children.push_back(leaf);
    }
    case_.program.name = case_.name;
    case_.program.Validate();
    case_.reference = std::move(reference);
    return std::move(case_);
  }

 private:
  ValueId Add(Value value) {
    case_.program.values.push_back(std::move(value));
    return static_cast<ValueId>(case_.program.values.size()) - 1;
  }

  MatmulCase case_;
  DType dtype_;
};

MatmulCase BiasGelu(DType dtype) {
  Builder b("bias_gelu_" + std::string(ShortName(dtype)), dtype);
  const ValueId x = b.Input("x", {3, 37, 72}), w = b.Input("w", {72, 72}), bias = b.Input("bias", {72});
  const ValueId y = b.Linear(x, w, {3, 37, 72}, ValueRef{bias});
  return b.Finish({b.Op("gelu.default", {ValueRef{y}, "none"}, {3, 37, 72})}, "(F.gelu(F.linear(x, w, bias)),)");
}

MatmulCase Swiglu(const std::string& name, DType dtype, int64_t m, int64_t n, int64_t k) {
  Builder b(name, dtype);
  const ValueId x = b.Input("x", {2, m / 2, k}), w1 = b.Input("w1", {n, k}), w3 = b.Input("w3", {n, k});
  const ValueId gate = b.Unary("silu.default", b.Linear(x, w1, {2, m / 2, n}));
  return b.Finish({b.Mul(gate, b.Linear(x, w3, {2, m / 2, n}))}, "(F.silu(F.linear(x, w1)) * F.linear(x, w3),)");
}

MatmulCase Heads() {
  Builder b("qkv_heads", DType::kFloat32);
  const ValueId x = b.Input("x", {2, 17, 64});
  std::vector<ValueId> results;
  for (const char* name : {"wq", "wk", "wv"}) {
    const ValueId y = b.Linear(x, b.Input(name, {48, 64}), {2, 17, 48});
    const ValueId heads = b.Op("view.default", {ValueRef{y}, Attr::Ints({2, 17, 3, 16})}, {2, 17, 3, 16});
    results.push_back(b.Op("transpose.int", {ValueRef{heads}, 1, 2}, {2, 3, 17, 16}, {17 * 48, 16, 48, 1}));
  }
  return b.Finish(results, "tuple(F.linear(x, u).view(2, 17, 3, 16).transpose(1, 2) for u in (wq, wk, wv))");
}

MatmulCase HeadsContiguous() {
  Builder b("heads_contiguous", DType::kFloat32);
  const ValueId x = b.Input("x", {2, 40, 64}), w = b.Input("w", {48, 64});
  const ValueId y = b.Linear(x, w, {2, 40, 48});
  const ValueId heads = b.Op("view.default", {ValueRef{y}, Attr::Ints({2, 40, 3, 16})}, {2, 40, 3, 16});
  const ValueId turned = b.Op("transpose.int", {ValueRef{heads}, 1, 2}, {2, 3, 40, 16}, {40 * 48, 16, 48, 1});
  AttrList args{ValueRef{turned}, Attr(Attr::Variant(MemoryFormatAttr{"contiguous_format"}))};
  return b.Finish({b.Op("clone.default", args, {2, 3, 40, 16})},
                  "(F.linear(x, w).view(2, 40, 3, 16).transpose(1, 2).contiguous(),)");
}

MatmulCase FromHeads() {
  Builder b("from_heads", DType::kFloat32);
  const ValueId x = b.Input("x", {2, 3, 40, 16}), w = b.Input("w", {64, 48}), r = b.Input("residual", {2, 40, 64});
  const ValueId turned = b.Op("transpose.int", {ValueRef{x}, 1, 2}, {2, 40, 3, 16}, {3 * 40 * 16, 16, 40 * 16, 1});
  const ValueId flat = b.Op("reshape.default", {ValueRef{turned}, Attr::Ints({2, 40, 48})}, {2, 40, 48});
  return b.Finish({b.Sum(b.Linear(flat, w, {2, 40, 64}), r)},
                  "(F.linear(x.transpose(1, 2).reshape(2, 40, 48), w) + residual,)");
}

// op(x) * y as the left operand.
MatmulCase Prologue(const std::string& name, const std::string& op, const std::string& function, DType dtype,
                    std::array<int64_t, 3> size) {
  const auto [m, n, k] = size;
  Builder b(name, dtype);
  const ValueId x = b.Input("x", {m, k}), y = b.Input("y", {m, k}), w = b.Input("w", {n, k});
  const ValueId left = b.Mul(b.Unary(op, x), y);
  return b.Finish({b.Linear(left, w, {m, n})}, "(F.linear(" + function + "(x) * y, w),)");
}

MatmulCase BothPrologues() {
  Builder b("exp_both", DType::kFloat32);
  const ValueId x = b.Input("x", {50, 70}), w = b.Input("w", {70, 40});
  const ValueId ex = b.Unary("exp.default", x), ew = b.Unary("exp.default", w);
  return b.Finish({b.Op("mm.default", {ValueRef{ex}, ValueRef{ew}}, {50, 40})}, "(torch.exp(x) @ torch.exp(w),)");
}

MatmulCase Batched(int64_t n) {
  Builder b("bmm_scale_" + std::to_string(n), DType::kFloat32);
  const ValueId x = b.Input("x", {3, 40, 64}), y = b.Input("y", {3, 64, n});
  const ValueId z = b.Op("bmm.default", {ValueRef{x}, ValueRef{y}}, {3, 40, n});
  return b.Finish({b.Op("mul.Tensor", {ValueRef{z}, 0.125}, {3, 40, n})}, "(torch.bmm(x, y) * 0.125,)");
}

MatmulCase BroadcastBatch() {
  Builder b("matmul_broadcast", DType::kFloat32);
  const ValueId x = b.Input("x", {3, 2, 40, 32}), y = b.Input("y", {2, 32, 24});
  return b.Finish({b.Op("matmul.default", {ValueRef{x}, ValueRef{y}}, {3, 2, 40, 24})}, "(x @ y,)");
}

MatmulCase AddProduct() {
  Builder b("addmm_beta_alpha", DType::kFloat32);
  const ValueId c = b.Input("c", {40}), x = b.Input("x", {33, 64}), y = b.Input("y", {64, 40});
  return b.Finish({b.Op("addmm.default", {ValueRef{c}, ValueRef{x}, ValueRef{y}, 0.5, 2}, {33, 40})},
                  "(torch.addmm(c, x, y, beta=0.5, alpha=2),)");
}

MatmulCase TwoResults() {
  Builder b("linear_and_relu", DType::kFloat16);
  const ValueId x = b.Input("x", {130, 64}), w = b.Input("w", {136, 64});
  const ValueId y = b.Linear(x, w, {130, 136});
  return b.Finish({y, b.Unary("relu.default", y)}, "(F.linear(x, w), torch.relu(F.linear(x, w)))");
}

}  // namespace

MatmulCase LinearCase(const std::string& name, int64_t m, int64_t n, int64_t k, DType dtype) {
  Builder b(name, dtype);
  const ValueId x = b.Input("x", {m, k}), w = b.Input("w", {n, k});
  return b.Finish({b.Linear(x, w, {m, n})}, "(F.linear(x, w),)");
}

namespace {

MatmulCase Tf32() {
  MatmulCase one = LinearCase("tf32", 128, 256, 128, DType::kFloat32);
  one.program.context.matmul_tf32 = true;
  return one;
}

MatmulCase Strided() {
  Builder b("strided_input", DType::kFloat32);
  const ValueId x = b.Input("x", {48, 64}, {1, 48}), w = b.Input("w", {40, 64}, {80, 1});
  return b.Finish({b.Linear(x, w, {48, 40})}, "(F.linear(x, w),)");
}

}  // namespace

std::vector<MatmulCase> SmallMatmulCases() {
  std::vector<MatmulCase> cases;
  cases.push_back(BiasGelu(DType::kFloat32));
  cases.push_back(BiasGelu(DType::kFloat16));
  cases.push_back(Swiglu("swiglu", DType::kFloat32, 66, 48, 64));
  cases.push_back(Swiglu("swiglu_f16", DType::kFloat16, 128, 64, 128));
  cases.push_back(Heads());
  cases.push_back(HeadsContiguous());
  cases.push_back(FromHeads());
  cases.push_back(Prologue("prologue_silu_k64", "silu.default", "F.silu", DType::kFloat32, {50, 40, 64}));
  cases.push_back(Prologue("prologue_exp_k70", "exp.default", "torch.exp", DType::kFloat32, {50, 40, 70}));
  cases.push_back(BothPrologues());
  cases.push_back(Batched(48));
  cases.push_back(Batched(9));
  cases.push_back(BroadcastBatch());
  cases.push_back(AddProduct());
  cases.push_back(TwoResults());
  cases.push_back(Strided());
  cases.push_back(LinearCase("one_row", 1, 50, 300, DType::kFloat32));
  cases.push_back(LinearCase("long_sum", 16, 32, 2048, DType::kFloat32));
  cases.push_back(LinearCase("three_rows", 3, 50, 300, DType::kFloat16));
  cases.push_back(LinearCase("one_column", 40, 1, 64, DType::kFloat32));
  cases.push_back(Swiglu("swiglu_rows", DType::kFloat32, 4, 64, 256));
  cases.push_back(LinearCase("ragged", 131, 203, 104, DType::kFloat32));
  cases.push_back(Tf32());
  cases.push_back(LinearCase("tiny", 2, 1, 3, DType::kFloat32));
  return cases;
}

std::vector<MatmulCase> RealMatmulCases() {
  std::vector<MatmulCase> cases;
  auto linear = [&](DType dtype, int64_t m, int64_t n, int64_t k) {
    const std::string size = std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k);
    cases.push_back(LinearCase(std::string(ShortName(dtype)) + "_" + size, m, n, k, dtype));
  };
  for (auto [m, n, k] :
       {std::array<int64_t, 3>{1024, 8192, 8192}, {4096, 4096, 4096}, {512, 4096, 1024}, {128, 768, 3072}}) {
    linear(DType::kFloat32, m, n, k);
  }
  for (auto [m, n, k] :
       {std::array<int64_t, 3>{4096, 4096, 4096}, {8192, 11008, 4096}, {16, 4096, 4096}, {2048, 768, 3072}}) {
    linear(DType::kBFloat16, m, n, k);
  }
  cases.push_back(Swiglu("f32_swiglu", DType::kFloat32, 4096, 2816, 1024));
  cases.push_back(Swiglu("bf16_swiglu", DType::kBFloat16, 8192, 11008, 4096));
  cases.push_back(Prologue("bf16_silu_mul_linear", "silu.default", "F.silu", DType::kBFloat16, {4096, 4096, 11008}));
  return cases;
}

}  // namespace drtriton
