// ParseFlatText(): reads the text line by line; the grammar of the lines is in program_python.h.
#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "graph/call_parser.h"
#include "graph/program_python.h"
#include "graph/python_expression.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\r')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// Splits at commas outside brackets.
std::vector<std::string_view> SplitCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
    if (c != ',' || depth > 0) continue;
    parts.push_back(Trim(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  if (const std::string_view last = Trim(text.substr(begin)); !last.empty()) parts.push_back(last);
  return parts;
}

struct Type {
  DType dtype = DType::kFloat32;
  Shape shape;
  Shape strides;
};

class FlatParser {
 public:
  Program Parse(std::string_view text) {
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      const std::string_view line = Trim(text.substr(0, end));
      text.remove_prefix(std::min(end + 1, text.size()));
      try {
        if (!line.empty()) Line(line);
      } catch (const UserError& error) {
        throw UserError("line " + std::to_string(line_) + ": " + error.what());
      }
    }
    if (!returned_) throw UserError("the program does not return");
    if (!has_arguments_) SetPlainArguments();
    ApplyNotes(program_.result, "result");
    ApplyNotes(program_.arguments, "arguments");
    try {
      program_.Validate();
    } catch (const InternalError& error) {
      throw UserError(error.what());
    }
    return std::move(program_);
  }

 private:
  void Line(std::string_view line) {
    if (returned_) throw UserError("something stands behind the return");
    if (!defined_ && line.starts_with("# ")) return Title(line.substr(2));
    if (line.starts_with("def forward(")) return Definition(line);
    if (!defined_) throw UserError("'def forward(...):' expected");
    if (line.starts_with("# ")) return Comment(line.substr(2));
    if (line.starts_with("return ")) return Return(line.substr(7));
    const size_t copy = line.find(".copy_(");
    if (copy != line.npos && line.ends_with(")") && line.find(" = ") == line.npos) {
      return Mutate(line.substr(0, copy), line.substr(copy + 7, line.size() - copy - 8));
    }
    Operation(line);
  }

  void Title(std::string_view text) {
    const size_t on = text.rfind(" on ");
    if (on == text.npos) throw UserError("'# name on device' expected");
    program_.name = std::string(text.substr(0, on));
    program_.device = std::string(text.substr(on + 4));
  }

  void Definition(std::string_view line) {
    if (defined_ || !line.ends_with("):")) throw UserError("'def forward(...):' expected once");
    defined_ = true;
    bool listed = true;
    const size_t open = line.find('(') + 1;
    for (std::string_view name : SplitCommas(line.substr(open, line.size() - open - 2))) {
      if (name == "*") {
        listed = false;
        continue;
      }
      const ValueId id = AddValue(std::string(name));
      program_.value(id).kind = ValueKind::kInput;
      if (listed) program_.inputs.push_back(id);
    }
  }

  // A leaf's type, or a fact about the program.
  void Comment(std::string_view text) {
    const size_t colon = text.find(": ");
    if (colon == text.npos) throw UserError("a comment that is no fact");
    const std::string what(text.substr(0, colon));
    const std::string_view rest = text.substr(colon + 2);
    if (ids_.contains(what)) return Leaf(program_.value(ids_[what]), rest);
    if (what == "context") return Context(rest);
    if (what == "arguments") return Arguments(rest);
    for (const char* tree : {"arguments", "result"}) {
      for (const char* kind : {"classes", "aliases"}) {
        if (what == std::string(tree) + " " + kind) return void(notes_[what] = std::string(rest));
      }
    }
    throw UserError("a comment that is no fact: '" + what + "'");
  }

  void Leaf(Value& value, std::string_view text) {
    static constexpr std::array<const char*, 3> kKinds = {" parameter ", " buffer ", " constant "};
    for (size_t i = 0; i < kKinds.size(); ++i) {
      const size_t at = text.find(kKinds[i]);
      if (at == text.npos) continue;
      value.kind = static_cast<ValueKind>(i + 1);
      const PyExpr target = ParsePyExpr(text.substr(at + std::string_view(kKinds[i]).size()));
      if (!target.literal.Is<std::string>()) throw UserError("a leaf's target has to be a string");
      value.target = target.literal.AsString();
      text = text.substr(0, at);
      break;
    }
    SetType(value, ParseType(text));
  }

  static Shape ParseNumbers(std::string_view text) {
    Shape numbers;
    for (std::string_view part : SplitCommas(text)) {
      int64_t number = -1;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
      if (error != std::errc() || end != part.data() + part.size() || number < 0)
        throw UserError("'" + std::string(part) + "' is no size");
      numbers.push_back(number);
    }
    return numbers;
  }

  // f32[2, 3]{1, 2}
  static Type ParseType(std::string_view text) {
    text = Trim(text);
    const std::string whole(text);
    const size_t open = text.find('[');
    const size_t close = text.find(']');
    if (open == text.npos || close == text.npos || close < open) throw UserError("'" + whole + "' is no type");
    Type type;
    bool known = false;
    for (int i = 0; i < kDTypeCount; ++i) {
      if (ShortName(static_cast<DType>(i)) != text.substr(0, open)) continue;
      type.dtype = static_cast<DType>(i);
      known = true;
    }
    if (!known) throw UserError("'" + whole + "' has no known dtype");
    type.shape = ParseNumbers(text.substr(open + 1, close - open - 1));
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) {
      type.strides = ContiguousStrides(type.shape);
    } else {
      if (!rest.starts_with('{') || !rest.ends_with('}')) throw UserError("'" + whole + "' is no type");
      type.strides = ParseNumbers(rest.substr(1, rest.size() - 2));
    }
    return type;
  }

  static void SetType(Value& value, Type type) {
    value.dtype = type.dtype;
    value.shape = std::move(type.shape);
    value.strides = std::move(type.strides);
  }

  void Context(std::string_view text) {
    RunContext& context = program_.context;
    const std::array<std::pair<std::string_view, bool*>, 5> facts = {
        {{"training", &context.training},
         {"matmul_tf32", &context.matmul_tf32},
         {"cudnn_tf32", &context.cudnn_tf32},
         {"reduced_precision_bf16", &context.reduced_precision_bf16},
         {"reduced_precision_fp16", &context.reduced_precision_fp16}}};
    for (std::string_view part : SplitCommas(text)) {
      const size_t equals = part.find('=');
      const auto fact =
          std::find_if(facts.begin(), facts.end(), [&](const auto& f) { return f.first == part.substr(0, equals); });
      if (equals == part.npos || fact == facts.end())
        throw UserError("'" + std::string(part) + "' is no fact about the context");
      *fact->second = part.substr(equals + 1) == "True";
    }
  }

  void Arguments(std::string_view text) {
    has_arguments_ = true;
    if (text != "none") program_.arguments = ToTree(ParsePyExpr(text));
  }

  void SetPlainArguments() {
    program_.arguments.kind = Tree::Kind::kTuple;
    for (ValueId id : program_.inputs) {
      if (program_.value(id).kind == ValueKind::kInput) program_.arguments.children.push_back(Tree{.value = id});
    }
  }

  void Return(std::string_view text) {
    returned_ = true;
    program_.result = ToTree(ParsePyExpr(text));
  }

  void Mutate(std::string_view target, std::string_view value) {
    program_.mutations.push_back({Id(std::string(Trim(target))), Id(std::string(Trim(value)))});
  }

  // a, b = call  # types; schema
  void Operation(std::string_view line) {
    const size_t equals = line.find(" = ");
    const size_t hash = line.rfind("  # ");
    if (equals == line.npos || hash == line.npos || hash < equals) throw UserError("'name = call  # type' expected");
    std::string_view types = line.substr(hash + 4);
    std::string schema;
    if (const size_t semicolon = types.find("; "); semicolon != types.npos) {
      schema = std::string(types.substr(semicolon + 2));
      types = types.substr(0, semicolon);
    }
    const IdOf id_of = [this](const std::string& name) -> std::optional<ValueId> {
      const auto found = ids_.find(name);
      return found == ids_.end() ? std::nullopt : std::optional<ValueId>(found->second);
    };
    Node node = ParseCall(ParsePyExpr(line.substr(equals + 3, hash - equals - 3)), id_of, schema);
    AddResults(node, SplitCommas(line.substr(0, equals)), SplitCommas(types));
    program_.nodes.push_back(std::move(node));
  }

  void AddResults(Node& node, const std::vector<std::string_view>& names, const std::vector<std::string_view>& types) {
    if (names.empty() || names.size() != types.size()) throw UserError("names and types differ in number");
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == "_") {
        node.outputs.push_back(-1);
        continue;
      }
      const Type type = ParseType(types[i]);
      const ValueId id = AddValue(std::string(names[i]));
      Value& value = program_.value(id);
      SetType(value, type);
      value.node = static_cast<int32_t>(program_.nodes.size());
      value.output_index = static_cast<int32_t>(i);
      node.outputs.push_back(id);
    }
  }

  ValueId AddValue(std::string name) {
    const ValueId id = static_cast<ValueId>(program_.values.size());
    if (!ids_.emplace(name, id).second) throw UserError("the name '" + name + "' is defined twice");
    program_.values.push_back(Value{.name = std::move(name)});
    return id;
  }

  ValueId Id(const std::string& name) const {
    const auto found = ids_.find(name);
    if (found == ids_.end()) throw UserError("the name '" + name + "' is not defined");
    return found->second;
  }

  Tree ToTree(const PyExpr& expr) const {
    Tree tree;
    switch (expr.kind) {
      case PyExpr::Kind::kName:
        tree.value = Id(expr.text);
        return tree;
      case PyExpr::Kind::kLiteral:
        tree.kind = Tree::Kind::kLiteral;
        tree.literal = expr.literal;
        return tree;
      case PyExpr::Kind::kTuple:
        tree.kind = Tree::Kind::kTuple;
        break;
      case PyExpr::Kind::kList:
        tree.kind = Tree::Kind::kList;
        break;
      case PyExpr::Kind::kDict:
        tree.kind = Tree::Kind::kDict;
        tree.keys = expr.keys;
        break;
      default:
        throw UserError("a result has to be a value, a literal, a list, a tuple or a dict");
    }
    for (const PyExpr& item : expr.items) tree.children.push_back(ToTree(item));
    return tree;
  }

  // "0 is module:Class, 2 is ..." and "1 of x": by the number of the inner node or leaf.
  std::unordered_map<int, std::string> Notes(const std::string& what, std::string_view word) const {
    std::unordered_map<int, std::string> notes;
    const auto found = notes_.find(what);
    if (found == notes_.end()) return notes;
    for (std::string_view part : SplitCommas(found->second)) {
      const size_t at = part.find(word);
      int number = -1;
      const auto error = std::from_chars(part.data(), part.data() + std::min(at, part.size()), number).ec;
      if (at == part.npos || error != std::errc())
        throw UserError("'" + std::string(part) + "' is not understood in '# " + what + "'");
      notes[number] = std::string(part.substr(at + word.size()));
    }
    return notes;
  }

  void ApplyNotes(Tree& tree, const std::string& what) {
    const auto classes = Notes(what + " classes", " is ");
    const auto aliases = Notes(what + " aliases", " of ");
    int inner = 0;
    int leaf = 0;
    ApplyNotes(tree, classes, aliases, inner, leaf);
  }

  void ApplyNotes(Tree& tree, const std::unordered_map<int, std::string>& classes,
                  const std::unordered_map<int, std::string>& aliases, int& inner, int& leaf) {
    if (tree.kind == Tree::Kind::kLiteral) return;
    if (tree.kind == Tree::Kind::kValue) {
      if (const auto found = aliases.find(leaf++); found != aliases.end()) tree.alias_of = Id(found->second);
      return;
    }
    if (const auto found = classes.find(inner++); found != classes.end()) tree.class_name = found->second;
    for (Tree& child : tree.children) ApplyNotes(child, classes, aliases, inner, leaf);
  }

  Program program_;
  std::unordered_map<std::string, ValueId> ids_;
  std::unordered_map<std::string, std::string> notes_;
  int line_ = 0;
  bool defined_ = false;
  bool returned_ = false;
  bool has_arguments_ = false;
};

}  // namespace

Program ParseFlatText(std::string_view text) { return FlatParser().Parse(text); }

}  // namespace drtriton
