#include "synth/json_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "graph/program_json.h"
#include "synth/module_sizes.h"

namespace drtriton {
namespace {

// In the order of ValueKind.
constexpr std::array<std::string_view, 5> kKindNames = {"input", "parameter", "buffer", "constant", "node"};

template <typename List, typename AppendItem>
void AppendArray(std::string& out, const List& list, const AppendItem& append_item) {
  out += '[';
  bool first = true;
  for (const auto& item : list) {
    if (!first) out += ',';
    first = false;
    append_item(item);
  }
  out += ']';
}

template <typename Int>
void AppendInts(std::string& out, const std::vector<Int>& values) {
  AppendArray(out, values, [&](Int value) { AppendInt(out, value); });
}

void AppendMember(std::string& out, std::string_view name, std::string_view text) {
  out += ",\"";
  out += name;
  out += "\":";
  AppendJsonString(out, text);
}

// The kinds that sampled programs are full of; the rest is left to the general printer.
void AppendAttr(std::string& out, const Attr& attr) {
  if (attr.IsNone()) {
    out += "null";
  } else if (attr.Is<bool>()) {
    out += attr.AsBool() ? "true" : "false";
  } else if (attr.Is<int64_t>()) {
    AppendInt(out, attr.AsInt());
  } else if (attr.IsValue()) {
    out += "{\"v\":";
    AppendInt(out, attr.AsValue());
    out += '}';
  } else if (attr.Is<double>() && std::isfinite(attr.AsDouble())) {
    AppendJsonFloat(out, attr.AsDouble());
  } else if (attr.Is<AttrList>()) {
    AppendArray(out, attr.AsList(), [&](const Attr& item) { AppendAttr(out, item); });
  } else {
    out += ToJson(attr).dump();
  }
}

void AppendValue(std::string& out, const Value& value) {
  out += "{\"name\":";
  AppendJsonString(out, value.name);
  AppendMember(out, "dtype", Name(value.dtype));
  out += ",\"shape\":";
  AppendInts(out, value.shape);
  out += ",\"strides\":";
  AppendInts(out, value.strides);
  AppendMember(out, "kind", kKindNames[static_cast<size_t>(value.kind)]);
  if (value.kind == ValueKind::kNode) {
    out += ",\"node\":";
    AppendInt(out, value.node);
    out += ",\"output\":";
    AppendInt(out, value.output_index);
  }
  if (!value.target.empty()) AppendMember(out, "target", value.target);
  out += '}';
}

void AppendNode(std::string& out, const Node& node) {
  out += "{\"op\":";
  AppendJsonString(out, node.op);
  out += ",\"args\":";
  AppendArray(out, node.args, [&](const Attr& arg) { AppendAttr(out, arg); });
  out += ",\"outputs\":";
  AppendInts(out, node.outputs);
  if (!node.schema.empty()) AppendMember(out, "schema", node.schema);
  out += '}';
}

// Trees of tensors in tuples and lists, which is all that sampled programs have.
bool IsSimple(const Tree& tree) {
  const bool known = tree.kind == Tree::Kind::kValue || tree.kind == Tree::Kind::kTuple || tree.kind == Tree::Kind::kList;
  return known && !tree.class_name && std::all_of(tree.children.begin(), tree.children.end(), IsSimple);
}

void AppendTree(std::string& out, const Tree& tree) {
  if (tree.kind == Tree::Kind::kValue) {
    out += "{\"value\":";
    AppendInt(out, tree.value);
    if (tree.alias_of >= 0) {
      out += ",\"alias_of\":";
      AppendInt(out, tree.alias_of);
    }
  } else {
    out += tree.kind == Tree::Kind::kTuple ? "{\"tuple\":" : "{\"list\":";
    AppendArray(out, tree.children, [&](const Tree& child) { AppendTree(out, child); });
  }
  out += '}';
}

void AppendContext(std::string& out, const RunContext& context) {
  const auto flag = [&](std::string_view name, bool value) {
    out += '"';
    out += name;
    out += value ? "\":true" : "\":false";
  };
  out += '{';
  flag("training", context.training);
  out += ',';
  flag("matmul_tf32", context.matmul_tf32);
  out += ',';
  flag("cudnn_tf32", context.cudnn_tf32);
  out += ',';
  flag("reduced_precision_bf16", context.reduced_precision_bf16);
  out += ',';
  flag("reduced_precision_fp16", context.reduced_precision_fp16);
  out += '}';
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  size_t plain = 0;  // where the piece begins that needs no escape
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out += '\\';
    if (c == '\n') {
      out += 'n';
    } else if (c == '"' || c == '\\') {
      out += c;
    } else {
      out += "u00";
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[c & 15];
    }
  }
  out.append(text, plain);
  out += '"';
}

void AppendJsonFloat(std::string& out, double value) { out += nlohmann::json(value).dump(); }

void AppendProgramJson(std::string& out, const Program& program) {
  if (!IsSimple(program.arguments) || !IsSimple(program.result)) {
    out += ToJson(program).dump();
    return;
  }
  out += "{\"format\":\"drtriton.program/1\",\"name\":";
  AppendJsonString(out, program.name);
  AppendMember(out, "device", program.device);
  out += ",\"values\":";
  AppendArray(out, program.values, [&](const Value& value) { AppendValue(out, value); });
  out += ",\"nodes\":";
  AppendArray(out, program.nodes, [&](const Node& node) { AppendNode(out, node); });
  out += ",\"inputs\":";
  AppendInts(out, program.inputs);
  out += ",\"arguments\":";
  AppendTree(out, program.arguments);
  out += ",\"result\":";
  AppendTree(out, program.result);
  out += ",\"mutations\":";
  AppendArray(out, program.mutations, [&](const Mutation& mutation) {
    out += "{\"target\":";
    AppendInt(out, mutation.target);
    out += ",\"value\":";
    AppendInt(out, mutation.value);
    out += '}';
  });
  out += ",\"context\":";
  AppendContext(out, program.context);
  out += '}';
}

}  // namespace drtriton
