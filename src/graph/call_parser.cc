// A form of the registry is parsed as a Python expression itself, with names like `hole_2` for its holes, and unified
// with the expression at hand.  Several operators may share a form (`{self} + {other}`, `torch.max`); one whose
// arguments fit its schema and that prints the same text again wins.
#include "graph/call_parser.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "graph/call_text.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

using Bindings = std::map<int, Attr>;

// What an expression is at its root, so that only forms of the same kind are tried: "F.gelu", ".view()", ".T", "+",
// "-x". A method of a value has the same key whatever the value is.
std::string KeyOf(const PyExpr& expr, const std::function<bool(const std::string&)>& is_value) {
  const auto dotted = [&](const PyExpr& e) {
    const PyExpr* root = &e;
    while (root->kind == PyExpr::Kind::kAttribute) root = &root->items[0];
    const bool on_value = root->kind != PyExpr::Kind::kName || is_value(root->text);
    return on_value ? "." + e.text : DottedName(e);
  };
  switch (expr.kind) {
    case PyExpr::Kind::kCall:
      return dotted(expr.items[0]) + "()";
    case PyExpr::Kind::kAttribute:
      return dotted(expr);
    case PyExpr::Kind::kBinary:
      return expr.text;
    case PyExpr::Kind::kUnary:
      return expr.text + "x";
    default:
      return "";
  }
}

struct Candidate {
  const OperatorInfo* info = nullptr;
  bool callable = false;  // arguments after the schema; else after the pattern
  bool method = false;
  PyExpr pattern;
};

constexpr std::string_view kHole = "hole_";
constexpr std::string_view kSplat = "splat_";

bool IsHole(const std::string& name) { return name.starts_with(kHole) || name.starts_with(kSplat); }

Candidate MakeCandidate(const OperatorInfo& info, const Form& form, std::string* key) {
  Candidate candidate{.info = &info};
  if (!form.callable.empty()) {
    candidate.callable = true;
    candidate.method = form.callable.starts_with('.');
    *key = form.callable + "()";
    return candidate;
  }
  std::string text;
  for (const FormPiece& piece : form.pieces) {
    text +=
        piece.argument < 0 ? piece.text : std::string(piece.splat ? kSplat : kHole) + std::to_string(piece.argument);
  }
  candidate.pattern = ParsePyExpr(text);
  *key = KeyOf(candidate.pattern, IsHole);
  return candidate;
}

const std::vector<Candidate>& CandidatesFor(const std::string& key) {
  static const auto* const table = [] {
    auto* candidates = new std::unordered_map<std::string, std::vector<Candidate>>;
    for (const OperatorInfo& info : AllOperators()) {
      for (const Form& form : FormsOf(info)) {
        std::string form_key;
        Candidate candidate = MakeCandidate(info, form, &form_key);
        (*candidates)[form_key].push_back(std::move(candidate));
      }
    }
    return candidates;
  }();
  static const std::vector<Candidate> none;
  const auto found = table->find(key);
  return found == table->end() ? none : found->second;
}

// ---- Unification

class Unifier {
 public:
  Unifier(const OperatorInfo& info, const IdOf& id_of) : info_(info), id_of_(id_of) {}

  bool Match(const PyExpr& pattern, const PyExpr& expr) {
    if (pattern.kind == PyExpr::Kind::kName && pattern.text.starts_with(kHole)) {
      return Bind(std::stoi(pattern.text.substr(kHole.size())), AttrFromPython(expr, id_of_));
    }
    if (pattern.kind != expr.kind || pattern.text != expr.text) return false;
    if (pattern.kind == PyExpr::Kind::kLiteral) return pattern.literal == expr.literal;
    if (pattern.kind == PyExpr::Kind::kCall) return MatchCall(pattern, expr);
    if (pattern.items.size() != expr.items.size()) return false;
    for (size_t i = 0; i < pattern.items.size(); ++i) {
      if (!Match(pattern.items[i], expr.items[i])) return false;
    }
    return true;
  }

  Bindings bindings;

 private:
  bool Bind(int argument, Attr value) {
    const SchemaArgument& schema = info_.schema.arguments[static_cast<size_t>(argument)];
    if (schema.is_list && value.Is<int64_t>() && schema.list_size > 0) {
      value = Attr(AttrList(static_cast<size_t>(schema.list_size), value));
    }
    if (!Accepts(schema, value)) return false;
    return bindings.emplace(argument, std::move(value)).second;
  }

  // Positional arguments match in order; the last may take all that remain.  Trailing ones and keywords may be absent.
  bool MatchCall(const PyExpr& pattern, const PyExpr& expr) {
    if (!Match(pattern.items[0], expr.items[0])) return false;
    for (size_t i = 1; i < pattern.items.size(); ++i) {
      const PyExpr& hole = pattern.items[i];
      if (hole.kind == PyExpr::Kind::kName && hole.text.starts_with(kSplat)) return MatchSplat(hole, expr, i);
      if (i < expr.items.size() && !Match(hole, expr.items[i])) return false;
    }
    if (expr.items.size() > pattern.items.size()) return false;
    for (const auto& [name, value] : expr.keywords) {
      const auto found = std::find_if(pattern.keywords.begin(), pattern.keywords.end(),
                                      [&](const auto& k) { return k.name == name; });
      if (found == pattern.keywords.end() || !Match(found->value, value)) return false;
    }
    return RequiredKeywordsGiven(pattern, expr);
  }

  // A keyword of the pattern that is a constant (`copy=True`) has to be there.
  static bool RequiredKeywordsGiven(const PyExpr& pattern, const PyExpr& expr) {
    return std::all_of(pattern.keywords.begin(), pattern.keywords.end(), [&](const auto& wanted) {
      const bool constant = wanted.value.kind == PyExpr::Kind::kLiteral;
      return !constant || std::any_of(expr.keywords.begin(), expr.keywords.end(),
                                      [&](const auto& k) { return k.name == wanted.name; });
    });
  }

  bool MatchSplat(const PyExpr& hole, const PyExpr& expr, size_t from) {
    if (!expr.keywords.empty()) return false;
    AttrList items;
    const bool empty = expr.items.size() == from + 1 && expr.items[from].kind == PyExpr::Kind::kTuple &&
                       expr.items[from].items.empty();
    for (size_t i = from; i < expr.items.size() && !empty; ++i) items.push_back(AttrFromPython(expr.items[i], id_of_));
    return Bind(std::stoi(hole.text.substr(kSplat.size())), Attr(std::move(items)));
  }

  const OperatorInfo& info_;
  const IdOf& id_of_;
};

// A call after the schema: positional, then keywords.
std::optional<Bindings> BindCall(const Schema& schema, const PyExpr& expr, bool method, const IdOf& id_of) {
  std::vector<const PyExpr*> positional;
  if (method) positional.push_back(&expr.items[0].items[0]);
  for (size_t i = 1; i < expr.items.size(); ++i) positional.push_back(&expr.items[i]);
  if (positional.size() > schema.arguments.size()) return std::nullopt;
  Bindings bindings;
  const auto bind = [&](int index, const PyExpr& value) {
    const SchemaArgument& argument = schema.arguments[static_cast<size_t>(index)];
    Attr attr = AttrFromPython(value, id_of);
    if (argument.is_list && attr.Is<int64_t>() && argument.list_size > 0) {
      attr = Attr(AttrList(static_cast<size_t>(argument.list_size), attr));
    }
    return Accepts(argument, attr) && bindings.emplace(index, std::move(attr)).second;
  };
  for (size_t i = 0; i < positional.size(); ++i) {
    if (schema.arguments[i].keyword_only || !bind(static_cast<int>(i), *positional[i])) return std::nullopt;
  }
  for (const auto& [name, value] : expr.keywords) {
    const int index = schema.Find(name);
    if (index < 0 || !bind(index, value)) return std::nullopt;
  }
  return bindings;
}

std::optional<Node> MakeNode(const std::string& op, const std::string& schema_text, const Schema& schema,
                             const Bindings& bindings) {
  Node node{.op = op, .schema = schema_text};
  for (size_t i = 0; i < schema.arguments.size(); ++i) {
    const SchemaArgument& argument = schema.arguments[i];
    const auto found = bindings.find(static_cast<int>(i));
    if (found == bindings.end() && !argument.default_value && !argument.is_optional) return std::nullopt;
    node.args.push_back(found != bindings.end() ? found->second : argument.default_value.value_or(Attr()));
  }
  return node;
}

std::optional<Node> TryCandidate(const Candidate& candidate, const PyExpr& expr, const IdOf& id_of) {
  const OperatorInfo& info = *candidate.info;
  if (candidate.callable) {
    const std::optional<Bindings> bindings = BindCall(info.schema, expr, candidate.method, id_of);
    return bindings ? MakeNode(info.name, info.schema_text, info.schema, *bindings) : std::nullopt;
  }
  Unifier unifier(info, id_of);
  if (!unifier.Match(candidate.pattern, expr)) return std::nullopt;
  return MakeNode(info.name, info.schema_text, info.schema, unifier.bindings);
}

// torch.ops.ns.name.overload(...)
Node ParseRawCall(const std::string& op, const PyExpr& expr, const IdOf& id_of, const std::string& schema_text) {
  const OperatorInfo* info = FindOperator(op);
  if (info == nullptr && schema_text.empty())
    throw UserError("the operator " + op + " is unknown and its line gives no schema");
  const std::string text = info != nullptr ? info->schema_text : schema_text;
  const Schema schema = ParseSchema(text);
  const std::optional<Bindings> bindings = BindCall(schema, expr, false, id_of);
  const std::optional<Node> node = bindings ? MakeNode(op, text, schema, *bindings) : std::nullopt;
  if (!node) throw UserError("the arguments of " + op + " do not fit its schema " + text);
  return *node;
}

// Ids as names, for comparing an expression with what a candidate would print.
std::string Canonical(const Node& node) {
  return CallText(node, [](ValueId id) { return "v" + std::to_string(id); });
}

bool SameExpr(const PyExpr& a, const PyExpr& b, const IdOf& id_of) {
  if (a.kind == PyExpr::Kind::kName && b.kind == PyExpr::Kind::kName) {
    const std::optional<ValueId> id = id_of(a.text);
    return id ? b.text == "v" + std::to_string(*id) : a.text == b.text;
  }
  if (a.kind != b.kind || a.text != b.text || !(a.literal == b.literal) || a.items.size() != b.items.size())
    return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!SameExpr(a.items[i], b.items[i], id_of)) return false;
  }
  if (a.keywords.size() != b.keywords.size()) return false;
  for (size_t i = 0; i < a.keywords.size(); ++i) {
    if (a.keywords[i].name != b.keywords[i].name || !SameExpr(a.keywords[i].value, b.keywords[i].value, id_of))
      return false;
  }
  return true;
}

// `x % 2` is the overload that takes a number, where there is one.
bool HasNumberForTensor(const Node& node, const Schema& schema) {
  for (size_t i = 0; i < node.args.size(); ++i) {
    if (schema.arguments[i].type == ArgType::kTensor && node.args[i].IsNumber()) return true;
  }
  return false;
}

}  // namespace

Attr AttrFromPython(const PyExpr& expr, const IdOf& id_of) {
  if (expr.kind == PyExpr::Kind::kLiteral) return expr.literal;
  if (expr.kind == PyExpr::Kind::kTuple || expr.kind == PyExpr::Kind::kList) {
    AttrList items;
    for (const PyExpr& item : expr.items) items.push_back(AttrFromPython(item, id_of));
    return Attr(std::move(items));
  }
  if (expr.kind == PyExpr::Kind::kCall && DottedName(expr.items[0]) == "torch.device" && expr.items.size() == 2 &&
      expr.items[1].literal.Is<std::string>()) {
    return Attr(Attr::Variant(DeviceAttr{expr.items[1].literal.AsString()}));
  }
  const std::string name = DottedName(expr);
  if (expr.kind == PyExpr::Kind::kName) {
    const std::optional<ValueId> id = id_of(name);
    if (!id) throw UserError("the name '" + name + "' is not defined");
    return Attr(ValueRef{*id});
  }
  if (name.starts_with("torch.")) {
    const std::string word = name.substr(6);
    if (const std::optional<DType> dtype = DTypeFromName(word)) return Attr(*dtype);
    if (word == "strided") return Attr(Attr::Variant(LayoutAttr{word}));
    if (word.ends_with("_format") || word.starts_with("channels_last"))
      return Attr(Attr::Variant(MemoryFormatAttr{word}));
  }
  throw UserError("an argument is neither a literal nor a value" + (name.empty() ? "" : ": '" + name + "'"));
}

Node ParseCall(const PyExpr& expr, const IdOf& id_of, const std::string& schema) {
  const std::string key = KeyOf(expr, [&](const std::string& name) { return id_of(name).has_value(); });
  constexpr std::string_view kRaw = "torch.ops.";
  if (key.starts_with(kRaw))
    return ParseRawCall(key.substr(kRaw.size(), key.size() - kRaw.size() - 2), expr, id_of, schema);
  std::optional<Node> best;
  int best_rank = 0;
  for (const Candidate& candidate : CandidatesFor(key)) {
    std::optional<Node> node = TryCandidate(candidate, expr, id_of);
    if (!node) continue;
    const bool same_text = SameExpr(expr, ParsePyExpr(Canonical(*node)), id_of);
    const int rank = 1 + (same_text ? 2 : 0) + (HasNumberForTensor(*node, candidate.info->schema) ? 0 : 1);
    if (rank <= best_rank) continue;
    best = std::move(node);
    best_rank = rank;
  }
  if (!best)
    throw UserError("no operator is written as '" + (key.empty() ? expr.text : key) + "' with these arguments");
  return *best;
}

}  // namespace drtriton
