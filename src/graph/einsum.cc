#include "graph/einsum.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace drtriton {
namespace {

// Labels of one operand; the ellipsis is the label '.'.
std::optional<std::string> ParseLabels(std::string_view text) {
  std::string labels;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ' ') continue;
    if (text.substr(i, 3) == "...") {
      if (labels.find('.') != labels.npos) return std::nullopt;
      labels += '.';
      i += 2;
    } else if (std::isalpha(static_cast<unsigned char>(text[i]))) {
      labels += text[i];
    } else {
      return std::nullopt;
    }
  }
  return labels;
}

// Sizes of the labels; the ellipsis has a shape of its own.
struct Sizes {
  std::map<char, int64_t> labels;
  Shape ellipsis;

  bool Add(char label, int64_t size) {
    int64_t& known = labels.emplace(label, 1).first->second;
    if (known != size && known != 1 && size != 1) return false;
    known = std::max(known, size);
    return true;
  }

  bool AddEllipsis(const Shape& shape) {
    Shape joined(std::max(shape.size(), ellipsis.size()), 1);
    for (size_t i = 0; i < joined.size(); ++i) {
      const int64_t a = i < shape.size() ? shape[shape.size() - 1 - i] : 1;
      const int64_t b = i < ellipsis.size() ? ellipsis[ellipsis.size() - 1 - i] : 1;
      if (a != b && a != 1 && b != 1) return false;
      joined[joined.size() - 1 - i] = a == 1 ? b : a;
    }
    ellipsis = joined;
    return true;
  }

  bool AddOperand(const std::string& text, const Shape& shape) {
    const bool has_ellipsis = text.find('.') != text.npos;
    const size_t named = text.size() - (has_ellipsis ? 1 : 0);
    if (has_ellipsis ? shape.size() < named : shape.size() != named) return false;
    size_t dim = 0;
    for (char label : text) {
      if (label != '.') {
        if (!Add(label, shape[dim++])) return false;
        continue;
      }
      const auto begin = shape.begin() + static_cast<int64_t>(dim);
      dim += shape.size() - named;
      if (!AddEllipsis(Shape(begin, shape.begin() + static_cast<int64_t>(dim)))) return false;
    }
    return true;
  }
};

// Without "->" the result has the ellipsis and then every label that occurs once, in alphabetical order.
std::string ImplicitResult(const std::vector<std::string>& operands) {
  std::map<char, int> counts;
  for (const std::string& labels : operands) {
    for (char label : labels) ++counts[label];
  }
  std::string result = counts.contains('.') ? "." : "";
  for (const auto& [label, count] : counts) {
    if (label != '.' && count == 1) result += label;
  }
  return result;
}

}  // namespace

std::optional<EinsumTerms> ParseEinsum(std::string_view equation, std::string* complaint) {
  const size_t arrow = equation.find("->");
  std::string_view rest = equation.substr(0, arrow);
  EinsumTerms terms;
  while (true) {
    const size_t comma = rest.find(',');
    const std::optional<std::string> parsed = ParseLabels(rest.substr(0, comma));
    if (!parsed) {
      *complaint = "the equation is malformed";
      return std::nullopt;
    }
    terms.operands.push_back(*parsed);
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
  const std::optional<std::string> result =
      arrow == equation.npos ? ImplicitResult(terms.operands) : ParseLabels(equation.substr(arrow + 2));
  if (!result) {
    *complaint = "the equation's result is malformed";
    return std::nullopt;
  }
  terms.result = *result;
  return terms;
}

std::optional<EinsumShape> InferEinsum(std::string_view equation, const std::vector<Shape>& operands,
                                       std::string* complaint) {
  const auto fail = [complaint](const char* why) {
    *complaint = why;
    return std::nullopt;
  };
  const std::optional<EinsumTerms> terms = ParseEinsum(equation, complaint);
  if (!terms) return std::nullopt;
  if (terms->operands.size() != operands.size()) return fail("the equation does not have one term an operand");
  Sizes sizes;
  for (size_t i = 0; i < operands.size(); ++i) {
    if (!sizes.AddOperand(terms->operands[i], operands[i])) return fail("the equation does not fit the operands' shapes");
  }
  EinsumShape inferred{.products = static_cast<double>(ElementCount(sizes.ellipsis))};
  for (const auto& [label, size] : sizes.labels) inferred.products *= static_cast<double>(size);
  for (char label : terms->result) {
    if (label == '.') {
      inferred.shape.insert(inferred.shape.end(), sizes.ellipsis.begin(), sizes.ellipsis.end());
    } else if (const auto found = sizes.labels.find(label); found != sizes.labels.end()) {
      inferred.shape.push_back(found->second);
    } else {
      return fail("the equation's result has a label that no operand has");
    }
  }
  return inferred;
}

}  // namespace drtriton
