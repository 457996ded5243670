#include "graph/program.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>

#include "base/error.h"

namespace drtriton {
namespace {

void CollectValues(const Attr& attr, std::vector<ValueId>& ids) {
  if (attr.IsValue()) {
    ids.push_back(attr.AsValue());
  } else if (attr.Is<AttrList>()) {
    for (const Attr& item : attr.AsList()) CollectValues(item, ids);
  }
}

void CollectValues(const Tree& tree, std::vector<ValueId>& ids) {
  if (tree.kind == Tree::Kind::kValue && tree.value >= 0) ids.push_back(tree.value);
  for (const Tree& child : tree.children) CollectValues(child, ids);
}

bool IsPythonKeyword(std::string_view word) {
  static constexpr std::array<std::string_view, 35> kKeywords = {
      "False", "None",     "True",  "and",    "as",   "assert", "async",  "await",    "break",
      "class", "continue", "def",   "del",    "elif", "else",   "except", "finally",  "for",
      "from",  "global",   "if",    "import", "in",   "is",     "lambda", "nonlocal", "not",
      "or",    "pass",     "raise", "return", "try",  "while",  "with",   "yield"};
  return std::find(kKeywords.begin(), kKeywords.end(), word) != kKeywords.end();
}

bool IsWord(std::string_view text) {
  if (text.empty()) return false;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!is_letter(text[0])) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

// "namespace.name.overload", each part a word.
bool IsOperatorName(std::string_view op) {
  const size_t first = op.find('.');
  const size_t second = first == op.npos ? op.npos : op.find('.', first + 1);
  if (second == op.npos) return false;
  return IsWord(op.substr(0, first)) && IsWord(op.substr(first + 1, second - first - 1)) &&
         IsWord(op.substr(second + 1));
}

// Sizes stay far below 2^63, so that products of sizes, strides and element bytes cannot overflow.
constexpr int64_t kLargestExtent = int64_t{1} << 50;
constexpr size_t kLargestRank = 64;

bool FitsMemory(const Shape& shape, const Shape& strides) {
  int64_t elements = 1;
  int64_t extent = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] > kLargestExtent || strides[i] > kLargestExtent) return false;
    if (shape[i] > 1 && strides[i] > kLargestExtent / (shape[i] - 1)) return false;
    extent += shape[i] > 0 ? (shape[i] - 1) * strides[i] : 0;
    if (shape[i] > 1 && elements > kLargestExtent / shape[i]) return false;
    elements *= std::max<int64_t>(shape[i], 1);
    if (extent > kLargestExtent) return false;
  }
  return true;
}

// Carries out Program::Validate(), rule by rule.
class Validator {
 public:
  explicit Validator(const Program& program) : program_(program) {}

  void Run() {
    for (size_t i = 0; i < program_.values.size(); ++i) CheckValue(program_.values[i]);
    for (size_t i = 0; i < program_.nodes.size(); ++i) CheckNode(static_cast<int32_t>(i));
    CheckInputs();
    CheckTree(program_.result, "result");
    // A Fragment's Program has no arguments of its own: an unset tree is allowed.
    const Tree& arguments = program_.arguments;
    if (arguments.kind != Tree::Kind::kValue || arguments.value >= 0) CheckTree(arguments, "arguments");
    for (ValueId id : arguments.Values()) {
      Check(program_.value(id).kind == ValueKind::kInput, "arguments", "hold a value that is not an input");
    }
    CheckMutations();
  }

 private:
  static void Check(bool holds, const std::string& where, const std::string& what) {
    if (!holds) throw InternalError("invalid program: " + where + " " + what);
  }

  bool InRange(ValueId id) const { return id >= 0 && static_cast<size_t>(id) < program_.values.size(); }

  void CheckValue(const Value& value) {
    const std::string where = "value '" + value.name + "'";
    Check(IsWord(value.name) && !IsPythonKeyword(value.name), where, "is not named by a Python identifier");
    Check(names_.insert(value.name).second, where, "occurs twice");
    Check(value.shape.size() <= kLargestRank, where, "has too many dimensions");
    Check(value.shape.size() == value.strides.size(), where, "has a stride count that differs from its rank");
    for (int64_t size : value.shape) Check(size >= 0, where, "has a negative size");
    for (int64_t stride : value.strides) Check(stride >= 0, where, "has a negative stride");
    Check(FitsMemory(value.shape, value.strides), where, "is larger than any memory");
    if (value.kind == ValueKind::kNode) {
      CheckProducer(value, where);
    } else {
      Check(value.node == -1, where, "is a leaf but names a producing node");
    }
    if (value.kind == ValueKind::kParameter || value.kind == ValueKind::kBuffer || value.kind == ValueKind::kConstant) {
      Check(!value.target.empty(), where, "has no target name");
      Check(targets_.insert(value.target).second, where, "shares its target '" + value.target + "' with another value");
    }
  }

  void CheckProducer(const Value& value, const std::string& where) {
    const bool in_range = value.node >= 0 && static_cast<size_t>(value.node) < program_.nodes.size();
    Check(in_range, where, "names a producing node that does not exist");
    const std::vector<ValueId>& outputs = program_.nodes[static_cast<size_t>(value.node)].outputs;
    const bool listed = value.output_index >= 0 && static_cast<size_t>(value.output_index) < outputs.size();
    const ValueId self = static_cast<ValueId>(&value - program_.values.data());
    Check(listed && outputs[static_cast<size_t>(value.output_index)] == self, where, "is not listed by its producer");
  }

  void CheckNode(int32_t index) {
    const Node& node = program_.nodes[static_cast<size_t>(index)];
    const std::string where = "node " + std::to_string(index) + " (" + node.op + ")";
    Check(IsOperatorName(node.op), where, "has no operator name of the form namespace.name.overload");
    for (ValueId id : node.Inputs()) {
      Check(InRange(id), where, "reads value " + std::to_string(id) + ", which does not exist");
      const Value& input = program_.value(id);
      const bool ready = input.kind != ValueKind::kNode || input.node < index;
      Check(ready, where, "reads '" + input.name + "' before it is computed");
    }
    Check(!node.outputs.empty(), where, "has no results");
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      const ValueId id = node.outputs[k];
      if (id == -1) continue;
      Check(InRange(id), where, "gives value " + std::to_string(id) + ", which does not exist");
      const Value& output = program_.value(id);
      const bool linked =
          output.kind == ValueKind::kNode && output.node == index && output.output_index == static_cast<int32_t>(k);
      Check(linked, where, "gives '" + output.name + "', which does not name it as its producer");
    }
  }

  void CheckInputs() {
    std::unordered_set<ValueId> listed;
    for (ValueId id : program_.inputs) {
      Check(InRange(id), "inputs", "hold value " + std::to_string(id) + ", which does not exist");
      Check(program_.value(id).kind != ValueKind::kNode, "inputs",
            "hold '" + program_.value(id).name + "', a node's result");
      Check(listed.insert(id).second, "inputs", "hold '" + program_.value(id).name + "' twice");
    }
    for (size_t i = 0; i < program_.values.size(); ++i) {
      const bool missing = program_.values[i].kind == ValueKind::kInput && !listed.contains(static_cast<ValueId>(i));
      Check(!missing, "inputs", "lack the input '" + program_.values[i].name + "'");
    }
  }

  void CheckTree(const Tree& tree, const std::string& where) {
    if (tree.kind == Tree::Kind::kValue) {
      Check(InRange(tree.value), where, "holds value " + std::to_string(tree.value) + ", which does not exist");
      Check(tree.alias_of == -1 || InRange(tree.alias_of), where, "aliases a value that does not exist");
    } else {
      Check(tree.value == -1 && tree.alias_of == -1, where, "has an inner node with a value");
    }
    const bool inner =
        tree.kind == Tree::Kind::kList || tree.kind == Tree::Kind::kTuple || tree.kind == Tree::Kind::kDict;
    Check(inner || tree.children.empty(), where, "has a leaf with children");
    const size_t keys = tree.kind == Tree::Kind::kDict ? tree.children.size() : 0;
    Check(tree.keys.size() == keys, where, "has a dict whose keys do not match its children");
    std::vector<ValueId> literal_values;
    CollectValues(tree.literal, literal_values);
    Check(literal_values.empty(), where, "has a tensor inside a literal");
    for (const Tree& child : tree.children) CheckTree(child, where);
  }

  void CheckMutations() {
    std::unordered_set<ValueId> targets;
    for (const Mutation& mutation : program_.mutations) {
      Check(InRange(mutation.target) && InRange(mutation.value), "mutations", "name a value that does not exist");
      const Value& target = program_.value(mutation.target);
      const Value& value = program_.value(mutation.value);
      const std::string where = "the mutation of '" + target.name + "'";
      Check(target.kind == ValueKind::kInput || target.kind == ValueKind::kBuffer, where,
            "writes to neither an input nor a buffer");
      Check(targets.insert(mutation.target).second, where, "occurs twice");
      Check(target.dtype == value.dtype && target.shape == value.shape, where, "changes its dtype or shape");
    }
  }

  const Program& program_;
  std::unordered_set<std::string> names_;
  std::unordered_set<std::string> targets_;
};

}  // namespace

int64_t ElementCount(const Shape& shape) {
  int64_t count = 1;
  for (int64_t size : shape) count *= size;
  return count;
}

Shape ContiguousStrides(const Shape& shape) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

bool IsContiguous(const Shape& shape, const Shape& strides) {
  if (ElementCount(shape) == 0) return true;
  int64_t expected = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    if (shape[i] == 1) continue;
    if (strides[i] != expected) return false;
    expected *= shape[i];
  }
  return true;
}

int64_t StorageExtent(const Shape& shape, const Shape& strides) {
  int64_t extent = 1;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    extent += (shape[i] - 1) * strides[i];
  }
  return extent;
}

std::vector<ValueId> Node::Inputs() const {
  std::vector<ValueId> ids;
  for (const Attr& arg : args) CollectValues(arg, ids);
  return ids;
}

std::vector<ValueId> Tree::Values() const {
  std::vector<ValueId> ids;
  CollectValues(*this, ids);
  return ids;
}

std::vector<ValueId> Program::Leaves() const {
  std::vector<ValueId> leaves;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i].kind != ValueKind::kNode) leaves.push_back(static_cast<ValueId>(i));
  }
  return leaves;
}

std::vector<ValueId> Program::Results() const {
  std::vector<ValueId> ids = result.Values();
  for (const Mutation& mutation : mutations) ids.push_back(mutation.value);
  std::unordered_set<ValueId> seen;
  std::erase_if(ids, [&](ValueId id) { return !seen.insert(id).second; });
  return ids;
}

std::vector<std::vector<int32_t>> Program::Users() const {
  std::vector<std::vector<int32_t>> users(values.size());
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (ValueId id : nodes[i].Inputs()) {
      std::vector<int32_t>& readers = users.at(static_cast<size_t>(id));
      const int32_t reader = static_cast<int32_t>(i);
      if (readers.empty() || readers.back() != reader) readers.push_back(reader);
    }
  }
  return users;
}

void Program::Validate() const { Validator(*this).Run(); }

}  // namespace drtriton
