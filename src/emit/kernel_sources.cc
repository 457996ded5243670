// Statements are added callees first, so that by the time a statement is compared with those of earlier fragments the
// names inside it are final: equal text then means an equal function, which is shared.
#include "emit/kernel_sources.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "emit/python_text.h"

namespace drtriton {

struct KernelSources::Source {
  std::vector<TopLevel> statements;
  std::map<std::string, size_t> by_name;
};

namespace {

constexpr const char* kPlainImports[] = {"import torch\n", "import triton\n", "import triton.language as tl\n"};

// What a kernel does, as the comment above it.
std::string PlanComment(const KernelPlan& plan, const std::string& fragment) {
  std::ostringstream text;
  text << "# " << fragment << ":";
  for (size_t i = 0; i < plan.fuses.size(); ++i) text << (i ? ", " : " ") << plan.fuses[i];
  text << "\n#   " << plan.family;
  for (const auto& [name, value] : plan.tile) text << ", " << name << " " << value;
  text << "; " << plan.num_warps << " warps, " << plan.num_stages << (plan.num_stages == 1 ? " stage" : " stages");
  if (!plan.numerics.empty()) text << "; " << plan.numerics;
  text << "\n";
  if (!plan.why.empty()) text << "#   " << plan.why << "\n";
  return text.str();
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

KernelSources::KernelSources(std::set<std::string> taken, std::map<std::string, std::string> aliases)
    : taken_(std::move(taken)), aliases_(std::move(aliases)) {}

std::string KernelSources::Claim(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; taken_.count(name); ++i) name = wanted + "_" + std::to_string(i);
  taken_.insert(name);
  return name;
}

const std::string& KernelSources::NameOf(const std::string& function) const {
  auto found = names_.find(function);
  if (found == names_.end()) throw InternalError("the launch plan names " + function + ", which its source does not define");
  return found->second;
}

void KernelSources::Add(const KernelStep& step) {
  names_ = aliases_;
  Source source;
  source.statements = SplitTopLevel(step.proposal.source);
  for (size_t i = 0; i < source.statements.size(); ++i) {
    const TopLevel& statement = source.statements[i];
    if (!statement.name.empty()) source.by_name.emplace(statement.name, i);
    if (statement.kind != TopLevel::Kind::kImport) continue;
    const bool plain = std::find(std::begin(kPlainImports), std::end(kPlainImports), statement.text) != std::end(kPlainImports);
    const bool future = statement.text.rfind("from __future__", 0) == 0;
    const std::string text = Rename(statement.text, aliases_);
    if (!plain && !future && std::find(imports_.begin(), imports_.end(), text) == imports_.end()) imports_.push_back(text);
  }
  for (const KernelImage& kernel : step.plan.kernels) {
    auto found = source.by_name.find(kernel.function);
    if (found == source.by_name.end()) {
      throw InternalError("the launch plan of " + step.fragment.id + " names " + kernel.function + ", which its source lacks");
    }
    AddStatement(source, found->second, step);
  }
}

void KernelSources::AddStatement(const Source& source, size_t index, const KernelStep& step) {
  const TopLevel& statement = source.statements[index];
  if (names_.count(statement.name)) return;
  names_[statement.name] = statement.name;  // ends recursion; the final name follows
  for (const std::string& used : Identifiers(statement.text)) {
    auto found = source.by_name.find(used);
    if (found != source.by_name.end() && found->second != index) AddStatement(source, found->second, step);
  }
  const std::string resolved = Resolve(source, index);
  auto same = known_.find(resolved);
  if (same != known_.end()) {
    names_[statement.name] = same->second;
    return;
  }
  const std::string name = Claim(statement.name);
  names_[statement.name] = name;
  known_.emplace(resolved, name);
  text_ += "\n\n" + statement.comments;
  for (const KernelPlan& plan : step.proposal.kernels) {
    KernelPlan shown = plan;
    shown.why = OneLine(plan.why);
    if (plan.name == statement.name) text_ += PlanComment(shown, step.fragment.id);
  }
  text_ += Resolve(source, index);
  while (text_.size() > 1 && text_[text_.size() - 1] == '\n' && text_[text_.size() - 2] == '\n') text_.pop_back();
}

std::string KernelSources::Resolve(const Source& source, size_t index) const {
  return Rename(source.statements[index].text, names_);
}

}  // namespace drtriton
