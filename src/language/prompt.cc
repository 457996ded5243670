#include "language/prompt.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "graph/program_python.h"
#include "language/canonical_fragment.h"
#include "language/key_values.h"

namespace drtriton {
namespace {

constexpr size_t kMostDetailBytes = 200;

Stage StageFromName(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Stage::kDone); ++i) {
    if (Name(static_cast<Stage>(i)) == name) return static_cast<Stage>(i);
  }
  throw UserError("the feedback names a stage that is none: '" + AsOneLine(name, 80) + "'");
}

bool IsCode(std::string_view code) {
  const std::vector<VerdictCode>& codes = VerdictCodes();
  return std::any_of(codes.begin(), codes.end(), [&](const VerdictCode& known) { return known.code == code; });
}

Feedback ParseFeedback(std::string_view text) {
  const std::vector<KeyValue> lines = ParseKeyValues(text, "feedback");
  const bool shaped = (lines.size() == 2 || (lines.size() == 3 && lines[2].key == "detail")) && lines[0].key == "stage" &&
                      lines[1].key == "code";
  if (!shaped) throw UserError("the feedback has to be lines 'stage', 'code' and perhaps 'detail'");
  if (!IsCode(lines[1].value)) throw UserError("the feedback names a code that is none: '" + AsOneLine(lines[1].value, 80) + "'");
  return {.stage = StageFromName(lines[0].value), .code = lines[1].value, .detail = lines.size() == 3 ? lines[2].value : ""};
}

// "NVIDIA H200 sm_90"
void ParseDevice(std::string_view text, TaskPrompt& prompt) {
  const size_t at = text.rfind(" sm_");
  if (at == text.npos) throw UserError("line 1 of the prompt: a device and its capability expected ('NVIDIA H200 sm_90')");
  prompt.device = std::string(text.substr(0, at));
  prompt.capability = static_cast<int>(ParseWhole(text.substr(at + 4), "the device's capability"));
}

}  // namespace

TaskPrompt MakePrompt(const Fragment& fragment, const DeviceSpec& device, bool strict) {
  TaskPrompt prompt{.program = CanonicalFragment(fragment).program, .device = device.name, .capability = device.capability, .strict = strict};
  prompt.program.device = "cuda";
  return prompt;
}

Feedback FeedbackOf(const Verdict& verdict) {
  return {.stage = verdict.stage, .code = verdict.code, .detail = AsOneLine(verdict.reason, kMostDetailBytes)};
}

std::string TaskText(const TaskPrompt& prompt) {
  std::string text;
  AppendKeyValue(text, "device", prompt.device + " sm_" + std::to_string(prompt.capability));
  AppendKeyValue(text, "mode", prompt.strict ? "strict" : "hybrid");
  return text + FlatText(prompt.program);
}

std::string FeedbackText(const TaskPrompt& prompt) {
  if (!prompt.feedback) return "";
  std::string text;
  AppendKeyValue(text, "stage", Name(prompt.feedback->stage));
  AppendKeyValue(text, "code", prompt.feedback->code);
  if (!prompt.feedback->detail.empty()) AppendKeyValue(text, "detail", prompt.feedback->detail);
  return text;
}

TaskPrompt ParsePrompt(std::string_view task, std::string_view feedback) {
  const size_t first_end = task.find('\n');
  const size_t second_end = first_end == task.npos ? task.npos : task.find('\n', first_end + 1);
  if (second_end == task.npos) throw UserError("the prompt is too short");
  const std::vector<KeyValue> lines = ParseKeyValues(task.substr(0, second_end + 1), "prompt");
  if (lines[0].key != "device" || lines[1].key != "mode") throw UserError("the prompt begins with lines 'device' and 'mode'");
  TaskPrompt prompt;
  ParseDevice(lines[0].value, prompt);
  if (lines[1].value != "strict" && lines[1].value != "hybrid") throw UserError("line 2 of the prompt: the mode is strict or hybrid");
  prompt.strict = lines[1].value == "strict";
  prompt.program = ParseFlatText(task.substr(second_end + 1));
  if (!feedback.empty()) prompt.feedback = ParseFeedback(feedback);
  return prompt;
}

}  // namespace drtriton
