// What a language model is asked: a fragment, the device, the mode, and what became of an earlier attempt.
//
//   device: NVIDIA H200 sm_90
//   mode: strict
//   # fragment on cuda
//   def forward(x0, w0):
//       # x0: f32[2, 3]
//       # w0: f32[4, 3] parameter 'w0'
//       linear_0 = F.linear(x0, w0)  # f32[2, 4]
//       return (linear_0,)
//
// and, in a slot of its own, empty at the first attempt:
//
//   stage: numerics
//   code: wrong_values
//   detail: output 0 differs ...
//
// docs/policy.md specifies both.  Canonical: equal prompts have equal texts, and parsing a text gives the prompt back.
#ifndef DRTRITON_LANGUAGE_PROMPT_H_
#define DRTRITON_LANGUAGE_PROMPT_H_

#include <optional>
#include <string>
#include <string_view>

#include "core/device.h"
#include "core/fragment.h"
#include "core/verdict.h"

namespace drtriton {

// What a verdict tells the next attempt.
struct Feedback {
  Stage stage = Stage::kParse;
  std::string code;     // one of VerdictCodes()
  std::string detail;   // one line, at most 200 bytes; may be empty
};

struct TaskPrompt {
  Program program;      // of a CanonicalFragment(); its device is "cuda"
  std::string device = "NVIDIA H200";
  int capability = 90;
  bool strict = true;   // else hybrid: vendor operators may be called
  std::optional<Feedback> feedback;
};

TaskPrompt MakePrompt(const Fragment& fragment, const DeviceSpec& device, bool strict);
// Of a verdict that is not "accepted".
Feedback FeedbackOf(const Verdict& verdict);

// The two texts; the second is empty without feedback.
std::string TaskText(const TaskPrompt& prompt);
std::string FeedbackText(const TaskPrompt& prompt);

// Their inverse.  Throws UserError naming the line that is not understood.
TaskPrompt ParsePrompt(std::string_view task, std::string_view feedback);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_PROMPT_H_
