// Texts for a tokenizer: prompts and answers as training pairs have them, not judged by anybody.
#ifndef DRTRITON_PAIRS_CORPUS_H_
#define DRTRITON_PAIRS_CORPUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "language/tokenizer.h"
#include "pairs/mix.h"

namespace drtriton {

struct Corpus {
  std::vector<std::string> texts;   // of each sample: task, plan, source; and what feedback may say
  int64_t programs = 0;             // that the expert covers, of the split `train`
  int64_t samples = 0;
};

// The first `programs` covered programs of the mix with `schedules` answers each.
Corpus MakeCorpus(const PairMix& mix, int64_t programs, int schedules);

// Tokens and bytes of one sample's parts.
struct TokenCount {
  int64_t prompt = 0, plan = 0, code = 0;
  int64_t prompt_bytes = 0, plan_bytes = 0, code_bytes = 0;
};

// Of the first `programs` covered programs of the mix, each with the expert's first answer.
std::vector<TokenCount> CountTokens(const Tokenizer& tokenizer, const PairMix& mix, int64_t programs);

}  // namespace drtriton

#endif  // DRTRITON_PAIRS_CORPUS_H_
