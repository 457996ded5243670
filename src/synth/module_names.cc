#include "synth/module_names.h"

#include <algorithm>
#include <array>
#include <limits>

#include "graph/registry.h"
#include "synth/module_sizes.h"

namespace drtriton {
namespace {

constexpr int32_t kForever = std::numeric_limits<int32_t>::max();

// Arguments of operators whose names say what the tensor is.
constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kTellingArguments = {
    {{"mask", "mask"},
     {"attn_mask", "mask"},
     {"condition", "mask"},
     {"index", "index"},
     {"indices", "index"},
     {"target", "target"},
     {"query", "query"},
     {"key", "key"},
     {"value", "value"},
     {"src", "source"},
     {"end", "end"}}};

constexpr std::array<std::string_view, 16> kLetters = {"x", "y", "z", "u", "v", "w", "a", "b",
                                                       "c", "d", "p", "q", "r", "s", "g", "h"};

// Elements of one sort may go by one name: floats, integers, bools.
int SortOf(DType dtype) { return dtype == DType::kBool ? 0 : IsFloating(dtype) ? 1 : 2; }

// "aten.max_pool2d.default" -> "max_pool2d"
std::string_view ShortName(std::string_view op) {
  const size_t first = op.find('.') + 1;
  return op.substr(first, op.find('.', first) - first);
}

// What a reduction's result is called; empty: by a letter.
std::string_view ReductionName(std::string_view op) {
  const std::string_view name = ShortName(op);
  for (const std::string_view plain : {"mean", "var", "std", "norm", "median", "logsumexp"}) {
    if (name == plain) return plain;
  }
  if (name == "sum" || name == "nansum") return "total";
  if (name == "amax") return "largest";
  if (name == "amin") return "smallest";
  if (name == "prod") return "product";
  return {};
}

}  // namespace

ModuleNames::ModuleNames(const Program& program)
    : program_(program),
      names_(program.values.size()),
      last_read_(program.values.size(), -1),
      first_use_(program.values.size(), {-1, -1}) {
  for (size_t n = 0; n < program.nodes.size(); ++n) {
    const Node& node = program.nodes[n];
    const auto note = [&](const Attr& attr, size_t position) {
      if (!attr.IsValue()) return;
      const size_t id = static_cast<size_t>(attr.AsValue());
      last_read_[id] = static_cast<int32_t>(n);
      if (first_use_[id].first < 0) first_use_[id] = {static_cast<int32_t>(n), static_cast<int32_t>(position)};
    };
    for (size_t i = 0; i < node.args.size(); ++i) {
      note(node.args[i], i);
      if (!node.args[i].Is<AttrList>()) continue;
      for (const Attr& item : node.args[i].AsList()) note(item, i);
    }
  }
  for (const ValueId id : program.Results()) last_read_[static_cast<size_t>(id)] = kForever;
  for (const Mutation& mutation : program.mutations) last_read_[static_cast<size_t>(mutation.target)] = kForever;
}

void ModuleNames::ExpectAttribute(std::string_view base) {
  const auto found = std::find_if(attributes_.begin(), attributes_.end(), [&](const auto& a) { return a.base == base; });
  if (found == attributes_.end()) {
    attributes_.push_back({base, 1, 0});
  } else {
    ++found->expected;
  }
}

std::string ModuleNames::NewAttribute(std::string_view base) {
  Attribute& attribute =
      *std::find_if(attributes_.begin(), attributes_.end(), [&](const auto& a) { return a.base == base; });
  std::string name(base);
  if (attribute.expected > 1) AppendInt(name, ++attribute.given);
  return name;
}

std::string_view ModuleNames::TensorBase(ValueId id) const {
  const bool parameter = program_.value(id).kind == ValueKind::kParameter;
  const auto [node, position] = first_use_[static_cast<size_t>(id)];
  if (node < 0) return parameter ? "weight" : "state";
  const Node& user = program_.nodes[static_cast<size_t>(node)];
  const std::string_view argument = SchemaOf(user).arguments[static_cast<size_t>(position)].name;
  if (argument == "bias" || argument.starts_with("running_")) return argument;
  if (!parameter) return "state";
  const std::string_view name = ShortName(user.op);
  if (name == "mul" || name == "div" || name == "rms_norm") return "scale";
  return name == "add" || name == "sub" || name == "rsub" ? "shift" : "weight";
}

bool ModuleNames::IsFree(std::string_view name) const {
  for (const ValueId id : named_) {
    const size_t i = static_cast<size_t>(id);
    // A value that the current node reads last frees its name for the node's results.
    if (names_[i] == name && last_read_[i] > now_) return false;
  }
  return true;
}

// The name itself, or with the first number that is free.
std::string ModuleNames::Numbered(std::string_view base) const {
  std::string name(base);
  for (int number = 2; !IsFree(name); ++number) {
    name.resize(base.size());
    AppendInt(name, number);
  }
  return name;
}

std::string ModuleNames::NewName(ValueId id) const {
  const Value& value = program_.value(id);
  if (value.kind == ValueKind::kNode) {
    const Node& node = program_.nodes[static_cast<size_t>(value.node)];
    if (const std::string_view name = ReductionName(node.op); !name.empty()) return Numbered(name);
  }
  if (value.dtype == DType::kBool) return Numbered("mask");
  if (IsIntegral(value.dtype, false)) return Numbered("index");
  for (const std::string_view letter : kLetters) {
    if (IsFree(letter)) return std::string(letter);
  }
  return Numbered("h");
}

const std::string& ModuleNames::NameInput(ValueId id) {
  // All arguments exist at once, whoever reads them.
  std::string name;
  const auto [node, position] = first_use_[static_cast<size_t>(id)];
  if (node >= 0) {
    const std::string& argument =
        SchemaOf(program_.nodes[static_cast<size_t>(node)]).arguments[static_cast<size_t>(position)].name;
    const auto told = std::find_if(kTellingArguments.begin(), kTellingArguments.end(),
                                   [&](const auto& entry) { return entry.first == argument; });
    if (told != kTellingArguments.end()) name = Numbered(told->second);
  }
  if (name.empty()) name = NewName(id);
  const size_t index = static_cast<size_t>(id);
  last_read_[index] = std::max(last_read_[index], 0);
  named_.push_back(id);
  return names_[index] = std::move(name);
}

const std::string& ModuleNames::NameResult(ValueId id) {
  const Value& value = program_.value(id);
  const Node& node = program_.nodes[static_cast<size_t>(value.node)];
  std::string name;
  for (const ValueId input : node.Inputs()) {
    const size_t i = static_cast<size_t>(input);
    const Value& read = program_.value(input);
    const bool variable = read.kind == ValueKind::kInput || read.kind == ValueKind::kNode;
    if (!variable || last_read_[i] > now_ || SortOf(read.dtype) != SortOf(value.dtype) || !IsFree(names_[i])) continue;
    name = names_[i];
    break;
  }
  if (name.empty()) name = NewName(id);
  named_.push_back(id);
  // A result that nobody reads keeps its name to itself until the node is done.
  last_read_[static_cast<size_t>(id)] = std::max(last_read_[static_cast<size_t>(id)], now_ + 1);
  return names_[static_cast<size_t>(id)] = std::move(name);
}

}  // namespace drtriton
