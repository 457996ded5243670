// torch.einsum: operands joined from left to right, each step one matrix product.  A label is a dimension's axes: what both
// sides have and the rest still needs is a batch, what both have and nobody needs is summed over, the others are rows and
// columns; nothing is transposed or copied.
#include <algorithm>
#include <map>

#include "graph/einsum.h"
#include "templates/lower_index.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

// A term whose dimensions are labelled; ellipsis dimensions are numbered from the right: '0' is the last.
struct Labelled {
  Term term;
  std::string labels;
};

class Einsum {
 public:
  explicit Einsum(const OpCall& call) : call_(call), draft_(call.draft) {}

  void Run() {
    std::string complaint;
    const auto terms = ParseEinsum(call_.arg(0).AsString(), &complaint);
    if (!terms) throw Refusal{complaint};
    const AttrList& operands = call_.arg(1).AsList();
    std::vector<Labelled> all;
    size_t ellipsis = 0;
    for (size_t i = 0; i < operands.size(); ++i) {
      const Term term = draft_.Get(operands[i]);
      if (terms->operands[i].find('.') != std::string::npos) ellipsis = std::max(ellipsis, term.dims.size() + 1 - terms->operands[i].size());
      all.push_back({term, Numbered(terms->operands[i], term.dims.size())});
    }
    if (ellipsis > 9) throw Refusal{"an ellipsis of more than nine dimensions"};
    const std::string result = Numbered(terms->result, ellipsis + terms->result.size() - (terms->result.find('.') != std::string::npos ? 1 : 0));
    for (Labelled& one : all) OnDiagonals(one);
    Labelled joined = Reduced(all[0], Needed(all, 1, result));
    for (size_t i = 1; i < all.size(); ++i) {
      const std::string needed = Needed(all, i + 1, result);
      joined = Join(joined, Reduced(all[i], needed + joined.labels), needed);
    }
    call_.Define(Ordered(Reduced(joined, result), result));
  }

 private:
  static bool Has(const std::string& labels, char label) { return labels.find(label) != std::string::npos; }

  // The ellipsis written out for a tensor of that rank.
  static std::string Numbered(const std::string& labels, size_t rank) {
    std::string text;
    for (char label : labels) {
      if (label != '.') {
        text += label;
        continue;
      }
      for (size_t left = rank + 1 - labels.size(); left-- > 0;) text += static_cast<char>('0' + left);
    }
    return text;
  }

  static std::string Needed(const std::vector<Labelled>& all, size_t from, const std::string& result) {
    std::string needed = result;
    for (size_t i = from; i < all.size(); ++i) needed += all[i].labels;
    return needed;
  }

  // A label that an operand has twice: its elements on that diagonal.
  void OnDiagonals(Labelled& one) {
    for (size_t first = 0; first < one.labels.size(); ++first) {
      for (size_t second = one.labels.find(one.labels[first], first + 1); second != std::string::npos;
           second = one.labels.find(one.labels[first], first + 1)) {
        std::vector<AxisList> dims = one.term.dims;
        dims[first] = draft_.FreshDims({draft_.Size(one.term, static_cast<int64_t>(first))}).front();
        dims.erase(dims.begin() + static_cast<ptrdiff_t>(second));
        const Term along = draft_.IndexOver(dims, first, 0, 1);
        one.term = draft_.Take(one.term, {{static_cast<int64_t>(first), {along, std::nullopt}}, {static_cast<int64_t>(second), {along, std::nullopt}}}, dims);
        one.labels.erase(second, 1);
      }
    }
  }

  // Summed over labels that nobody else has.
  Labelled Reduced(const Labelled& one, const std::string& needed) {
    std::vector<int64_t> dims;
    std::string kept;
    for (size_t i = 0; i < one.labels.size(); ++i) {
      if (Has(needed, one.labels[i])) {
        kept += one.labels[i];
      } else {
        dims.push_back(static_cast<int64_t>(i));
      }
    }
    if (dims.empty()) return one;
    return {draft_.Reduce("sum", draft_.Cast(one.term, call_.type()), dims, false), kept};
  }

  AxisList AxesOf(const Labelled& one, char label) const {
    const size_t at = one.labels.find(label);
    return at == std::string::npos ? AxisList{} : one.term.dims[at];
  }

  Labelled Join(const Labelled& a, const Labelled& b, const std::string& needed) {
    Labelled result;
    Term left = a.term, right = b.term;
    left.leaf.reset(), right.leaf.reset();
    left.dims.clear(), right.dims.clear();
    AxisList rows, columns, left_sum, right_sum;
    std::string row_labels, column_labels;
    std::vector<AxisList> split;
    const auto append = [](AxisList& list, const AxisList& axes) { list.insert(list.end(), axes.begin(), axes.end()); };
    for (char label : a.labels) {
      const AxisList of_a = AxesOf(a, label), of_b = AxesOf(b, label);
      if (!Has(b.labels, label)) {
        row_labels += label;
        append(rows, of_a);
      } else if (Has(needed, label)) {
        result.labels += label;
        left.dims.push_back(of_a);
        right.dims.push_back(of_b);
      } else if (of_a.empty() != of_b.empty()) {
        throw Refusal{"an equation that sums over a broadcast dimension"};
      } else {
        append(left_sum, of_a);
        append(right_sum, of_b);
      }
    }
    for (char label : b.labels) {
      if (Has(a.labels, label)) continue;
      column_labels += label;
      append(columns, AxesOf(b, label));
    }
    for (const AxisList& axes : {rows, left_sum}) left.dims.push_back(axes);
    for (const AxisList& axes : {right_sum, columns}) right.dims.push_back(axes);
    result.term = draft_.Matmul(left, right, call_.type());
    for (size_t i = 0; i < 2; ++i) result.term.dims.pop_back();
    for (char label : row_labels) result.term.dims.push_back(AxesOf(a, label));
    for (char label : column_labels) result.term.dims.push_back(AxesOf(b, label));
    result.labels += row_labels + column_labels;
    return result;
  }

  Term Ordered(const Labelled& one, const std::string& result) {
    Term term = one.term;
    term.leaf.reset();
    term.dims.clear();
    for (char label : result) term.dims.push_back(AxesOf(one, label));
    return term;
  }

  const OpCall& call_;
  Draft& draft_;
};

}  // namespace

void LowerEinsum(HandlerTable& table) {
  table["aten.einsum.default"] = [](const OpCall& call) { Einsum(call).Run(); };
}

}  // namespace drtriton
