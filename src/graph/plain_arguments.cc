#include "graph/plain_arguments.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "graph/registry.h"

namespace drtriton {
namespace {

int64_t FirstRank(const Program& program, const Node& node) {
  for (const Attr& arg : node.args) {
    const Attr* first = &arg;
    if (arg.Is<AttrList>() && !arg.AsList().empty()) first = &arg.AsList()[0];
    if (first->IsValue()) return static_cast<int64_t>(program.value(first->AsValue()).shape.size());
  }
  return 0;
}

}  // namespace

bool NamesDimension(const SchemaArgument& argument) {
  if (argument.type != ArgType::kInt) return false;
  const std::string_view name = argument.name;
  return name.starts_with("dim") || name.starts_with("axis") || name == "start_dim" || name == "end_dim" ||
         name == "source" || name == "destination";
}

int64_t DimensionCount(const Program& program, const Node& node) {
  return std::max<int64_t>(FirstRank(program, node), 1) +
         (node.op == "aten.unsqueeze.default" || node.op == "aten.stack.default" ? 1 : 0);
}

AttrList PlainArguments(const Program& program, const Node& node) {
  const Schema& schema = SchemaOf(node);
  const int64_t count = DimensionCount(program, node);
  AttrList args = node.args;
  for (size_t i = args.size(); i < schema.arguments.size() && schema.arguments[i].default_value; ++i) {
    args.push_back(*schema.arguments[i].default_value);
  }
  for (size_t i = 0; i < args.size() && i < schema.arguments.size(); ++i) {
    const SchemaArgument& argument = schema.arguments[i];
    if (NamesDimension(argument) && args[i].Is<int64_t>() && args[i].AsInt() < 0) args[i] = Attr(args[i].AsInt() + count);
    if (node.op == "aten.slice.Tensor" && args[i].IsNone() && (i == 2 || i == 3)) {
      args[i] = Attr(i == 2 ? int64_t{0} : std::numeric_limits<int64_t>::max());   // from the start, to the end
    }
  }
  return args;
}

}  // namespace drtriton
