#include "synth/canonical.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "graph/call_text.h"
#include "graph/plain_arguments.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

// What a record of the form begins with.
enum Tag : char {
  kLeafTag = 'l',
  kNodeTag = 'n',
  kResultTag = 'r',
  kMutationTag = 'm',
  kUnusedTag = 'u',
  kEndTag = 'e',
};

uint64_t Mix(uint64_t hash, uint64_t value) {
  hash ^= value + 0x9e3779b97f4a7c15ull + (hash << 6) + (hash >> 2);
  hash *= 0xff51afd7ed558ccdull;
  return hash ^ (hash >> 33);
}

uint64_t HashBytes(std::string_view bytes) {
  uint64_t hash = bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = Mix(hash, word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, bytes.data(), bytes.size());
  return Mix(hash, rest);
}

void AppendWord(std::string& out, int64_t value) {
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  out.append(bytes, 8);
}

// A value that the form has to lead to, with what makes it one.
struct Root {
  std::string prefix;  // tag and what belongs to it
  ValueId value = -1;
  ValueId target = -1;  // of a mutation
  uint64_t afar = 0;    // hash of all that is above it

  bool LooksLike(const Root& other) const { return prefix == other.prefix && afar == other.afar; }
};

class CanonicalWriter {
 public:
  CanonicalWriter(const Program& program, Detail detail) : program_(program), detail_(detail) {}

  std::string Write() {
    HashValues();
    FindRoots();
    std::sort(roots_.begin(), roots_.end(), [](const Root& a, const Root& b) {
      return a.prefix != b.prefix ? a.prefix < b.prefix : a.afar < b.afar;
    });
    TryOrders(0);
    return std::move(best_);
  }

 private:
  // ---- Attributes.  `append_value` writes a tensor.

  template <typename AppendValue>
  void AppendAttr(std::string& out, const Attr& attr, const SchemaArgument& argument, int64_t rank,
                  const AppendValue& append_value) const {
    out += static_cast<char>('A' + attr.variant().index());
    if (attr.IsValue()) {
      append_value(attr.AsValue());
    } else if (attr.Is<AttrList>()) {
      AppendList(out, attr.AsList(), argument, rank, append_value);
    } else if (attr.Is<int64_t>() || attr.Is<bool>()) {
      const int64_t value = attr.AsInt();
      AppendWord(out, value < 0 && NamesDimension(argument) ? value + rank : value);
    } else if (attr.Is<double>()) {
      int64_t bits;
      const double value = attr.AsDouble();
      std::memcpy(&bits, &value, 8);
      AppendWord(out, bits);
    } else if (attr.Is<std::string>()) {
      out += attr.AsString();
      out += '\0';
    } else if (attr.Is<DType>()) {
      if (detail_ == Detail::kWhole) out += static_cast<char>(attr.AsDType());
    } else if (attr.Is<MemoryFormatAttr>()) {
      out += std::get<MemoryFormatAttr>(attr.variant()).name;
      out += '\0';
    }
  }

  template <typename AppendValue>
  void AppendList(std::string& out, const AttrList& list, const SchemaArgument& argument, int64_t rank,
                  const AppendValue& append_value) const {
    const bool widened = list.size() == 1 && argument.list_size > 1;
    const size_t count = widened ? static_cast<size_t>(argument.list_size) : list.size();
    AppendWord(out, static_cast<int64_t>(count));
    for (size_t i = 0; i < count; ++i) AppendAttr(out, list[widened ? 0 : i], argument, rank, append_value);
  }

  // Operator and arguments.
  template <typename AppendValue>
  void AppendNode(std::string& out, const Node& node, const AppendValue& append_value) const {
    const Schema& schema = SchemaOf(node);
    out += kNodeTag;
    out += node.op;
    out += '\0';
    const int64_t rank = DimensionCount(program_, node);
    for (size_t i = 0; i < schema.arguments.size(); ++i) {
      const SchemaArgument& argument = schema.arguments[i];
      // Where it runs and with which library is no part of a program.
      if (argument.type == ArgType::kDevice || argument.name.starts_with("cudnn_enable")) continue;
      const bool given = i < node.args.size();
      if (given && node.op == "aten.slice.Tensor" && node.args[i].IsNone()) {
        const int64_t end = i == 2 ? 0 : std::numeric_limits<int64_t>::max();  // from the start, to the end
        AppendAttr(out, Attr(end), argument, rank, append_value);
        continue;
      }
      if (given && argument.name == "correction" && node.args[i].IsNone()) {
        AppendAttr(out, Attr(1), argument, rank, append_value);
        continue;
      }
      const bool usual = !given || (argument.default_value && SameArgument(argument, node.args[i], *argument.default_value));
      if (usual || IsInsignificant(argument, node.args[i])) {
        out += '-';
      } else {
        AppendAttr(out, node.args[i], argument, rank, append_value);
      }
    }
    out += kEndTag;
  }

  void AppendLeaf(std::string& out, const Value& value) const {
    out += kLeafTag;
    AppendWord(out, static_cast<int64_t>(value.shape.size()));
    for (const int64_t size : value.shape) AppendWord(out, size);
    if (detail_ == Detail::kShapes) return;
    out += static_cast<char>(value.kind);
    out += static_cast<char>(value.dtype);
    for (size_t i = 0; i < value.strides.size() && value.Elements() > 0; ++i) {
      if (value.shape[i] != 1) AppendWord(out, value.strides[i]);
    }
  }

  // ---- From afar: a hash of all above a value, which does not see whether two equal pieces are one.

  void HashValues() {
    afar_.assign(program_.values.size(), 0);
    std::string bytes;
    for (size_t i = 0; i < program_.values.size(); ++i) {
      if (program_.values[i].kind == ValueKind::kNode) continue;
      bytes.clear();
      AppendLeaf(bytes, program_.values[i]);
      afar_[i] = HashBytes(bytes);
    }
    for (const Node& node : program_.nodes) {
      bytes.clear();
      AppendNode(bytes, node, [&](ValueId id) { AppendWord(bytes, static_cast<int64_t>(afar_[static_cast<size_t>(id)])); });
      const uint64_t hash = HashBytes(bytes);
      for (size_t k = 0; k < node.outputs.size(); ++k) {
        if (node.outputs[k] >= 0) afar_[static_cast<size_t>(node.outputs[k])] = Mix(hash, k);
      }
    }
  }

  // ---- Roots

  void FindRoots() {
    const Tree& tree = program_.result;
    const bool flat = std::all_of(tree.children.begin(), tree.children.end(),
                                  [](const Tree& child) { return child.kind == Tree::Kind::kValue; });
    std::vector<ValueId> results = tree.Values();
    if (flat) std::sort(results.begin(), results.end());
    std::vector<bool> read(program_.values.size(), false);
    for (size_t i = 0; i < results.size(); ++i) {
      Root root{.prefix = {kResultTag, static_cast<char>(tree.kind)}, .value = results[i]};
      AppendWord(root.prefix, flat ? 0 : static_cast<int64_t>(i));  // in a nested result the place counts
      AddRoot(std::move(root), read);
    }
    for (const Mutation& mutation : program_.mutations) {
      AddRoot({.prefix = {kMutationTag}, .value = mutation.value, .target = mutation.target}, read);
    }
    AddUnused(read);
  }

  void AddRoot(Root root, std::vector<bool>& read) {
    read[static_cast<size_t>(root.value)] = true;
    root.afar = afar_[static_cast<size_t>(root.value)];
    if (root.target >= 0) {
      read[static_cast<size_t>(root.target)] = true;
      root.afar = Mix(root.afar, afar_[static_cast<size_t>(root.target)]);
    }
    roots_.push_back(std::move(root));
  }

  // Leaves that nothing reads, and nodes none of whose results is read: their first result that has an id.
  void AddUnused(std::vector<bool>& read) {
    for (const Node& node : program_.nodes) {
      VisitInputs(node, [&](ValueId id) { read[static_cast<size_t>(id)] = true; });
    }
    for (size_t i = 0; i < program_.values.size(); ++i) {
      if (program_.values[i].kind != ValueKind::kNode && !read[i]) {
        AddRoot({.prefix = {kUnusedTag}, .value = static_cast<ValueId>(i)}, read);
      }
    }
    for (const Node& node : program_.nodes) {
      const bool used = std::any_of(node.outputs.begin(), node.outputs.end(),
                                    [&](ValueId id) { return id >= 0 && read[static_cast<size_t>(id)]; });
      const auto first = std::find_if(node.outputs.begin(), node.outputs.end(), [](ValueId id) { return id >= 0; });
      if (!used && first != node.outputs.end()) AddRoot({.prefix = {kUnusedTag}, .value = *first}, read);
    }
  }

  template <typename Visit>
  static void VisitInputs(const Node& node, const Visit& visit) {
    for (const Attr& arg : node.args) {
      if (arg.IsValue()) visit(arg.AsValue());
      if (!arg.Is<AttrList>()) continue;
      for (const Attr& item : arg.AsList()) {
        if (item.IsValue()) visit(item.AsValue());
      }
    }
  }

  // ---- The walk

  // Puts each root of a group that looks alike at `place` in turn; the smallest form wins.
  void TryOrders(size_t place) {
    if (place == roots_.size()) return Compare();
    size_t end = place + 1;
    while (end < roots_.size() && roots_[place].LooksLike(roots_[end])) ++end;
    for (size_t i = place; i < end && orders_ < kMostOrders; ++i) {
      std::swap(roots_[place], roots_[i]);
      TryOrders(place + 1);
      std::swap(roots_[place], roots_[i]);
    }
  }

  void Compare() {
    ++orders_;
    form_.clear();
    form_ += program_.context.training ? 't' : 'e';
    number_.assign(program_.values.size(), -1);
    count_ = 0;
    for (const Root& root : roots_) {
      if (root.target >= 0) Reach(root.target);
      Reach(root.value);
      form_ += root.prefix;
      AppendNumber(root.value);
      if (root.target >= 0) AppendNumber(root.target);
    }
    if (orders_ == 1 || form_ < best_) best_.swap(form_);
  }

  void AppendNumber(ValueId id) { AppendWord(form_, number_[static_cast<size_t>(id)]); }

  // Writes the value and all above it that is not written yet, inputs before their readers.  Values are numbered as they
  // are written, the results of a node together.
  void Reach(ValueId id) {
    stack_.push_back(id);
    while (!stack_.empty()) {
      const ValueId top = stack_.back();
      const Value& value = program_.value(top);
      if (number_[static_cast<size_t>(top)] >= 0) {
        stack_.pop_back();
      } else if (value.kind != ValueKind::kNode) {
        number_[static_cast<size_t>(top)] = count_++;
        AppendLeaf(form_, value);
        stack_.pop_back();
      } else if (!PushMissing(program_.nodes[static_cast<size_t>(value.node)])) {
        WriteNode(program_.nodes[static_cast<size_t>(value.node)]);
        stack_.pop_back();
      }
    }
  }

  // The node's first input that is not written yet.
  bool PushMissing(const Node& node) {
    ValueId missing = -1;
    VisitInputs(node, [&](ValueId id) {
      if (missing < 0 && number_[static_cast<size_t>(id)] < 0) missing = id;
    });
    if (missing >= 0) stack_.push_back(missing);
    return missing >= 0;
  }

  void WriteNode(const Node& node) {
    AppendNode(form_, node, [this](ValueId id) { AppendNumber(id); });
    for (const ValueId id : node.outputs) {
      if (id >= 0) number_[static_cast<size_t>(id)] = count_;
      ++count_;
    }
  }

  const Program& program_;
  const Detail detail_;
  std::vector<uint64_t> afar_;  // by value
  std::vector<Root> roots_;
  std::vector<int64_t> number_;  // by value; -1: not written yet
  int64_t count_ = 0;
  std::vector<ValueId> stack_;
  int orders_ = 0;
  std::string form_, best_;
};

}  // namespace

std::string CanonicalForm(const Program& program, Detail detail) { return CanonicalWriter(program, detail).Write(); }

std::string CanonicalId(const Program& program, Detail detail) {
  return Sha256(CanonicalForm(program, detail)).substr(0, 32);
}

}  // namespace drtriton
