#include "graph/call_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <unordered_map>

#include "base/error.h"

namespace drtriton {
namespace {

// The printers append to one string: a call is printed in about a microsecond, and programs are printed by the million.

void AppendInt(std::string& out, int64_t value) {
  std::array<char, 24> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

void AppendFloat(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "float('nan')";
  } else if (std::isinf(value)) {
    out += value > 0 ? "float('inf')" : "float('-inf')";
  } else {
    std::array<char, 32> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
    out += text;
    if (text.find_first_of(".e") == text.npos) out += ".0";
  }
}

void AppendQuoted(std::string& out, const std::string& value) {
  out += '\'';
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  out += '\'';
}

void AppendAttr(std::string& out, const Attr& attr, const NameOf& name_of);

// Lists of tensors are lists, lists of anything else tuples, as people write them.
void AppendList(std::string& out, const AttrList& list, const NameOf& name_of) {
  const bool tensors = std::any_of(list.begin(), list.end(), [](const Attr& item) { return item.IsValue(); });
  out += tensors ? '[' : '(';
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ", ";
    AppendAttr(out, list[i], name_of);
  }
  if (!tensors && list.size() == 1) out += ',';
  out += tensors ? ']' : ')';
}

struct AttrAppender {
  std::string& out;
  const NameOf& name_of;
  void operator()(std::monostate) const { out += "None"; }
  void operator()(bool value) const { out += value ? "True" : "False"; }
  void operator()(int64_t value) const { AppendInt(out, value); }
  void operator()(double value) const { AppendFloat(out, value); }
  void operator()(const std::string& value) const { AppendQuoted(out, value); }
  void operator()(ValueRef value) const { out += name_of(value.id); }
  void operator()(DType value) const { (out += "torch.") += Name(value); }
  void operator()(const DeviceAttr& value) const {
    out += "torch.device(";
    AppendQuoted(out, value.name);
    out += ')';
  }
  void operator()(const LayoutAttr& value) const { (out += "torch.") += value.name; }
  void operator()(const MemoryFormatAttr& value) const { (out += "torch.") += value.name; }
  void operator()(const AttrList& list) const { AppendList(out, list, name_of); }
};

void AppendAttr(std::string& out, const Attr& attr, const NameOf& name_of) {
  std::visit(AttrAppender{out, name_of}, attr.variant());
}

// One int for a list that allows it and whose items are all the same.
void AppendArgument(std::string& out, const SchemaArgument& argument, const Attr& value, const NameOf& name_of) {
  if (argument.is_list && argument.list_size > 0 && value.Is<AttrList>()) {
    const AttrList& list = value.AsList();
    const bool full = list.size() == static_cast<size_t>(argument.list_size);
    if (full && std::all_of(list.begin(), list.end(), [&](const Attr& item) { return item == list[0]; })) {
      return AppendAttr(out, list[0], name_of);
    }
  }
  AppendAttr(out, value, name_of);
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
  CallPrinter(std::string& out, const Node& node, const Schema& schema, const NameOf& name_of)
      : out_(out), schema_(schema), name_of_(name_of), plain_(schema.arguments.size()) {
    static const Attr kNone;
    values_.reserve(schema.arguments.size());
    for (size_t i = 0; i < schema.arguments.size(); ++i) {
      const SchemaArgument& argument = schema.arguments[i];
      const bool given = i < node.args.size();
      values_.push_back(given ? &node.args[i] : argument.default_value ? &*argument.default_value : &kNone);
      const bool is_default = argument.default_value && SameArgument(argument, *values_[i], *argument.default_value);
      plain_[i] = is_default || IsInsignificant(argument, *values_[i]);
    }
  }

  // False, and nothing appended, when the form cannot express the call.
  bool Print(const Form& form) const {
    if (form.callable.empty()) return Fill(form);
    Call(form.callable);
    return true;
  }

  // name(positional..., keyword=...): positional ones up to the last that is not default.
  void Call(std::string_view callable, bool plain_lists = false) const {
    const bool method = callable.starts_with('.');
    if (method) out_ += name_of_(values_.at(0)->AsValue());
    out_ += callable;
    out_ += '(';
    bool first = true;
    const auto add = [&](size_t i, bool keyword) {
      if (!first) out_ += ", ";
      first = false;
      if (keyword) (out_ += schema_.arguments[i].name) += '=';
      if (plain_lists) {
        AppendAttr(out_, *values_[i], name_of_);
      } else {
        AppendArgument(out_, schema_.arguments[i], *values_[i], name_of_);
      }
    };
    for (size_t i = method ? 1 : 0; i < PositionalCount(); ++i) add(i, false);
    for (size_t i = 0; i < values_.size(); ++i) {
      if (schema_.arguments[i].keyword_only && !plain_[i]) add(i, true);
    }
    out_ += ')';
  }

 private:
  size_t PositionalCount() const {
    size_t count = 0;
    for (size_t i = 0; i < values_.size(); ++i) {
      if (!schema_.arguments[i].keyword_only && !plain_[i]) count = i + 1;
    }
    return count;
  }

  // Whether the form mentions every argument that is not default.
  bool Mentions(const Form& form) const {
    for (size_t i = 0; i < values_.size(); ++i) {
      if (plain_[i]) continue;
      const auto mentions = [&](const FormPiece& piece) { return piece.argument == static_cast<int>(i); };
      if (std::none_of(form.pieces.begin(), form.pieces.end(), mentions)) return false;
    }
    return true;
  }

  // Whether one of the group's arguments is not default.
  bool IsShown(const Form& form, int group) const {
    return std::any_of(form.pieces.begin(), form.pieces.end(), [&](const FormPiece& piece) {
      return piece.group == group && piece.argument >= 0 && !plain_[static_cast<size_t>(piece.argument)];
    });
  }

  // The form with its holes filled.
  bool Fill(const Form& form) const {
    if (!Mentions(form)) return false;
    for (size_t i = 0; i < form.pieces.size(); ++i) {
      const FormPiece& piece = form.pieces[i];
      if (piece.group >= 0 && !IsShown(form, piece.group)) continue;
      if (piece.argument < 0) {
        out_ += piece.text;
        continue;
      }
      const size_t start = out_.size();
      Hole(piece);
      // ** binds tighter than a sign.
      const bool base = i + 1 < form.pieces.size() && form.pieces[i + 1].text.starts_with(" **");
      if (base && out_.size() > start && out_[start] == '-') {
        out_.insert(start, 1, '(');
        out_ += ')';
      }
    }
    return true;
  }

  void Hole(const FormPiece& piece) const {
    const size_t index = static_cast<size_t>(piece.argument);
    const Attr& value = *values_[index];
    if (!piece.splat) return AppendArgument(out_, schema_.arguments[index], value, name_of_);
    if (!value.Is<AttrList>() || value.AsList().empty()) return AppendAttr(out_, value, name_of_);
    bool first = true;
    for (const Attr& item : value.AsList()) {
      if (!first) out_ += ", ";
      first = false;
      AppendAttr(out_, item, name_of_);
    }
  }

  std::string& out_;
  const Schema& schema_;
  const NameOf& name_of_;
  std::vector<const Attr*> values_;  // by position; defaults filled in
  std::vector<bool> plain_;          // has its default, or is insignificant
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
  std::string text;
  AppendAttr(text, attr, name_of);
  return text;
}

void AppendCallText(std::string& out, const Node& node, const NameOf& name_of) {
  const OperatorInfo* const info = FindOperator(node.op);
  const CallPrinter printer(out, node, info == nullptr ? SchemaOf(node) : info->schema, name_of);
  if (info != nullptr) {
    for (const Form& form : FormsOf(*info)) {
      if (printer.Print(form)) return;
    }
  }
  printer.Call("torch.ops." + node.op, /*plain_lists=*/true);
}

std::string CallText(const Node& node, const NameOf& name_of) {
  std::string text;
  AppendCallText(text, node, name_of);
  return text;
}

}  // namespace drtriton
