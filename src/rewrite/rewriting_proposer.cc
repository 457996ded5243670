#include "rewrite/rewriting_proposer.h"

#include <algorithm>
#include <utility>

#include "base/join.h"

namespace drtriton {
namespace {

// A fragment in one of its forms, and the rules that made it.
struct Form {
  Fragment fragment;
  std::vector<std::string> rules;
};

// The exact rewrites' form (the fragment itself where none fits) and, where it differs, that of all rewrites.
std::vector<Form> FormsOf(const Fragment& fragment) {
  std::vector<Form> forms{{fragment, {}}};
  if (std::optional<Rewritten> exact = Rewrite(fragment.program, Rewrites::kExact)) {
    forms[0].fragment.program = std::move(exact->program);
    forms[0].rules = std::move(exact->rules);
  }
  std::optional<Rewritten> all = Rewrite(fragment.program, Rewrites::kAll);
  if (!all || all->rules == forms[0].rules) return forms;
  forms.push_back({fragment, std::move(all->rules)});
  forms[1].fragment.program = std::move(all->program);
  return forms;
}

bool Cheaper(const Proposal& a, const Proposal& b) { return a.estimated_us < b.estimated_us; }

}  // namespace

std::optional<std::string> RewritingProposer::WhyNot(const Fragment& fragment) const {
  std::optional<std::string> why_not = inner_.WhyNot(fragment);
  if (!why_not) return std::nullopt;
  for (const Form& form : FormsOf(fragment)) {
    if (!form.rules.empty() && !inner_.WhyNot(form.fragment)) return std::nullopt;
  }
  return why_not;
}

int64_t RewritingProposer::BytesBetweenKernels(const Fragment& fragment) const {
  std::optional<int64_t> least;
  for (const Form& form : FormsOf(fragment)) {
    if (inner_.WhyNot(form.fragment)) continue;
    const int64_t bytes = inner_.BytesBetweenKernels(form.fragment);
    least = std::min(least.value_or(bytes), bytes);
  }
  return least.value_or(inner_.BytesBetweenKernels(fragment));
}

std::vector<Proposal> RewritingProposer::Propose(const Fragment& fragment, const DeviceSpec& device,
                                                 const ProposeOptions& options) const {
  std::vector<Proposal> best, others;
  for (Form& form : FormsOf(fragment)) {
    if (inner_.WhyNot(form.fragment)) continue;
    std::vector<Proposal> proposals = inner_.Propose(form.fragment, device, options);
    for (size_t i = 0; i < proposals.size(); ++i) {
      proposals[i].rewrites = form.rules;
      if (!form.rules.empty()) {
        for (KernelPlan& kernel : proposals[i].kernels) kernel.why += "; rewritten: " + Join(form.rules);
      }
      (i == 0 ? best : others).push_back(std::move(proposals[i]));
    }
  }
  if (best.empty()) return inner_.WhyNot(fragment) ? best : inner_.Propose(fragment, device, options);
  std::stable_sort(best.begin(), best.end(), Cheaper);
  std::stable_sort(others.begin(), others.end(), Cheaper);
  for (Proposal& proposal : others) best.push_back(std::move(proposal));
  if (best.size() > static_cast<size_t>(std::max(1, options.max_count))) best.resize(static_cast<size_t>(std::max(1, options.max_count)));
  std::stable_sort(best.begin(), best.end(), Cheaper);
  return best;
}

}  // namespace drtriton
