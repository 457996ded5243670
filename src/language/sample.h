// A sample: prompt and answer as token ids, with the places of plan and code.
//
//   <|prompt|> task [<|feedback|> feedback] <|plan|>   plan   <|code|> source <|end|>
//   `-------------------- prompt ------------------'  `plan'  `------- code --------'
//
// What the model has to write itself belongs to the part that it begins or ends; what stands there before it writes
// belongs to the prompt.
#ifndef DRTRITON_LANGUAGE_SAMPLE_H_
#define DRTRITON_LANGUAGE_SAMPLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "language/answer.h"
#include "language/prompt.h"
#include "language/tokenizer.h"

namespace drtriton {

struct TokenizedSample {
  std::vector<int32_t> prompt;
  std::vector<int32_t> plan;
  std::vector<int32_t> code;

  size_t size() const { return prompt.size() + plan.size() + code.size(); }
};

// What the model continues.
std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, const TaskPrompt& prompt);
TokenizedSample EncodeSample(const Tokenizer& tokenizer, const TaskPrompt& prompt, const Answer& answer);

// Their inverse.  Throws UserError naming what is not understood: a mark that is missing or does not stand where it
// belongs, a prompt that does not parse.
TaskPrompt DecodePrompt(const Tokenizer& tokenizer, std::span<const int32_t> ids);
// What a model wrote behind a prompt, up to <|end|> (which has to be there: an answer that was cut off is none).  A plan
// that does not parse is an empty one: the source alone decides what an answer is worth.
Answer DecodeAnswer(const Tokenizer& tokenizer, std::span<const int32_t> ids);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_SAMPLE_H_
