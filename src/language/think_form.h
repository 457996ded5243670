// The form that other language models use: reasoning in <think>...</think>, then a fenced Python block that defines
// `ModelNew`.  Ours goes to that form and back without loss:
//
//   <think>
//   results: f32[2, 4]
//   kernel: linear_kernel
//   ...
//   </think>
//
//   ```python
//   import torch
//   ...
//   def launch(x0, w0):
//       ...
//
//
//   class ModelNew(nn.Module):
//       def __init__(self):
//   ...
//       def forward(self, x0):
//           return launch(x0, self.w0)
//   ```
//
// The class is the one that LaunchingClassText() (graph/program_python.h) writes for the fragment; taken off again, the rest
// is our source.  What another model wrote is read with more patience: reasoning without its first mark, several blocks
// (the last one counts), a class of its own.
#ifndef DRTRITON_LANGUAGE_THINK_FORM_H_
#define DRTRITON_LANGUAGE_THINK_FORM_H_

#include <string>
#include <string_view>

#include "language/answer.h"

namespace drtriton {

// `program` is that of the CanonicalFragment() which the answer is for.  Throws UserError when the plan holds the mark
// that ends the reasoning.
std::string ToThinkForm(const Answer& answer, const Program& program);

struct ThinkForm {
  std::string reasoning;   // without its marks, "" when there is none
  std::string code;        // the last complete block
};

// Throws UserError when there is no complete block.
ThinkForm ReadThinkForm(std::string_view text);

// Any model's answer as a proposal's source: a file with `launch`.  Our own class is taken off; a foreign `ModelNew` gets a
// `launch` that constructs it and gives it the fragment's parameters and buffers by name.  The plan is empty where the
// reasoning is no plan of ours.  Throws UserError when there is no complete block, or neither `launch` nor `ModelNew` in it.
Answer FromThinkForm(std::string_view text, const Program& program);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_THINK_FORM_H_
