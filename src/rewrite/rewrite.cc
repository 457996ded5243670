#include "rewrite/rewrite.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "rewrite/rules.h"

namespace drtriton {
namespace {

// Each rule makes a Program simpler, so that they come to an end; this many rounds are enough for chains of nine.
constexpr int kMostRounds = 10;

const std::vector<Rule>& Rules() {
  static const std::vector<Rule> rules = [] {
    std::vector<Rule> all;
    for (const auto& family : {KnownResultRules(), ChainRules(), LinearRules(), ConvolutionRules()}) {
      all.insert(all.end(), family.begin(), family.end());
    }
    return all;
  }();
  return rules;
}

std::optional<std::vector<ValueId>> Apply(const Rule& rule, Editor& editor, int32_t node) {
  const Editor::Mark before = editor.Now();
  try {
    std::optional<std::vector<ValueId>> values = rule.apply(editor, node);
    if (values && editor.Fits(node, *values)) return values;
  } catch (const UserError&) {   // the registry refuses what the rule would make of these operands
  }
  editor.CutBack(before);
  return std::nullopt;
}

// One round over the nodes; the first rule that fits a node is used.
Program Round(const Program& program, Rewrites which, std::vector<std::string>& used) {
  Editor editor(program);
  for (int32_t node = 0; node < static_cast<int32_t>(program.nodes.size()); ++node) {
    if (!editor.Needed(node)) continue;
    std::optional<std::vector<ValueId>> values;
    for (const Rule& rule : Rules()) {
      if (which == Rewrites::kExact && !rule.exact) continue;
      values = Apply(rule, editor, node);
      if (!values) continue;
      used.push_back(rule.name);
      break;
    }
    if (values) {
      editor.Replace(node, *values);
    } else {
      editor.Copy(node);
    }
  }
  return editor.Finish();
}

}  // namespace

std::optional<Rewritten> Rewrite(const Program& program, Rewrites which) {
  Rewritten rewritten;
  std::vector<std::string> used;
  for (int round = 0; round < kMostRounds; ++round) {
    const size_t before = used.size();
    rewritten.program = Round(round == 0 ? program : Program(rewritten.program), which, used);
    if (used.size() == before) break;   // this round only dropped what the others left unread
  }
  if (used.empty()) return std::nullopt;
  for (const std::string& name : used) {
    if (std::find(rewritten.rules.begin(), rewritten.rules.end(), name) == rewritten.rules.end()) rewritten.rules.push_back(name);
  }
  return rewritten;
}

std::vector<std::string> RuleNames(Rewrites which) {
  std::vector<std::string> names;
  for (const Rule& rule : Rules()) {
    if (which == Rewrites::kAll || rule.exact) names.push_back(rule.name);
  }
  return names;
}

}  // namespace drtriton
