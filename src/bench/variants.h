// Variants of a module file: the same module at other sizes or in another dtype.
//
// A size stands on a line of its own with what it is in a variant, tag and value, several apart by semicolons:
//
//     BATCH = 64  # few: 1; small: 2
//     DTYPE = torch.float32  # bf16: torch.bfloat16
//
// Variant "few" of the file has BATCH = 1 and everything else as it stands.  scripts/small_examples.py writes the
// variant "small" of the examples to files of their own.
#ifndef DRTRITON_BENCH_VARIANTS_H_
#define DRTRITON_BENCH_VARIANTS_H_

#include <string>
#include <vector>

namespace drtriton {

// `text` with the value of each of `tags` where a line has one; of two tags on one line the later in `tags` counts.
std::string VariantText(const std::string& text, const std::vector<std::string>& tags);

// The string that the line `NAME = "..."` of a module file gives to `name`; empty where there is none.
std::string TextConstant(const std::string& text, const std::string& name);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_VARIANTS_H_
