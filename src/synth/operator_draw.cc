#include "synth/operator_draw.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace drtriton {
namespace {

// "relu", "aten.relu" and "aten.relu.default" name aten.relu.default; "max" names all overloads of max.
bool Names(std::string_view text, std::string_view op) {
  if (text == op) return true;
  std::string whole = text.starts_with("aten.") ? std::string(text) : "aten." + std::string(text);
  return whole == op || (op.starts_with(whole) && op.size() > whole.size() && op[whole.size()] == '.');
}

[[noreturn]] void RefuseName(const OperatorSpace& space, const std::string& text) {
  for (const auto& [op, reason] : space.left_out) {
    if (Names(text, op)) throw UserError("the operator " + op + " cannot be sampled: it " + reason);
  }
  throw UserError("unknown operator '" + text + "'; `drtriton synth --list-operators` lists those that can be sampled");
}

}  // namespace

OperatorDraw::OperatorDraw(const OperatorSpace& space, const SamplerOptions& options)
    : space_(space), options_(options), count_(space.operators.size()) {
  for (const std::string& text : options.operators) {
    const auto named = [&](const SpaceOperator& op) { return Names(text, op.info->name); };
    if (std::none_of(space.operators.begin(), space.operators.end(), named)) RefuseName(space, text);
  }
  for (size_t i = 0; i < count_; ++i) {
    const OperatorInfo& info = *space.operators[i].info;
    const auto named = [&](const std::string& text) { return Names(text, info.name); };
    const bool by_name = options.operators.empty() || std::any_of(options.operators.begin(), options.operators.end(), named);
    const bool by_kind =
        options.kinds.empty() || std::find(options.kinds.begin(), options.kinds.end(), info.kind) != options.kinds.end();
    if (by_name && by_kind) allowed_.push_back(static_cast<int>(i));
  }
  if (allowed_.empty()) throw UserError("no operator is both among those named and of a kind asked for");
  may_read_.assign(count_ * count_, 0);
  for (size_t to = 0; to < count_; ++to) {
    for (size_t from = 0; from < count_; ++from) {
      bool any = false;
      for (int f : space.operators[to].forms) {
        const OperatorForm& reader = space.forms[static_cast<size_t>(f)];
        for (int g : space.operators[from].forms) {
          const OperatorForm& read = space.forms[static_cast<size_t>(g)];
          for (size_t s = 0; s < reader.slots.size(); ++s) {
            for (size_t k = 0; k < static_cast<size_t>(read.results); ++k)
              any = any || ((reader.accepts[s] & read.gives[k]) && (reader.accepts_rank[s] & read.gives_rank[k]));
          }
        }
      }
      may_read_[to * count_ + from] = any ? 1 : 0;
    }
  }
}

int OperatorDraw::Next(std::span<const int> previous, Random& random, double* log_weight) const {
  const uint32_t count = static_cast<uint32_t>(allowed_.size());
  if (options_.law == OperatorLaw::kUsage && options_.next_weight) {
    const std::vector<int> before(previous.begin(), previous.end());
    std::vector<double> weights(count);
    double total = 0;
    for (size_t i = 0; i < count; ++i) total += weights[i] = options_.next_weight(before, allowed_[i]);
    if (total > 0) {
      const size_t pick = static_cast<size_t>(random.Weighted(weights, static_cast<int>(count)));
      *log_weight += std::log(weights[pick] / total);
      return allowed_[pick];
    }
  }
  *log_weight -= std::log(static_cast<double>(count));
  return allowed_[random.Below(count)];
}

bool OperatorDraw::MayEndInOne(std::span<const int> sequence) const {
  for (size_t i = 0; i + 1 < sequence.size(); ++i) {
    bool read = false;
    for (size_t j = i + 1; j < sequence.size() && !read; ++j) read = MayRead(sequence[j], sequence[i]);
    if (!read) return false;
  }
  return true;
}

}  // namespace drtriton
