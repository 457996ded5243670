#include "language/think_form.h"

#include <optional>
#include <vector>

#include "base/error.h"
#include "graph/program_python.h"

namespace drtriton {
namespace {

constexpr std::string_view kBegin = "<think>";
constexpr std::string_view kEnd = "</think>";

// What stands behind our source: what `ModelNew` needs, and the class.
std::string ClassTail(const Program& program) {
  return "\n\nimport torch.nn as nn\n\n\n" + LaunchingClassText(program, "ModelNew");
}

// A line of at least three backticks: how many, and what follows them.  0: none.
size_t FenceOf(std::string_view line, std::string_view* info) {
  const size_t indent = line.find_first_not_of(' ');
  if (indent == line.npos || indent > 3) return 0;
  line.remove_prefix(indent);
  const size_t count = std::min(line.find_first_not_of('`'), line.size());
  if (count < 3) return 0;
  line.remove_prefix(count);
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
  if (line.find('`') != line.npos) return 0;   // code within a sentence
  *info = line;
  return count;
}

// The last block that is closed.  A longer fence holds shorter ones.
std::optional<std::string> LastBlock(std::string_view text) {
  std::optional<std::string> last;
  size_t open = 0;   // backticks of the block that is being read; 0: none
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view info;
    const size_t fence = FenceOf(text.substr(at, end - at), &info);
    if (open == 0 && fence > 0) {
      open = fence;
      begin = std::min(end + 1, text.size());
    } else if (open > 0 && fence >= open && info.empty()) {
      last = std::string(text.substr(begin, at - begin));
      open = 0;
    }
    at = end + 1;
  }
  return last;
}

std::string Fence(std::string_view code) {
  size_t longest = 2;
  for (size_t at = code.find('`'); at != code.npos; at = code.find('`', at)) {
    const size_t end = std::min(code.find_first_not_of('`', at), code.size());
    longest = std::max(longest, end - at);
    at = end;
  }
  return std::string(longest + 1, '`');
}

// Whether a line of the source begins so, outside any block of it.
bool Defines(std::string_view source, std::string_view beginning) {
  return source.starts_with(beginning) || source.find("\n" + std::string(beginning)) != source.npos;
}

// Makes a file with a foreign `ModelNew` one with `launch`.  Parameters are set where modules keep them, because a Parameter
// cannot be replaced by a plain tensor by assignment.
std::string LaunchOfModule(const Program& program) {
  std::string parameters, inputs, text;
  for (ValueId id : program.inputs) {
    const Value& value = program.value(id);
    parameters += (parameters.empty() ? "" : ", ") + value.name;
    if (value.kind == ValueKind::kInput) {
      inputs += (inputs.empty() ? "" : ", ") + value.name;
    } else {
      const std::string place = value.kind == ValueKind::kParameter ? "_parameters" : "_buffers";
      text += "    model." + place + "['" + value.name + "'] = " + value.name + "\n";
    }
  }
  return "\n\ndef launch(" + parameters + "):\n    model = ModelNew()\n" + text + "    result = model(" + inputs +
         ")\n    return tuple(result) if isinstance(result, (tuple, list)) else (result,)\n";
}

}  // namespace

std::string ToThinkForm(const Answer& answer, const Program& program) {
  const std::string plan = PlanText(answer.plan);
  if (plan.find(kEnd) != plan.npos) throw UserError("the plan holds '</think>', which would end the reasoning");
  const std::string code = answer.source + ClassTail(program);
  const std::string fence = Fence(code);
  return std::string(kBegin) + "\n" + plan + std::string(kEnd) + "\n\n" + fence + "python\n" + code + fence + "\n";
}

ThinkForm ReadThinkForm(std::string_view text) {
  ThinkForm form;
  const size_t end = text.find(kEnd);
  if (end != text.npos) {
    std::string_view reasoning = text.substr(0, end);
    if (const size_t begin = reasoning.find(kBegin); begin != reasoning.npos) reasoning.remove_prefix(begin + kBegin.size());
    if (reasoning.starts_with('\n')) reasoning.remove_prefix(1);
    form.reasoning = std::string(reasoning);
    text.remove_prefix(end + kEnd.size());
  }
  std::optional<std::string> code = LastBlock(text);
  if (!code) throw UserError("the answer holds no complete block of code behind its reasoning");
  form.code = std::move(*code);
  return form;
}

Answer FromThinkForm(std::string_view text, const Program& program) {
  ThinkForm form = ReadThinkForm(text);
  Answer answer;
  try {
    answer.plan = ParsePlan(form.reasoning);
  } catch (const UserError&) {   // another model's own words
  }
  const std::string tail = ClassTail(program);
  if (form.code.ends_with(tail)) {
    form.code.resize(form.code.size() - tail.size());
  } else if (!Defines(form.code, "def launch(")) {
    if (!Defines(form.code, "class ModelNew(")) throw UserError("the answer's code defines neither launch() nor ModelNew");
    form.code += LaunchOfModule(program);
  }
  answer.source = std::move(form.code);
  return answer;
}

}  // namespace drtriton
