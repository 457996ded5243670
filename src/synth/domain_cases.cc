#include "synth/domain_cases.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "graph/domain_text.h"

namespace drtriton {
namespace {

using Texts = std::vector<std::string_view>;
using NamedTexts = std::map<std::string_view, Texts>;
template <typename T>
using Choices = std::vector<std::vector<T>>;

bool IsNumber(std::string_view text) {
  return !text.empty() && (text[0] == '-' || IsDigit(text[0])) && text.find_first_not_of("-+.e0123456789") == text.npos &&
         text.find("..") == text.npos;
}

Attr NumberAttr(std::string_view text) {
  if (text.find_first_of(".e") == text.npos) {
    int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return Attr(value);
  }
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return Attr(value);
}

std::string_view Inside(std::string_view brackets) { return brackets.substr(1, brackets.size() - 2); }

// Every way to take one of each, in the order of the lists, at most `limit`.
template <typename T>
Choices<T> Product(const std::vector<std::vector<T>>& lists, size_t limit) {
  Choices<T> result = {{}};
  for (const std::vector<T>& list : lists) {
    Choices<T> longer;
    for (const std::vector<T>& head : result) {
      for (const T& item : list) {
        if (longer.size() >= limit) break;
        longer.push_back(head);
        longer.back().push_back(item);
      }
    }
    result = std::move(longer);
  }
  return result;
}

// A tensor of the domain: its pattern and the class of its dtype.
struct TensorText {
  TensorSlot slot;
  std::string_view pattern;  // "[N,K]", "~"
  std::string_view suffix;   // ":i"
};

// How the tensor arguments are given in one alternative.
struct TensorChoice {
  std::vector<TensorText> wired;
  std::vector<TensorText> parameters;
  std::vector<std::pair<int, Attr>> numbers;  // that stand for tensors
};

// A value for an argument that shapes may depend on: a literal, or a list whose items may be sizes.
struct OtherChoice {
  int argument = -1;
  std::optional<Attr> value;
  std::vector<std::pair<int, std::string>> sizes;  // item (-1: the argument itself), text
};

bool IsParameter(const SchemaArgument& argument, std::string_view pattern) {
  return pattern != "~" && (argument.name == "weight" || argument.name == "bias" || argument.name.starts_with("running_"));
}

class Reader {
 public:
  explicit Reader(const OperatorInfo& info) : info_(info) {}

  std::vector<DomainForm> Run() {
    class_ = info_.domain.empty() ? 'f' : info_.domain[0];
    for (std::string_view group : SplitDomain(info_.domain, "||")) ReadGroup(group);
    return std::move(forms_);
  }

 private:
  const std::vector<SchemaArgument>& Arguments() const { return info_.schema.arguments; }

  void ReadGroup(std::string_view group) {
    domains_.clear();
    for (std::string_view item : SplitDomain(group, ";")) {
      const size_t equals = item.find('=');
      if (equals != item.npos) domains_[item.substr(0, equals)] = SplitDomain(item.substr(equals + 1), "|");
    }
    for (const TensorChoice& choice : TensorChoices()) AddCases(choice);
  }

  // ---- Tensors

  std::vector<TensorChoice> TensorChoices() {
    std::vector<Texts> lists;
    std::vector<int> arguments;
    for (size_t i = 0; i < Arguments().size(); ++i) {
      const SchemaArgument& argument = Arguments()[i];
      if (argument.type != ArgType::kTensor) continue;
      const auto found = domains_.find(argument.name);
      const bool required = !argument.is_optional && !argument.is_list;
      if (found == domains_.end() && !required) continue;
      Texts texts = found == domains_.end() ? Texts{"~"} : found->second;
      arguments.push_back(static_cast<int>(i));
      lists.push_back(std::move(texts));
    }
    std::vector<TensorChoice> choices;
    for (const Texts& texts : Product(lists, 64)) {
      TensorChoice choice;
      for (size_t i = 0; i < texts.size(); ++i) AddTensor(arguments[i], texts[i], choice);
      if (!choice.wired.empty() && choice.wired.size() <= 3) choices.push_back(std::move(choice));
    }
    return choices;
  }

  void AddTensor(int argument, std::string_view text, TensorChoice& choice) {
    if (text == "None") return;
    if (IsNumber(text)) {
      choice.numbers.push_back({argument, NumberAttr(text)});
      return;
    }
    const SchemaArgument& described = Arguments()[static_cast<size_t>(argument)];
    const size_t colon = text.find(':');
    const std::string_view pattern = text.substr(0, colon);
    const std::string_view suffix = colon == text.npos ? std::string_view() : text.substr(colon);
    if (!described.is_list) {
      auto& list = IsParameter(described, pattern) ? choice.parameters : choice.wired;
      list.push_back({{argument, -1}, pattern, suffix});
      return;
    }
    int item = 0;
    for (std::string_view one : SplitDomain(Inside(pattern), ",")) {
      if (one != "None") choice.wired.push_back({{argument, item}, one, suffix});
      ++item;
    }
  }

  SlotDType DTypeOf(const TensorText& text) const {
    constexpr uint8_t kFloat = 1, kInt = 2, kBool = 4;
    const auto families = [](char name) -> uint8_t {
      switch (name) {
        case 'f':
          return kFloat;
        case 'n':
          return kFloat | kInt;
        case 'i':
          return kInt | kBool;
        case 'z':
          return kInt;
        default:
          return kFloat | kInt | kBool;
      }
    };
    if (text.suffix.empty()) return {families(class_), text.pattern != "~"};
    if (text.suffix == ":=") return {families(class_), true};
    if (text.suffix == ":i") return {kInt, false};
    if (text.suffix == ":b") return {kBool, false};
    if (text.suffix.size() > 2) return {kFloat, true};  // a dtype by its name: the program's own stands for it
    return {families(text.suffix[1]), false};
  }

  // ---- Patterns

  // Letters of one case: names in the order in which they are met.
  struct Letters {
    std::vector<char> names;
    int8_t Find(char name) {
      for (size_t i = 0; i < names.size(); ++i) {
        if (names[i] == name) return static_cast<int8_t>(i);
      }
      names.push_back(name);
      return static_cast<int8_t>(names.size() - 1);
    }
  };

  // "2K", "G*C", "3"
  static std::optional<SizeTerm> ParseTerm(std::string_view text, Letters& letters) {
    SizeTerm term;
    for (std::string_view factor : SplitDomain(text, "*")) {
      size_t digits = 0;
      while (digits < factor.size() && IsDigit(factor[digits])) ++digits;
      if (digits > 0) term.coefficient *= static_cast<int32_t>(NumberAttr(factor.substr(0, digits)).AsInt());
      factor.remove_prefix(digits);
      if (factor.size() > 1 || term.count >= 5) return std::nullopt;
      if (!factor.empty()) term.letters[static_cast<size_t>(term.count++)] = letters.Find(factor[0]);
    }
    return term;
  }

  // Prefix letters are called 1 and 2, those of a lone "~" p, q, r, s.
  static std::optional<std::vector<SizeTerm>> ParsePattern(std::string_view pattern, int prefix, int rank, Letters& letters) {
    std::vector<SizeTerm> terms;
    const auto add = [&](char name) { terms.push_back(SizeTerm{.coefficient = 1, .count = 1, .letters = {letters.Find(name)}}); };
    if (pattern == "~") {
      for (int i = 0; i < rank; ++i) add(static_cast<char>('p' + i));
      return terms;
    }
    for (std::string_view token : SplitDomain(Inside(pattern), ",")) {
      if (token.empty()) continue;
      if (token == "*") {
        for (int i = 0; i < prefix; ++i) add(static_cast<char>('1' + i));
        continue;
      }
      const std::optional<SizeTerm> term = ParseTerm(token, letters);
      if (!term || term->coefficient == 0) return std::nullopt;  // nothing is computed on empty tensors
      terms.push_back(*term);
    }
    return terms;
  }

  // ---- Cases

  void AddCases(const TensorChoice& choice) {
    const auto has = [&](std::string_view mark) {
      const auto mentions = [mark](const TensorText& text) { return text.pattern.find(mark) != text.pattern.npos; };
      return std::any_of(choice.wired.begin(), choice.wired.end(), mentions);
    };
    const auto tildes = std::count_if(choice.wired.begin(), choice.wired.end(),
                                      [](const TensorText& text) { return text.pattern == "~"; });
    DomainForm& form = FormFor(choice, tildes >= 2);
    const int most_prefix = has("*,") || has("*]") ? 2 : 0;
    const int most_rank = tildes == 1 ? 4 : 0;
    for (int prefix = 0; prefix <= most_prefix; ++prefix) {
      for (int rank = 0; rank <= most_rank; ++rank) AddCase(choice, prefix, rank, form);
    }
  }

  DomainForm& FormFor(const TensorChoice& choice, bool broadcasts) {
    DomainForm made;
    for (size_t s = 0; s < choice.wired.size(); ++s) {
      made.slots.push_back(choice.wired[s].slot);
      made.dtypes.push_back(DTypeOf(choice.wired[s]));
      if (broadcasts && choice.wired[s].pattern == "~") made.broadcast |= static_cast<uint8_t>(1U << s);
    }
    ReadScalars(made);
    const auto same = [&](const DomainForm& form) {
      if (form.slots != made.slots || form.broadcast != made.broadcast) return false;
      if (read_scalars_[static_cast<size_t>(&form - forms_.data())] != made.scalars) return false;
      for (size_t s = 0; s < made.dtypes.size(); ++s) {
        if (form.dtypes[s].families != made.dtypes[s].families || form.dtypes[s].of_the_case != made.dtypes[s].of_the_case)
          return false;
      }
      return true;
    };
    auto found = std::find_if(forms_.begin(), forms_.end(), same);
    if (found == forms_.end()) {
      read_scalars_.push_back(made.scalars);
      forms_.push_back(std::move(made));
      found = forms_.end() - 1;
      has_numbers_.push_back(false);
    }
    AddNumbers(choice, static_cast<size_t>(found - forms_.begin()));
    return *found;
  }

  // Numbers in a tensor's place are further scalar choices: x + 2.5, x + 3.
  void AddNumbers(const TensorChoice& choice, size_t index) {
    if (choice.numbers.empty()) return;
    DomainForm& form = forms_[index];
    if (!has_numbers_[index]) form.scalars.clear();
    has_numbers_[index] = true;
    for (auto base : read_scalars_[index]) {
      base.insert(base.end(), choice.numbers.begin(), choice.numbers.end());
      if (std::find(form.scalars.begin(), form.scalars.end(), base) == form.scalars.end()) form.scalars.push_back(base);
    }
  }

  void AddCase(const TensorChoice& choice, int prefix, int rank, DomainForm& form) {
    ShapeCase shape_case;
    Letters letters;
    for (const TensorText& text : choice.wired) {
      const bool open = form.broadcast != 0 && text.pattern == "~";
      const auto terms = open ? std::vector<SizeTerm>{} : ParsePattern(text.pattern, prefix, rank, letters);
      if (!terms || terms->size() > 5) return;
      shape_case.slots.push_back(*terms);
    }
    for (const TensorText& text : choice.parameters) {
      const auto terms = ParsePattern(text.pattern, prefix, rank, letters);
      if (!terms) return;
      const bool statistic = Arguments()[static_cast<size_t>(text.slot.argument)].name.starts_with("running_");
      shape_case.parameters.push_back({text.slot, *terms, statistic});
    }
    const int first_rank = static_cast<int>(shape_case.slots[0].size());
    for (const std::vector<OtherChoice>& others : Product(OtherLists(first_rank), 2000)) {
      ShapeCase whole = shape_case;
      Letters own = letters;
      if (AddOthers(others, own, whole) && FinishLetters(own, whole)) form.cases.push_back(std::move(whole));
    }
  }

  static bool AddOthers(const std::vector<OtherChoice>& others, Letters& letters, ShapeCase& shape_case) {
    for (const OtherChoice& other : others) {
      if (other.value) shape_case.arguments.push_back({other.argument, *other.value});
      for (const auto& [item, text] : other.sizes) {
        const std::optional<SizeTerm> term = ParseTerm(text, letters);
        if (!term) return false;
        shape_case.sizes.push_back({{other.argument, item}, *term});
      }
    }
    return true;
  }

  static bool FinishLetters(const Letters& letters, ShapeCase& shape_case) {
    if (letters.names.size() > static_cast<size_t>(kMaxLetters)) return false;
    shape_case.letters = static_cast<int>(letters.names.size());
    for (size_t i = 0; i < letters.names.size(); ++i) {
      shape_case.names[i] = letters.names[i];
      shape_case.least[i] = 1;
    }
    return true;
  }

  // ---- Arguments that are no tensors

  static bool IsScalar(const SchemaArgument& argument) {
    return (argument.type == ArgType::kScalar || argument.type == ArgType::kFloat) && !argument.is_list;
  }

  // Numeric arguments: each full choice of one form.
  void ReadScalars(DomainForm& form) {
    std::vector<std::vector<std::pair<int, Attr>>> lists;
    for (size_t i = 0; i < Arguments().size(); ++i) {
      const SchemaArgument& argument = Arguments()[i];
      const auto found = domains_.find(argument.name);
      const bool must_be_given = !argument.default_value && !argument.is_optional;
      if (argument.type == ArgType::kDType && must_be_given && found != domains_.end()) ReadCasts(found->second, form);
      if (!IsScalar(argument)) continue;
      std::vector<std::pair<int, Attr>> list;
      if (found != domains_.end()) {
        for (std::string_view text : found->second) list.push_back({static_cast<int>(i), ScalarAttr(text)});
      } else if (!argument.default_value && !argument.is_optional) {
        for (const Attr& value : {Attr(2), Attr(0.5), Attr(-1)}) list.push_back({static_cast<int>(i), value});
      }
      std::vector<std::pair<int, Attr>> distinct;
      for (const auto& entry : list) {
        if (std::find(distinct.begin(), distinct.end(), entry) == distinct.end()) distinct.push_back(entry);
      }
      if (!distinct.empty()) lists.push_back(std::move(distinct));
    }
    form.scalars = Product(lists, 12);
  }

  static Attr ScalarAttr(std::string_view text) {
    if (text == "None") return Attr();
    if (text == "inf") return Attr(std::numeric_limits<double>::infinity());
    return NumberAttr(text);
  }

  static void ReadCasts(const Texts& texts, DomainForm& form) {
    for (std::string_view text : texts) {
      const std::optional<DType> dtype = DTypeFromName(text);
      if (!dtype) continue;
      const Family family =
          IsFloating(*dtype) ? Family::kFloat : *dtype == DType::kBool ? Family::kBool : Family::kInt;
      if (std::find(form.casts.begin(), form.casts.end(), family) == form.casts.end()) form.casts.push_back(family);
    }
  }

  std::vector<std::vector<OtherChoice>> OtherLists(int rank) {
    std::vector<std::vector<OtherChoice>> lists;
    for (size_t i = 0; i < Arguments().size(); ++i) {
      const SchemaArgument& argument = Arguments()[i];
      if (argument.type == ArgType::kTensor || IsScalar(argument) || argument.type == ArgType::kDType) continue;
      const auto found = domains_.find(argument.name);
      Texts texts = found != domains_.end() ? found->second : Texts{};
      if (texts.empty() && !argument.default_value && !argument.is_optional && argument.name == "dim") texts = {"dim"};
      if (texts.empty()) continue;
      std::vector<OtherChoice> list;
      for (std::string_view text : texts) AddOther(static_cast<int>(i), text, rank, list);
      std::vector<OtherChoice> distinct;
      for (OtherChoice& one : list) {
        const auto same = [&one](const OtherChoice& two) { return one.value == two.value && one.sizes == two.sizes; };
        if (std::none_of(distinct.begin(), distinct.end(), same)) distinct.push_back(std::move(one));
      }
      lists.push_back(std::move(distinct));
    }
    return lists;
  }

  void AddOther(int argument, std::string_view text, int rank, std::vector<OtherChoice>& list) {
    const auto literal = [&](Attr value) { list.push_back({argument, std::move(value), {}}); };
    const SchemaArgument& described = Arguments()[static_cast<size_t>(argument)];
    // As a person counts: the last dimension from the end.
    const auto from_end = [](int dim, int count) { return dim == count - 1 && count > 1 ? int64_t{-1} : int64_t{dim}; };
    if (text == "None") return literal(Attr());
    if (text == "True" || text == "False") return literal(Attr(text == "True"));
    if (text.starts_with('\'')) return literal(Attr(std::string(Inside(text))));
    if (text == "dim" || text == "dim+1") {
      const int count = rank + (text == "dim+1" ? 1 : 0);
      for (int dim = 0; dim < count; ++dim) literal(Attr(from_end(dim, count)));
      return;
    }
    if (text == "dims") {
      for (unsigned set = 1; set < (1U << rank); ++set) {
        std::vector<int64_t> dims;
        for (int dim = 0; dim < rank; ++dim) {
          if ((set >> dim) & 1U) dims.push_back(set == (1U << dim) ? from_end(dim, rank) : dim);
        }
        literal(Attr::Ints(dims));
      }
      return;
    }
    if (text == "perm") {
      std::vector<int64_t> dims(static_cast<size_t>(rank));
      std::iota(dims.begin(), dims.end(), int64_t{0});
      while (std::next_permutation(dims.begin(), dims.end())) literal(Attr::Ints(dims));
      return;
    }
    if (text.starts_with('[')) {
      OtherChoice choice{argument, std::nullopt, {}};
      AttrList items;
      if (!TrimSpaces(Inside(text)).empty()) {
        for (std::string_view item : SplitDomain(Inside(text), ",")) {
          if (IsNumber(item)) {
            items.push_back(NumberAttr(item));
          } else {
            choice.sizes.push_back({static_cast<int>(items.size()), std::string(item)});
            items.push_back(Attr(0));
          }
        }
      }
      if (items.size() == 1 && described.list_size > 1 && choice.sizes.empty())
        items.resize(static_cast<size_t>(described.list_size), items[0]);
      choice.value = Attr(std::move(items));
      list.push_back(std::move(choice));
      return;
    }
    if (const size_t dots = text.find(".."); dots != text.npos) {
      const int64_t most = NumberAttr(text.substr(dots + 2)).AsInt();
      for (int64_t i = NumberAttr(text.substr(0, dots)).AsInt(); i <= most; ++i) literal(Attr(i));
      return;
    }
    if (IsNumber(text)) return literal(NumberAttr(text));
    if (described.type == ArgType::kInt) {
      OtherChoice choice{argument, std::nullopt, {}};
      choice.sizes.push_back({-1, std::string(text)});
      list.push_back(std::move(choice));
      return;
    }
    // Memory formats and the like keep their default.
  }

  const OperatorInfo& info_;
  char class_ = 'f';
  NamedTexts domains_;
  std::vector<DomainForm> forms_;
  std::vector<Choices<std::pair<int, Attr>>> read_scalars_;  // by form: the numeric arguments as the domain has them
  std::vector<bool> has_numbers_;                            // by form: numbers stand for tensors in it
};

}  // namespace

std::vector<DomainForm> CallingForms(const OperatorInfo& info) { return Reader(info).Run(); }

}  // namespace drtriton
