#include "language/sample.h"

#include <algorithm>

#include "base/error.h"

namespace drtriton {
namespace {

// The text up to a mark.  Special tokens in between are not understood.
std::string TextUpTo(const Tokenizer& tokenizer, std::span<const int32_t> ids, const char* part) {
  for (int32_t id : ids) {
    if (id < 0 || id >= tokenizer.size()) throw UserError("a token of the " + std::string(part) + " is outside the vocabulary");
    if (tokenizer.IsSpecial(id)) throw UserError("the " + std::string(part) + " holds " + tokenizer.PieceName(id));
  }
  return tokenizer.Decode(ids);
}

size_t Find(std::span<const int32_t> ids, int32_t id) {
  return static_cast<size_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
}

}  // namespace

std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, const TaskPrompt& prompt) {
  const SpecialTokens& special = tokenizer.special();
  std::vector<int32_t> ids = {special.prompt};
  tokenizer.AppendEncoded(TaskText(prompt), &ids);
  if (prompt.feedback) {
    ids.push_back(special.feedback);
    tokenizer.AppendEncoded(FeedbackText(prompt), &ids);
  }
  ids.push_back(special.plan);
  return ids;
}

TokenizedSample EncodeSample(const Tokenizer& tokenizer, const TaskPrompt& prompt, const Answer& answer) {
  TokenizedSample sample{.prompt = EncodePrompt(tokenizer, prompt), .plan = tokenizer.Encode(PlanText(answer.plan)), .code = {tokenizer.special().code}};
  tokenizer.AppendEncoded(answer.source, &sample.code);
  sample.code.push_back(tokenizer.special().end);
  return sample;
}

TaskPrompt DecodePrompt(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  const SpecialTokens& special = tokenizer.special();
  if (ids.size() < 2 || ids.front() != special.prompt) throw UserError("a prompt begins with <|prompt|>");
  if (ids.back() != special.plan) throw UserError("a prompt ends with <|plan|>");
  const std::span<const int32_t> inner = ids.subspan(1, ids.size() - 2);
  const size_t slot = Find(inner, special.feedback);
  const std::string feedback = slot < inner.size() ? TextUpTo(tokenizer, inner.subspan(slot + 1), "feedback") : "";
  if (slot < inner.size() && feedback.empty()) throw UserError("the feedback is empty");
  return ParsePrompt(TextUpTo(tokenizer, inner.first(slot), "prompt"), feedback);
}

Answer DecodeAnswer(const Tokenizer& tokenizer, std::span<const int32_t> ids) {
  const size_t end = Find(ids, tokenizer.special().end);
  if (end == ids.size()) throw UserError("the answer does not end");
  const size_t code = Find(ids.first(end), tokenizer.special().code);
  if (code == end) throw UserError("the answer has no code");
  Answer answer;
  answer.source = TextUpTo(tokenizer, ids.subspan(code + 1, end - code - 1), "code");
  try {
    answer.plan = ParsePlan(TextUpTo(tokenizer, ids.first(code), "plan"));
  } catch (const UserError&) {
    answer.plan = {};
  }
  return answer;
}

}  // namespace drtriton
