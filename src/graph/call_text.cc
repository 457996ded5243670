#include "graph/call_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/error.h"

namespace drtriton {
namespace {

std::string FloatText(double value) {
  if (std::isnan(value)) return "float('nan')";
  if (std::isinf(value)) return value > 0 ? "float('inf')" : "float('-inf')";
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

std::string Quoted(const std::string& value) {
  std::string text = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text + "'";
}

// Lists of tensors are lists, lists of anything else tuples, as people write them.
std::string ListText(const AttrList& list, const NameOf& name_of) {
  const bool tensors = std::any_of(list.begin(), list.end(), [](const Attr& item) { return item.IsValue(); });
  std::string text = tensors ? "[" : "(";
  for (size_t i = 0; i < list.size(); ++i) text += (i > 0 ? ", " : "") + PythonText(list[i], name_of);
  if (!tensors && list.size() == 1) text += ",";
  return text + (tensors ? "]" : ")");
}

struct AttrText {
  const NameOf& name_of;
  std::string operator()(std::monostate) const { return "None"; }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return FloatText(value); }
  std::string operator()(const std::string& value) const { return Quoted(value); }
  std::string operator()(ValueRef value) const { return name_of(value.id); }
  std::string operator()(DType value) const { return "torch." + std::string(Name(value)); }
  std::string operator()(const DeviceAttr& value) const { return "torch.device(" + Quoted(value.name) + ")"; }
  std::string operator()(const LayoutAttr& value) const { return "torch." + value.name; }
  std::string operator()(const MemoryFormatAttr& value) const { return "torch." + value.name; }
  std::string operator()(const AttrList& list) const { return ListText(list, name_of); }
};

// One int for a list that allows it and whose items are all the same.
std::string ArgumentText(const SchemaArgument& argument, const Attr& value, const NameOf& name_of) {
  if (argument.is_list && argument.list_size > 0 && value.Is<AttrList>()) {
    const AttrList& list = value.AsList();
    const bool full = list.size() == static_cast<size_t>(argument.list_size);
    if (full && std::all_of(list.begin(), list.end(), [&](const Attr& item) { return item == list[0]; })) {
      return PythonText(list[0], name_of);
    }
  }
  return PythonText(value, name_of);
}

// ---- Forms

Form ParseForm(const OperatorInfo& info, std::string_view text) {
  Form form;
  if (text.find('{') == text.npos) {
    form.callable = std::string(text);
    return form;
  }
  int group = -1;
  size_t at = 0;
  const auto add_text = [&](char c) {
    const bool extend = !form.pieces.empty() && form.pieces.back().argument < 0 && form.pieces.back().group == group;
    if (!extend) form.pieces.push_back({.group = group});
    form.pieces.back().text += c;
  };
  while (at < text.size()) {
    const char c = text[at++];
    if (c == '[') {
      group = form.groups++;
    } else if (c == ']') {
      group = -1;
    } else if (c == '{') {
      const bool splat = text[at] == '*';
      if (splat) ++at;
      const size_t end = text.find('}', at);
      const int argument = info.schema.Find(text.substr(at, end - at));
      Require(argument >= 0, "a form of the operator table names an argument that its schema lacks");
      form.pieces.push_back({.argument = argument, .splat = splat, .group = group});
      at = end + 1;
    } else {
      add_text(c);
    }
  }
  return form;
}

std::vector<Form> ParseForms(const OperatorInfo& info) {
  std::vector<Form> forms;
  std::string_view rest = info.form;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(";;"), rest.size());
    forms.push_back(ParseForm(info, rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return forms;
}

// The arguments of one call as the printer needs them.
class CallPrinter {
 public:
  CallPrinter(const Node& node, const Schema& schema, const NameOf& name_of) : schema_(schema), name_of_(name_of) {
    for (size_t i = 0; i < schema.arguments.size(); ++i) {
      const SchemaArgument& argument = schema.arguments[i];
      const bool given = i < node.args.size();
      values_.push_back(given ? node.args[i] : argument.default_value.value_or(Attr()));
      const bool is_default = argument.default_value && SameArgument(argument, values_[i], *argument.default_value);
      plain_.push_back(is_default || IsInsignificant(argument, values_[i]));
    }
  }

  std::optional<std::string> Print(const Form& form) const {
    return form.callable.empty() ? Fill(form) : Call(form.callable);
  }

  // name(positional..., keyword=...): positional ones up to the last that is not default.
  std::string Call(const std::string& callable, bool plain_lists = false) const {
    const bool method = callable.starts_with('.');
    std::string text = (method ? name_of_(values_.at(0).AsValue()) : std::string()) + callable + "(";
    bool first = true;
    const auto add = [&](const std::string& item) {
      text += (first ? "" : ", ") + item;
      first = false;
    };
    const auto item = [&](size_t i) {
      return plain_lists ? PythonText(values_[i], name_of_) : ArgumentText(schema_.arguments[i], values_[i], name_of_);
    };
    for (size_t i = method ? 1 : 0; i < PositionalCount(); ++i) add(item(i));
    for (size_t i = 0; i < values_.size(); ++i) {
      if (schema_.arguments[i].keyword_only && !plain_[i]) add(schema_.arguments[i].name + "=" + item(i));
    }
    return text + ")";
  }

 private:
  size_t PositionalCount() const {
    size_t count = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
      if (!schema_.arguments[i].keyword_only && !plain_[i]) count = i + 1;
    }
    return count;
  }

  // The form with its holes filled; nullopt when an argument that is not default has no hole, or when a number stands
  // where the receiver of a method or an attribute has to be a tensor.
  std::optional<std::string> Fill(const Form& form) const {
    std::vector<bool> shown(static_cast<size_t>(form.groups), false);
    std::vector<bool> mentioned(values_.size(), false);
    for (const FormPiece& piece : form.pieces) {
      if (piece.argument < 0) continue;
      const size_t index = static_cast<size_t>(piece.argument);
      mentioned[index] = true;
      if (piece.group >= 0 && !plain_[index]) shown[static_cast<size_t>(piece.group)] = true;
    }
    for (size_t i = 0; i < values_.size(); ++i) {
      if (!mentioned[i] && !plain_[i]) return std::nullopt;
    }
    std::string text;
    for (size_t i = 0; i < form.pieces.size(); ++i) {
      const FormPiece& piece = form.pieces[i];
      if (piece.group >= 0 && !shown[static_cast<size_t>(piece.group)]) continue;
      std::string part = piece.argument < 0 ? piece.text : HoleText(piece);
      // ** binds tighter than a sign.
      const bool base = i + 1 < form.pieces.size() && form.pieces[i + 1].text.starts_with(" **");
      text += base && part.starts_with('-') ? "(" + part + ")" : part;
    }
    return text;
  }

  std::string HoleText(const FormPiece& piece) const {
    const size_t index = static_cast<size_t>(piece.argument);
    const Attr& value = values_[index];
    if (!piece.splat) return ArgumentText(schema_.arguments[index], value, name_of_);
    if (!value.Is<AttrList>() || value.AsList().empty()) return PythonText(value, name_of_);
    std::string text;
    for (const Attr& item : value.AsList()) text += (text.empty() ? "" : ", ") + PythonText(item, name_of_);
    return text;
  }

  const Schema& schema_;
  const NameOf& name_of_;
  std::vector<Attr> values_;
  std::vector<bool> plain_;  // has its default, or is insignificant
};

}  // namespace

bool IsInsignificant(const SchemaArgument& argument, const Attr& value) {
  if (argument.name == "pin_memory" || argument.name == "non_blocking")
    return value.IsNone() || (value.Is<bool>() && !value.AsBool());
  if (argument.name == "layout") return value.IsNone() || value == Attr(Attr::Variant(LayoutAttr{"strided"}));
  if (argument.name == "implicit" || argument.name == "cudnn_enable" || argument.name == "cudnn_enabled") {
    return argument.default_value.has_value();
  }
  return false;
}

const std::vector<Form>& FormsOf(const OperatorInfo& info) {
  static const auto* const all = [] {
    auto* forms = new std::unordered_map<const OperatorInfo*, std::vector<Form>>;
    for (const OperatorInfo& row : AllOperators()) forms->emplace(&row, ParseForms(row));
    return forms;
  }();
  return all->at(&info);
}

std::string PythonText(const Attr& attr, const NameOf& name_of) {
  return std::visit(AttrText{name_of}, attr.variant());
}

std::string CallText(const Node& node, const NameOf& name_of) {
  const Schema& schema = SchemaOf(node);
  const CallPrinter printer(node, schema, name_of);
  if (const OperatorInfo* info = FindOperator(node.op)) {
    for (const Form& form : FormsOf(*info)) {
      if (const std::optional<std::string> text = printer.Print(form)) return *text;
    }
  }
  return printer.Call("torch.ops." + node.op, /*plain_lists=*/true);
}

}  // namespace drtriton
