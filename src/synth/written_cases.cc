// written_cases COUNT SEED [OPERATOR...]: modules of one operator, drawn from the `domain` of its row in the registry and written as a
// person would (module_text.h): a JSON line {"id", "source", "graph"} each.  With --ids instead: reads Programs, a JSON
// object a line, and prints their canonical ids.
//
// For python/tests/test_synth_modules.py, which imports what is written here and compares ids.
#include <cstdio>
#include <cstdlib>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "graph/operator_cases.h"
#include "graph/program_json.h"
#include "synth/canonical.h"
#include "synth/json_text.h"
#include "synth/module_text.h"

namespace drtriton {
namespace {

int PrintIds() {
  std::string line;
  while (std::getline(std::cin, line)) {
    std::printf("%s\n", CanonicalId(ProgramFromJson(Json::parse(line))).c_str());
  }
  return 0;
}

// Tensors that layers of torch.nn own become parameters and buffers, so that layers are written where they fit.
void MakeWeights(Program& program, const Node& node, const OperatorInfo& info) {
  for (size_t i = 1; i < info.schema.arguments.size() && i < node.args.size(); ++i) {
    const std::string& name = info.schema.arguments[i].name;
    const bool running = name.starts_with("running_");
    if (!node.args[i].IsValue() || !(name == "weight" || name == "bias" || running)) continue;
    Value& value = program.value(node.args[i].AsValue());
    value.kind = running ? ValueKind::kBuffer : ValueKind::kParameter;
    value.target = value.name;
    std::erase(program.inputs, node.args[i].AsValue());
  }
}

// The case as a whole Program; nullopt where the operator refuses it, or where it has no tensor to begin with.
std::optional<Program> WholeProgram(OperatorCase drawn, const OperatorInfo& info) {
  Program program = std::move(drawn.program);
  program.device = "cpu";
  std::vector<InferredValue> results;
  try {
    results = InferOutputs(program, drawn.node);
  } catch (const UserError&) {
    return std::nullopt;
  }
  MakeWeights(program, drawn.node, info);
  if (program.inputs.empty()) return std::nullopt;
  program.arguments = Tree{.kind = Tree::Kind::kTuple};
  for (const ValueId id : program.inputs) program.arguments.children.push_back(Tree{.value = id});
  program.result = Tree{.kind = Tree::Kind::kTuple};
  for (size_t k = 0; k < results.size(); ++k) {
    const ValueId id = static_cast<ValueId>(program.values.size());
    program.values.push_back({.name = "result" + std::to_string(k),
                              .dtype = results[k].dtype,
                              .shape = results[k].shape,
                              .strides = results[k].strides.value_or(ContiguousStrides(results[k].shape)),
                              .node = 0,
                              .output_index = static_cast<int32_t>(k)});
    drawn.node.outputs.push_back(id);
    program.result.children.push_back(Tree{.value = id});
  }
  if (results.size() == 1) program.result = Tree{.value = drawn.node.outputs[0]};
  drawn.node.schema = info.schema_text;
  program.nodes.push_back(std::move(drawn.node));
  program.Validate();
  return program;
}

int PrintCases(int count, uint64_t seed, const std::vector<std::string>& wanted) {
  CaseGenerator generator(seed);
  for (const OperatorInfo& info : AllOperators()) {
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), info.name) == wanted.end()) continue;
    for (int i = 0; i < count; ++i) {
      const std::optional<Program> program = WholeProgram(generator.Draw(info), info);
      if (!program) continue;
      std::string line = "{\"id\":\"" + CanonicalId(*program) + "\",\"source\":";
      AppendJsonString(line, WrittenModule(*program));
      line += ",\"graph\":";
      AppendProgramJson(line, *program);
      std::printf("%s}\n", line.c_str());
    }
  }
  return 0;
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--ids") return drtriton::PrintIds();
  if (argc < 3) return 2;
  return drtriton::PrintCases(std::atoi(argv[1]), std::strtoull(argv[2], nullptr, 10), {argv + 3, argv + argc});
}
