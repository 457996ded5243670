// Time of the registry's rules on typical nodes: `graph_bench [--benchmark_filter=...]`.  The sampler asks them for
// every node that it draws, so they should stay near a microsecond.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "graph/call_text.h"
#include "graph/operator_cases.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

constexpr uint64_t kSeed = 20260321;

// Legal cases of an operator; the result is added as a value, so that costs can be asked too.
std::vector<OperatorCase> Cases(const std::string& op) {
  CaseGenerator generator(kSeed);
  std::vector<OperatorCase> cases;
  while (cases.size() < 32) {
    OperatorCase drawn = generator.Draw(*FindOperator(op));
    std::vector<InferredValue> results;
    try {
      results = InferOutputs(drawn.program, drawn.node);
    } catch (const std::exception&) {
      continue;
    }
    for (const InferredValue& result : results) {
      drawn.node.outputs.push_back(static_cast<ValueId>(drawn.program.values.size()));
      Value value{.name = "y", .dtype = result.dtype, .shape = result.shape};
      value.strides = result.strides.value_or(ContiguousStrides(result.shape));
      drawn.program.values.push_back(std::move(value));
    }
    cases.push_back(std::move(drawn));
  }
  return cases;
}

template <typename Ask>
void Run(benchmark::State& state, const std::string& op, const Ask& ask) {
  const std::vector<OperatorCase> cases = Cases(op);
  size_t i = 0;
  for (auto _ : state) {
    const OperatorCase& c = cases[i++ % cases.size()];
    benchmark::DoNotOptimize(ask(c));
  }
}

std::string NameOfValue(ValueId id) { return "x" + std::to_string(id); }

void Register() {
  const NameOf name_of = NameOfValue;
  for (const char* op :
       {"aten.relu.default", "aten.add.Tensor", "aten.where.self", "aten.sum.dim_IntList", "aten.softmax.int",
        "aten.layer_norm.default", "aten.linear.default", "aten.matmul.default", "aten.einsum.default",
        "aten.conv2d.default", "aten.max_pool2d.default", "aten.view.default", "aten.permute.default",
        "aten.slice.Tensor", "aten.cat.default", "aten.gather.default", "aten._to_copy.default",
        "aten.cross_entropy_loss.default", "aten.scaled_dot_product_attention.default"}) {
    const auto add = [op](const std::string& what, const auto& ask) {
      benchmark::RegisterBenchmark((what + "/" + op).c_str(),
                                   [op, ask](benchmark::State& state) { Run(state, op, ask); });
    };
    add("infer", [](const OperatorCase& c) { return InferOutputs(c.program, c.node); });
    add("flops", [](const OperatorCase& c) { return NodeFlops(c.program, c.node); });
    add("bytes", [](const OperatorCase& c) { return NodeBytes(c.program, c.node); });
    add("view", [](const OperatorCase& c) { return ViewOf(c.program, c.node); });
    add("text", [name_of](const OperatorCase& c) { return CallText(c.node, name_of); });
  }
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  drtriton::Register();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
