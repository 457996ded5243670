#include "graph/operator_cases.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <map>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "graph/domain_text.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

std::vector<DType> ClassDTypes(char name) {
  switch (name) {
    case 'f':
      return {DType::kFloat32, DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kFloat64};
    case 'i':
      return {DType::kInt64, DType::kInt32, DType::kUInt8, DType::kBool};
    case 'z':
      return {DType::kInt64, DType::kInt32, DType::kUInt8};
    case 'n':
      return {DType::kFloat32, DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kInt64, DType::kInt32};
    case 'a':
      return {DType::kFloat32, DType::kFloat32, DType::kBFloat16, DType::kInt64, DType::kUInt8, DType::kBool};
    default:
      throw InternalError("a domain has an unknown class of dtypes");
  }
}

// Draws the arguments of one case.
class Drawer {
 public:
  Drawer(const OperatorInfo& info, std::mt19937_64& random) : info_(info), random_(random) {}

  OperatorCase Run() {
    ReadDomain();
    case_.node.op = info_.name;
    case_.node.schema = info_.schema_text;
    const std::vector<SchemaArgument>& arguments = info_.schema.arguments;
    case_.node.args.resize(arguments.size());
    // Tensors first: dimensions among the other arguments are drawn for the first one.
    for (bool tensors : {true, false}) {
      for (size_t i = 0; i < arguments.size(); ++i) {
        if ((arguments[i].type == ArgType::kTensor) == tensors) case_.node.args[i] = DrawArgument(arguments[i]);
      }
    }
    case_.program.device = "cuda";  // whose results PyTorch's meta kernels describe
    return std::move(case_);
  }

 private:
  template <typename T>
  const T& Pick(const std::vector<T>& items) {
    return items[Below(items.size())];
  }
  size_t Below(size_t count) { return static_cast<size_t>(random_() % count); }
  int64_t Between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(Below(static_cast<size_t>(most - least + 1)));
  }
  bool Chance(int percent) { return Between(1, 100) <= percent; }

  [[noreturn]] void Malformed(std::string_view part) const {
    throw InternalError(info_.name + ": its domain is malformed at '" + std::string(part) + "'");
  }

  void ReadDomain() {
    std::vector<std::string_view> whole = SplitDomain(info_.domain, "||");
    const std::string_view chosen = Pick(whole);
    if (info_.domain.empty()) Malformed("");
    class_ = info_.domain[0];
    case_dtype_ = Pick(ClassDTypes(class_));
    for (std::string_view item : SplitDomain(chosen, ";")) {
      const size_t equals = item.find('=');
      if (equals == item.npos) continue;  // the class
      domains_[item.substr(0, equals)] = item.substr(equals + 1);
    }
    const int64_t rank = Between(0, 4);
    for (int64_t i = 0; i < rank; ++i) broadcast_.push_back(Chance(3) ? 0 : Between(1, 5));
    const int64_t prefix_rank = Between(0, 2);
    for (int64_t i = 0; i < prefix_rank; ++i) prefix_.push_back(Between(1, 4));
  }

  Attr DrawArgument(const SchemaArgument& argument) {
    const auto found = domains_.find(argument.name);
    if (found == domains_.end()) return DrawByType(argument);
    const std::string_view text = Pick(SplitDomain(found->second, "|"));
    return argument.type == ArgType::kTensor ? DrawTensorArgument(argument, text) : DrawOther(argument, text);
  }

  Attr DrawByType(const SchemaArgument& argument) {
    if (argument.type == ArgType::kTensor && !argument.is_optional && !argument.is_list)
      return DrawTensorArgument(argument, "~");
    if (argument.default_value) return *argument.default_value;
    if (argument.is_optional) return Attr();
    if (argument.type == ArgType::kScalar) return Pick(std::vector<Attr>{2, 0.5, -1});
    if (argument.type == ArgType::kInt && argument.name == "dim") return DrawOther(argument, "dim");
    Malformed(argument.name);
  }

  // ---- Tensors

  Attr DrawTensorArgument(const SchemaArgument& argument, std::string_view text) {
    if (text == "None") return Attr();
    if (!text.empty() && (IsDigit(text[0]) || text[0] == '-')) return Number(text);
    if (!argument.is_list) return DrawTensor(text);
    const auto [body, suffix] = Suffix(text);
    AttrList items;
    for (std::string_view item : SplitDomain(body.substr(1, body.size() - 2), ",")) {
      items.push_back(item == "None" ? Attr() : DrawTensor(std::string(item) + std::string(suffix)));
    }
    return Attr(std::move(items));
  }

  // "[A,B]:i" -> "[A,B]", ":i"
  static std::pair<std::string_view, std::string_view> Suffix(std::string_view text) {
    const size_t colon = text.find(':');
    return {text.substr(0, colon), colon == text.npos ? std::string_view() : text.substr(colon)};
  }

  DType DrawDType(std::string_view suffix, bool fresh) {
    if (suffix.empty()) return fresh ? Pick(ClassDTypes(class_)) : case_dtype_;
    if (suffix == ":=") return case_dtype_;
    if (suffix == ":i") return DType::kInt64;
    if (suffix == ":b") return DType::kBool;
    if (suffix.size() > 2) return DTypeFromName(suffix.substr(1)).value();
    return Pick(ClassDTypes(suffix[1]));
  }

  Attr DrawTensor(std::string_view text) {
    const auto [pattern, suffix] = Suffix(text);
    Value value;
    value.dtype = DrawDType(suffix, pattern == "~");
    value.shape = pattern == "~" ? BroadcastShape() : PatternShape(pattern);
    value.strides = DrawStrides(value.shape);
    value.kind = ValueKind::kInput;
    const ValueId id = static_cast<ValueId>(case_.program.values.size());
    value.name = "x" + std::to_string(id);
    case_.program.inputs.push_back(id);
    case_.program.values.push_back(std::move(value));
    return Attr(ValueRef{id});
  }

  Shape BroadcastShape() {
    Shape shape = broadcast_;
    if (Chance(25)) shape.erase(shape.begin(), shape.begin() + static_cast<int64_t>(Below(shape.size() + 1)));
    for (int64_t& size : shape) {
      if (Chance(15)) size = 1;
    }
    return shape;
  }

  Shape PatternShape(std::string_view pattern) {
    if (pattern.size() < 2 || pattern.front() != '[' || pattern.back() != ']') Malformed(pattern);
    Shape shape;
    for (std::string_view token : SplitDomain(pattern.substr(1, pattern.size() - 2), ",")) {
      if (token.empty()) continue;
      if (token == "*") {
        shape.insert(shape.end(), prefix_.begin(), prefix_.end());
      } else {
        shape.push_back(Size(token));
      }
    }
    return shape;
  }

  // Half of them contiguous; else some order of dimensions, sometimes with gaps or a broadcast dimension.
  Shape DrawStrides(const Shape& shape) {
    if (Chance(50)) return ContiguousStrides(shape);
    if (shape.size() == 4 && Chance(25)) return ChannelsLastStrides(shape);
    std::vector<size_t> order(shape.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (Chance(80)) std::shuffle(order.begin(), order.end(), random_);
    Shape strides(shape.size());
    int64_t stride = Chance(15) ? 2 : 1;
    for (size_t dim : order) {
      strides[dim] = stride;
      stride *= std::max<int64_t>(shape[dim], 1) + (Chance(10) ? 1 : 0);
    }
    if (!shape.empty() && Chance(8)) strides[Below(shape.size())] = 0;
    return strides;
  }

  // ---- Sizes: products of numbers and letters, "2K", "G*C".

  int64_t Size(std::string_view text) {
    int64_t product = 1;
    for (std::string_view factor : SplitDomain(text, "*")) {
      size_t digits = 0;
      while (digits < factor.size() && IsDigit(factor[digits])) ++digits;
      if (digits > 0) product *= ParseNumber<int64_t>(factor.substr(0, digits));
      factor.remove_prefix(digits);
      if (factor.size() > 1 || (factor.empty() && digits == 0)) Malformed(text);
      if (!factor.empty()) product *= Letter(factor[0]);
    }
    return product;
  }

  int64_t Letter(char letter) {
    const auto found = letters_.find(letter);
    if (found != letters_.end()) return found->second;
    const bool spatial = letter == 'H' || letter == 'W' || letter == 'T';
    const int64_t size = spatial ? Between(5, 8) : letter == 'G' ? Between(1, 2) : Between(1, 5);
    return letters_[letter] = size;
  }

  // ---- Other arguments

  template <typename T>
  T ParseNumber(std::string_view text) const {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) Malformed(text);
    return value;
  }

  Attr Number(std::string_view text) const {
    return text.find_first_of(".e") != text.npos ? Attr(ParseNumber<double>(text)) : Attr(ParseNumber<int64_t>(text));
  }

  Attr DrawOther(const SchemaArgument& argument, std::string_view text) {
    if (text == "None") return Attr();
    if (text == "True" || text == "False") return Attr(text == "True");
    if (text == "inf") return Attr(std::numeric_limits<double>::infinity());
    if (text.starts_with('\'')) return Attr(std::string(text.substr(1, text.size() - 2)));
    if (argument.type == ArgType::kDType) return Attr(DTypeFromName(text).value());
    if (argument.type == ArgType::kMemoryFormat) return Attr(Attr::Variant(MemoryFormatAttr{std::string(text)}));
    if (text.starts_with('[')) return DrawList(argument, text.substr(1, text.size() - 2));
    if (const std::optional<Attr> drawn = DrawKeyword(text)) return *drawn;
    if (const size_t dots = text.find(".."); dots != text.npos) {
      return Attr(Between(ParseNumber<int64_t>(text.substr(0, dots)), ParseNumber<int64_t>(text.substr(dots + 2))));
    }
    return IsDigit(text[0]) && text.find('*') == text.npos && !std::isupper(text.back()) ? Number(text)
           : text[0] == '-'                                                              ? Number(text)
                                                                                         : Attr(Size(text));
  }

  Attr DrawList(const SchemaArgument& argument, std::string_view body) {
    AttrList items;
    if (TrimSpaces(body).empty()) return Attr(std::move(items));
    for (std::string_view item : SplitDomain(body, ",")) items.push_back(DrawOther(argument, item));
    if (items.size() == 1 && argument.list_size > 1) items.resize(static_cast<size_t>(argument.list_size), items[0]);
    return Attr(std::move(items));
  }

  const Shape& FirstShape() const {
    Require(!case_.program.values.empty(), "a domain speaks of dimensions but the operator has no tensor");
    return case_.program.values[0].shape;
  }

  int64_t DrawDim(int64_t rank) {
    const int64_t count = std::max<int64_t>(rank, 1);
    return Between(-count, count - 1);
  }

  std::optional<Attr> DrawKeyword(std::string_view text) {
    if (text == "dim") return Attr(DrawDim(static_cast<int64_t>(FirstShape().size())));
    if (text == "dim+1") return Attr(DrawDim(static_cast<int64_t>(FirstShape().size()) + 1));
    if (text == "dims" || text == "perm") return DrawDims(text == "perm");
    if (text == "sizes") return Attr::Ints(OtherSizes());
    return std::nullopt;
  }

  Attr DrawDims(bool all) {
    const int64_t rank = static_cast<int64_t>(FirstShape().size());
    std::vector<int64_t> dims(static_cast<size_t>(rank));
    std::iota(dims.begin(), dims.end(), int64_t{0});
    std::shuffle(dims.begin(), dims.end(), random_);
    if (!all && rank > 0) dims.resize(static_cast<size_t>(Between(1, rank)));
    for (int64_t& dim : dims) {
      if (Chance(30)) dim -= rank;
    }
    return Attr::Ints(dims);
  }

  // Neighbours merged, ones inserted, one size left open.
  Shape OtherSizes() {
    Shape sizes;
    for (int64_t size : FirstShape()) {
      if (!sizes.empty() && Chance(40)) {
        sizes.back() *= size;
      } else if (size % 2 == 0 && size > 0 && Chance(30)) {
        sizes.insert(sizes.end(), {2, size / 2});
      } else {
        sizes.push_back(size);
      }
      if (Chance(10)) sizes.push_back(1);
    }
    if (!sizes.empty() && ElementCount(sizes) > 0 && Chance(30)) sizes[Below(sizes.size())] = -1;
    return sizes;
  }

  const OperatorInfo& info_;
  std::mt19937_64& random_;
  OperatorCase case_;
  char class_ = 'f';
  DType case_dtype_ = DType::kFloat32;
  std::map<std::string_view, std::string_view> domains_;
  Shape broadcast_;
  Shape prefix_;
  std::map<char, int64_t> letters_;
};

}  // namespace

OperatorCase CaseGenerator::Draw(const OperatorInfo& info) { return Drawer(info, random_).Run(); }

OperatorCase CaseGenerator::Damage(OperatorCase given) {
  std::vector<Value>& values = given.program.values;
  const size_t choice = random_() % 3;
  if (choice == 0 && !values.empty()) {
    Value& value = values[random_() % values.size()];
    if (!value.shape.empty()) {
      value.shape[random_() % value.shape.size()] += 1;
      value.strides = ContiguousStrides(value.shape);
      return given;
    }
  }
  if (choice == 1 && !values.empty()) {
    Value& value = values[random_() % values.size()];
    value.dtype = IsFloating(value.dtype) ? DType::kInt64 : DType::kFloat32;
    return given;
  }
  for (Attr& arg : given.node.args) {
    if (arg.Is<int64_t>()) {
      arg = Attr(arg.AsInt() + (random_() % 2 == 0 ? 3 : -6));
      return given;
    }
  }
  return given;
}

}  // namespace drtriton
