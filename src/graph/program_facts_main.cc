// What the registry knows of a Program, for tests in Python: one Program as JSON a line in, one JSON object a line out,
//
//   {"text": its flat text, "nodes": [{"known", "glue", "flops", "bytes", "outputs": [{"dtype", "shape", "strides"}]}]}
//
// (a node that the rules refuse has an "error" instead), or {"error": why it is no Program, or why its text does not
// parse back to it}.
#include <iostream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "base/error.h"
#include "graph/program_json.h"
#include "graph/program_python.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

Json NodeFacts(const Program& program, const Node& node) {
  Json facts = {{"known", FindOperator(node.op) != nullptr}, {"glue", IsGlue(node.op)}};
  if (!facts["known"].get<bool>()) return facts;
  try {
    facts["outputs"] = Json::array();
    for (const InferredValue& value : InferOutputs(program, node)) {
      const Json strides = value.strides ? Json(*value.strides) : Json();
      facts["outputs"].push_back(
          {{"dtype", std::string(Name(value.dtype))}, {"shape", value.shape}, {"strides", strides}});
    }
    facts["flops"] = NodeFlops(program, node);
    facts["bytes"] = NodeBytes(program, node);
  } catch (const UserError& error) {
    facts["error"] = error.what();
  }
  return facts;
}

Json Facts(const std::string& line) {
  try {
    const Program program = ProgramFromJson(Json::parse(line));
    const std::string text = FlatText(program);
    if (FlatText(ParseFlatText(text)) != text) return {{"error", "the text does not parse back to the Program"}};
    Json nodes = Json::array();
    for (const Node& node : program.nodes) nodes.push_back(NodeFacts(program, node));
    return {{"text", text}, {"nodes", nodes}};
  } catch (const std::exception& error) {
    return {{"error", error.what()}};
  }
}

}  // namespace
}  // namespace drtriton

int main() {
  for (std::string line; std::getline(std::cin, line);) std::cout << drtriton::Facts(line).dump() << std::endl;
}
