#include "graph/program_json.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_reader.h"

namespace drtriton {
namespace {

constexpr const char* kFormat = "drtriton.program/1";
constexpr int kDeepestNesting = 32;  // of attribute lists and of argument or result trees

// In the order of ValueKind.
constexpr std::array<const char*, 5> kKindNames = {"input", "parameter", "buffer", "constant", "node"};

// ---- Attributes

Json FloatToJson(double value) {
  if (std::isnan(value)) return Json{{"float", "nan"}};
  if (std::isinf(value)) return Json{{"float", value > 0 ? "inf" : "-inf"}};
  return value;
}

struct AttrPrinter {
  Json operator()(std::monostate) const { return nullptr; }
  Json operator()(bool value) const { return value; }
  Json operator()(int64_t value) const { return value; }
  Json operator()(double value) const { return FloatToJson(value); }
  Json operator()(const std::string& value) const { return Json{{"str", value}}; }
  Json operator()(ValueRef value) const { return Json{{"v", value.id}}; }
  Json operator()(DType value) const { return Json{{"dtype", std::string(Name(value))}}; }
  Json operator()(const DeviceAttr& value) const { return Json{{"device", value.name}}; }
  Json operator()(const LayoutAttr& value) const { return Json{{"layout", value.name}}; }
  Json operator()(const MemoryFormatAttr& value) const { return Json{{"memory_format", value.name}}; }
  Json operator()(const AttrList& list) const {
    Json json = Json::array();
    for (const Attr& item : list) json.push_back(ToJson(item));
    return json;
  }
};

double NonFinite(const JsonReader& reader) {
  const std::string& text = reader.String();
  if (text == "inf") return std::numeric_limits<double>::infinity();
  if (text == "-inf") return -std::numeric_limits<double>::infinity();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  reader.Fail("is none of inf, -inf and nan");
}

DType ReadDType(const JsonReader& reader) {
  const std::optional<DType> dtype = DTypeFromName(reader.String());
  if (!dtype) reader.Fail("names the unknown dtype '" + reader.String() + "'");
  return *dtype;
}

Attr ReadTaggedAttr(const JsonReader& reader) {
  if (reader.json().size() != 1) reader.Fail("is not an attribute (one member expected)");
  if (reader.Has("v")) return Attr(ValueRef{reader.At("v").Int32(0)});
  if (reader.Has("str")) return Attr(reader.At("str").String());
  if (reader.Has("float")) return Attr(NonFinite(reader.At("float")));
  if (reader.Has("dtype")) return Attr(ReadDType(reader.At("dtype")));
  if (reader.Has("device")) return Attr(Attr::Variant(DeviceAttr{reader.At("device").String()}));
  if (reader.Has("layout")) return Attr(Attr::Variant(LayoutAttr{reader.At("layout").String()}));
  if (reader.Has("memory_format")) return Attr(Attr::Variant(MemoryFormatAttr{reader.At("memory_format").String()}));
  reader.Fail("is not an attribute (unknown member)");
}

Attr ReadAttr(const JsonReader& reader, int depth = 0) {
  const Json& json = reader.json();
  if (depth > kDeepestNesting) reader.Fail("is nested too deeply");
  if (json.is_null()) return Attr();
  if (json.is_boolean()) return Attr(reader.Bool());
  if (json.is_number_integer()) return Attr(reader.Int());
  if (json.is_number_float()) return Attr(reader.Number());
  if (json.is_object()) return ReadTaggedAttr(reader);
  if (!json.is_array()) reader.Fail("is not an attribute");
  AttrList list;
  list.reserve(reader.Size());
  for (size_t i = 0; i < reader.Size(); ++i) list.push_back(ReadAttr(reader.At(i), depth + 1));
  return Attr(std::move(list));
}

// ---- Trees

Json TreeToJson(const Tree& tree) {
  if (tree.kind == Tree::Kind::kValue) {
    Json json = {{"value", tree.value}};
    if (tree.alias_of >= 0) json["alias_of"] = tree.alias_of;
    return json;
  }
  if (tree.kind == Tree::Kind::kLiteral) return Json{{"literal", ToJson(tree.literal)}};
  const bool is_dict = tree.kind == Tree::Kind::kDict;
  Json items = Json::array();
  for (size_t i = 0; i < tree.children.size(); ++i) {
    Json child = TreeToJson(tree.children[i]);
    items.push_back(is_dict ? Json::array({tree.keys.at(i), std::move(child)}) : std::move(child));
  }
  Json json = {{is_dict ? "dict" : tree.kind == Tree::Kind::kTuple ? "tuple" : "list", std::move(items)}};
  if (tree.class_name) json["class"] = *tree.class_name;
  return json;
}

Tree ReadTree(const JsonReader& reader, int depth);

void ReadChildren(const JsonReader& items, int depth, Tree& tree) {
  for (size_t i = 0; i < items.Size(); ++i) {
    const JsonReader item = items.At(i);
    if (tree.kind == Tree::Kind::kDict) {
      if (item.Size() != 2) item.Fail("is not a pair of key and tree");
      tree.keys.push_back(item.At(size_t{0}).String());
      tree.children.push_back(ReadTree(item.At(size_t{1}), depth + 1));
    } else {
      tree.children.push_back(ReadTree(item, depth + 1));
    }
  }
}

Tree ReadTree(const JsonReader& reader, int depth = 0) {
  if (depth > kDeepestNesting) reader.Fail("is nested too deeply");
  Tree tree;
  if (reader.Has("value")) {
    tree.value = reader.At("value").Int32(-1);
    if (reader.Has("alias_of")) tree.alias_of = reader.At("alias_of").Int32(0);
    return tree;
  }
  if (reader.Has("literal")) {
    tree.kind = Tree::Kind::kLiteral;
    tree.literal = ReadAttr(reader.At("literal"));
    return tree;
  }
  const char* member = reader.Has("list") ? "list" : reader.Has("tuple") ? "tuple" : "dict";
  if (!reader.Has(member)) reader.Fail("is not a tree (none of value, literal, list, tuple, dict)");
  tree.kind = reader.Has("list") ? Tree::Kind::kList : reader.Has("tuple") ? Tree::Kind::kTuple : Tree::Kind::kDict;
  ReadChildren(reader.At(member), depth, tree);
  if (reader.Has("class")) tree.class_name = reader.At("class").String();
  return tree;
}

// ---- Values, nodes, the rest

Json ValueToJson(const Value& value) {
  Json json = {{"name", value.name},
               {"dtype", std::string(Name(value.dtype))},
               {"shape", value.shape},
               {"strides", value.strides},
               {"kind", kKindNames[static_cast<size_t>(value.kind)]}};
  if (value.kind == ValueKind::kNode) {
    json["node"] = value.node;
    json["output"] = value.output_index;
  }
  if (!value.target.empty()) json["target"] = value.target;
  return json;
}

ValueKind ReadKind(const JsonReader& reader) {
  for (size_t i = 0; i < kKindNames.size(); ++i) {
    if (reader.String() == kKindNames[i]) return static_cast<ValueKind>(i);
  }
  reader.Fail("is not a kind of value");
}

Value ReadValue(const JsonReader& reader) {
  Value value;
  value.name = reader.At("name").String();
  value.dtype = ReadDType(reader.At("dtype"));
  value.shape = reader.At("shape").Ints(0);
  value.strides = reader.At("strides").Ints(0);
  value.kind = ReadKind(reader.At("kind"));
  if (value.kind == ValueKind::kNode) {
    value.node = reader.At("node").Int32(0);
    value.output_index = reader.At("output").Int32(0);
  }
  if (reader.Has("target")) value.target = reader.At("target").String();
  return value;
}

Json NodeToJson(const Node& node) {
  Json args = Json::array();
  for (const Attr& arg : node.args) args.push_back(ToJson(arg));
  Json json = {{"op", node.op}, {"args", std::move(args)}, {"outputs", node.outputs}};
  if (!node.schema.empty()) json["schema"] = node.schema;
  return json;
}

std::vector<ValueId> ReadIds(const JsonReader& reader, int32_t least) {
  std::vector<ValueId> ids;
  for (size_t i = 0; i < reader.Size(); ++i) ids.push_back(reader.At(i).Int32(least));
  return ids;
}

Node ReadNode(const JsonReader& reader) {
  Node node;
  node.op = reader.At("op").String();
  const JsonReader args = reader.At("args");
  for (size_t i = 0; i < args.Size(); ++i) node.args.push_back(ReadAttr(args.At(i)));
  node.outputs = ReadIds(reader.At("outputs"), -1);
  if (reader.Has("schema")) node.schema = reader.At("schema").String();
  return node;
}

Json ContextToJson(const RunContext& context) {
  return Json{{"training", context.training},
              {"matmul_tf32", context.matmul_tf32},
              {"cudnn_tf32", context.cudnn_tf32},
              {"reduced_precision_bf16", context.reduced_precision_bf16},
              {"reduced_precision_fp16", context.reduced_precision_fp16}};
}

RunContext ReadContext(const JsonReader& reader) {
  RunContext context;
  context.training = reader.At("training").Bool();
  context.matmul_tf32 = reader.At("matmul_tf32").Bool();
  context.cudnn_tf32 = reader.At("cudnn_tf32").Bool();
  context.reduced_precision_bf16 = reader.At("reduced_precision_bf16").Bool();
  context.reduced_precision_fp16 = reader.At("reduced_precision_fp16").Bool();
  return context;
}

}  // namespace

Json ToJson(const Attr& attr) { return std::visit(AttrPrinter(), attr.variant()); }

Json ToJson(const Program& program) {
  Json values = Json::array();
  for (const Value& value : program.values) values.push_back(ValueToJson(value));
  Json nodes = Json::array();
  for (const Node& node : program.nodes) nodes.push_back(NodeToJson(node));
  Json mutations = Json::array();
  for (const Mutation& m : program.mutations) mutations.push_back(Json{{"target", m.target}, {"value", m.value}});
  return Json{{"format", kFormat},
              {"name", program.name},
              {"device", program.device},
              {"values", std::move(values)},
              {"nodes", std::move(nodes)},
              {"inputs", program.inputs},
              {"arguments", TreeToJson(program.arguments)},
              {"result", TreeToJson(program.result)},
              {"mutations", std::move(mutations)},
              {"context", ContextToJson(program.context)}};
}

Attr AttrFromJson(const Json& json) { return ReadAttr(JsonReader(json, "attribute")); }

Program ProgramFromJson(const Json& json) {
  const JsonReader reader(json, "program");
  if (reader.At("format").String() != kFormat) reader.At("format").Fail(std::string("is not ") + kFormat);
  Program program;
  program.name = reader.At("name").String();
  program.device = reader.At("device").String();
  const JsonReader values = reader.At("values");
  for (size_t i = 0; i < values.Size(); ++i) program.values.push_back(ReadValue(values.At(i)));
  const JsonReader nodes = reader.At("nodes");
  for (size_t i = 0; i < nodes.Size(); ++i) program.nodes.push_back(ReadNode(nodes.At(i)));
  program.inputs = ReadIds(reader.At("inputs"), 0);
  program.arguments = ReadTree(reader.At("arguments"));
  program.result = ReadTree(reader.At("result"));
  const JsonReader mutations = reader.At("mutations");
  for (size_t i = 0; i < mutations.Size(); ++i) {
    const JsonReader item = mutations.At(i);
    program.mutations.push_back({item.At("target").Int32(0), item.At("value").Int32(0)});
  }
  program.context = ReadContext(reader.At("context"));
  try {
    program.Validate();
  } catch (const InternalError& error) {
    throw UserError(error.what());  // here the program is input, so what is wrong with it is not our bug
  }
  return program;
}

}  // namespace drtriton
