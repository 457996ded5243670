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
    : space_(space), options_(options) {
  for (const std::string& text : options.operators) {
    const auto named = [&](const SpaceOperator& op) { return Names(text, op.info->name); };
    if (std::none_of(space.operators.begin(), space.operators.end(), named)) RefuseName(space, text);
  }
  for (size_t i = 0; i < space.operators.size(); ++i) {
    const OperatorInfo& info = *space.operators[i].info;
    const auto named = [&](const std::string& text) { return Names(text, info.name); };
    const bool by_name = options.operators.empty() || std::any_of(options.operators.begin(), options.operators.end(), named);
    const bool by_kind =
        options.kinds.empty() || std::find(options.kinds.begin(), options.kinds.end(), info.kind) != options.kinds.end();
    if (by_name && by_kind) allowed_.push_back(static_cast<int>(i));
  }
  if (allowed_.empty()) throw UserError("no operator is both among those named and of a kind asked for");
  reach_.resize(space.operators.size());
  for (size_t i = 0; i < reach_.size(); ++i) {
    for (int f : space.operators[i].forms) AddForm(space.forms[static_cast<size_t>(f)], reach_[i]);
  }
}

void OperatorDraw::AddForm(const OperatorForm& form, Reach& reach) {
  for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
    reach.types |= form.gives[k];
    reach.ranks |= form.gives_rank[k];
    for (size_t s = 0; s < form.slots.size(); ++s) {
      for (size_t t = 0; t < reach.types_when.size(); ++t) {
        if ((form.accepts[s] >> t) & 1) reach.types_when[t] |= form.gives_when[std::min<size_t>(k, 1)][s][t];
      }
      for (size_t r = 0; r < reach.ranks_when.size(); ++r) {
        if ((form.accepts_rank[s] >> r) & 1) reach.ranks_when[r] |= form.gives_rank_when[k][s][r];
      }
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
  // What a tensor may be to reach the last operator by those behind it.
  TypeMask types = kAnyType;
  RankMask ranks = 0xff;
  TypeMask useful_types = 0;
  RankMask useful_ranks = 0;
  for (size_t i = sequence.size(); i-- > 0;) {
    const Reach& reach = reach_[static_cast<size_t>(sequence[i])];
    if (!(reach.types & types) || !(reach.ranks & ranks)) return false;
    for (size_t t = 0; t < reach.types_when.size(); ++t)
      useful_types |= static_cast<TypeMask>((reach.types_when[t] & types) ? 1U << t : 0U);
    for (size_t r = 0; r < reach.ranks_when.size(); ++r)
      useful_ranks |= static_cast<RankMask>((reach.ranks_when[r] & ranks) ? 1U << r : 0U);
    types = useful_types;
    ranks = useful_ranks;
  }
  return true;
}

}  // namespace drtriton
