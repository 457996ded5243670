#include "emit/operator_call.h"

#include <array>
#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "emit/python_text.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

// Operators that may return their input's memory, without those that registry's IsView() knows.
constexpr std::array<std::string_view, 10> kSharing = {"aten.contiguous.default", "aten.reshape.default", "aten.to.dtype",
                                                       "aten.flatten.using_ints", "aten.detach.default", "aten.alias.default",
                                                       "aten.lift_fresh.default", "aten.expand_as.default",
                                                       "aten.dropout.default", "aten.view_as.default"};

std::string Expression(const Attr& attr, const CallStyle& style) {
  if (attr.IsValue()) return style.value(attr.AsValue());
  const auto* device = std::get_if<DeviceAttr>(&attr.variant());
  if (device != nullptr && !style.device.empty() && device->name.rfind("cuda", 0) == 0) return style.device;
  if (!attr.Is<AttrList>()) return PythonLiteral(attr, style.torch);
  std::string text = "[";
  for (size_t i = 0; i < attr.AsList().size(); ++i) text += (i ? ", " : "") + Expression(attr.AsList()[i], style);
  return text + "]";
}

std::optional<Schema> KnownSchema(const Node& node) {
  if (node.schema.empty() && FindOperator(node.op) == nullptr) return std::nullopt;
  return SchemaOf(node);
}

// Views as methods: they cost the host less than a call through the dispatcher's generic entry, and read better.
std::optional<std::string> ViewMethod(const Program& program, const Node& node, const CallStyle& style) {
  if (node.outputs.size() != 1 || node.outputs[0] < 0 || node.args.empty() || !node.args[0].IsValue()) return std::nullopt;
  const std::string base = style.value(node.args[0].AsValue());
  const std::string shape = PythonTuple(program.value(node.outputs[0]).shape);
  const std::string& op = node.op;
  if (op == "aten.view.default") return base + ".view(" + shape + ")";
  if (op == "aten.reshape.default" || op == "aten.flatten.using_ints") return base + ".reshape(" + shape + ")";
  if (op == "aten.expand.default") return base + ".expand(" + shape + ")";
  if (op == "aten.t.default") return base + ".t()";
  const bool one = op == "aten.unsqueeze.default" || op == "aten.squeeze.dim";
  const bool two = op == "aten.transpose.int" || op == "aten.select.int";
  if (one || two || op == "aten.permute.default") {
    std::string text = base + op.substr(4, op.rfind('.') - 4) + "(";
    for (size_t i = 1; i < node.args.size(); ++i) text += (i > 1 ? ", " : "") + Expression(node.args[i], style);
    return text + ")";
  }
  return std::nullopt;
}

}  // namespace

std::string PlainOperatorCall(const Node& node, const CallStyle& style) {
  const std::optional<Schema> schema = KnownSchema(node);
  std::string text = style.torch + ".ops." + node.op + "(";
  for (size_t i = 0; i < node.args.size(); ++i) {
    const SchemaArgument* argument = schema && i < schema->arguments.size() ? &schema->arguments[i] : nullptr;
    const bool keyword = argument != nullptr && argument->keyword_only;
    if (keyword && argument->default_value && SameArgument(*argument, node.args[i], *argument->default_value)) continue;
    text += (text.back() == '(' ? "" : ", ") + (keyword ? argument->name + "=" : "") + Expression(node.args[i], style);
  }
  return text + ")";
}

std::string OperatorCall(const Program& program, const Node& node, const CallStyle& style) {
  if (auto view = ViewMethod(program, node, style)) return *view;
  return PlainOperatorCall(node, style);
}

std::string ResultPattern(const Node& node, const std::function<std::string(ValueId)>& name) {
  const std::optional<Schema> schema = KnownSchema(node);
  const bool list = schema && schema->results.size() == 1 && schema->results[0].is_list;
  std::string text;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    text += (i ? ", " : "") + (node.outputs[i] < 0 ? std::string("_") : name(node.outputs[i]));
  }
  return list && node.outputs.size() == 1 ? text + "," : text;
}

bool MayShareMemory(const std::string& op) {
  return IsView(op) || std::find(kSharing.begin(), kSharing.end(), op) != kSharing.end();
}

}  // namespace drtriton
