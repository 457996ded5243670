#include "language/answer.h"

#include <utility>

#include "base/error.h"
#include "base/join.h"
#include "graph/program_python.h"
#include "language/key_values.h"

namespace drtriton {
namespace {

constexpr size_t kMostLineBytes = 1000;

std::vector<std::string> Split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + separator.size());
  }
}

void AppendUnlessEmpty(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) AppendKeyValue(out, key, value);
}

void AppendKernel(std::string& out, const KernelPlan& kernel) {
  std::vector<std::string> tile;
  for (const auto& [name, size] : kernel.tile) tile.push_back(name + "=" + std::to_string(size));
  AppendKeyValue(out, "kernel", kernel.name);
  AppendUnlessEmpty(out, "family", kernel.family);
  AppendUnlessEmpty(out, "fuses", Join(kernel.fuses, ", "));
  AppendUnlessEmpty(out, "tile", Join(tile, ", "));
  AppendKeyValue(out, "warps", std::to_string(kernel.num_warps));
  AppendKeyValue(out, "stages", std::to_string(kernel.num_stages));
  AppendUnlessEmpty(out, "numerics", kernel.numerics);
  AppendUnlessEmpty(out, "why", kernel.why);
}

std::vector<std::pair<std::string, int64_t>> ParseTile(std::string_view text) {
  std::vector<std::pair<std::string, int64_t>> tile;
  for (const std::string& part : Split(text, ", ")) {
    const size_t equals = part.find('=');
    if (equals == part.npos || equals == 0) throw UserError("the plan's tile: 'NAME=size' expected, not '" + AsOneLine(part, 80) + "'");
    tile.emplace_back(part.substr(0, equals), ParseWhole(std::string_view(part).substr(equals + 1), "the plan's tile"));
  }
  return tile;
}

int SmallWhole(const std::string& text, std::string_view what) {
  const int64_t number = ParseWhole(text, what);
  if (number < 0 || number > 1024) throw UserError(std::string(what) + ": " + text + " is out of range");
  return static_cast<int>(number);
}

// Reads lines one after the other.
class PlanReader {
 public:
  explicit PlanReader(std::string_view text) : lines_(ParseKeyValues(text, "plan")) {}

  AnswerPlan Read() {
    AnswerPlan plan;
    if (const std::string results = Optional("results"); !results.empty()) plan.results = Split(results, "; ");
    while (next_ < lines_.size()) plan.kernels.push_back(Kernel());
    return plan;
  }

 private:
  std::string Optional(const char* key) {
    if (next_ >= lines_.size() || lines_[next_].key != key) return "";
    return lines_[next_++].value;
  }

  std::string Needed(const char* key) {
    std::string value = Optional(key);
    if (value.empty()) throw UserError("line " + std::to_string(next_ + 1) + " of the plan: '" + std::string(key) + "' expected");
    return value;
  }

  KernelPlan Kernel() {
    KernelPlan kernel;
    kernel.name = Needed("kernel");
    kernel.family = Optional("family");
    if (const std::string fuses = Optional("fuses"); !fuses.empty()) kernel.fuses = Split(fuses, ", ");
    if (const std::string tile = Optional("tile"); !tile.empty()) kernel.tile = ParseTile(tile);
    kernel.num_warps = SmallWhole(Needed("warps"), "the plan's warps");
    kernel.num_stages = SmallWhole(Needed("stages"), "the plan's stages");
    kernel.numerics = Optional("numerics");
    kernel.why = Optional("why");
    return kernel;
  }

  std::vector<KeyValue> lines_;
  size_t next_ = 0;
};

}  // namespace

Answer AnswerOf(const Fragment& fragment, const Proposal& proposal) {
  Answer answer;
  for (ValueId id : fragment.Results()) answer.plan.results.push_back(TypeText(fragment.program.value(id)));
  for (KernelPlan kernel : proposal.kernels) {
    for (std::string* text : {&kernel.family, &kernel.numerics, &kernel.why}) *text = AsOneLine(*text, kMostLineBytes);
    kernel.estimated_us = 0;
    answer.plan.kernels.push_back(std::move(kernel));
  }
  answer.source = proposal.source;
  return answer;
}

std::string PlanText(const AnswerPlan& plan) {
  std::string text;
  AppendUnlessEmpty(text, "results", Join(plan.results, "; "));
  for (const KernelPlan& kernel : plan.kernels) AppendKernel(text, kernel);
  return text;
}

AnswerPlan ParsePlan(std::string_view text) { return PlanReader(text).Read(); }

Proposal ToProposal(const Answer& answer, std::string proposer) {
  return {.proposer = std::move(proposer), .kernels = answer.plan.kernels, .source = answer.source};
}

}  // namespace drtriton
