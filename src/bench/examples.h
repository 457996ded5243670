// The benchmark of the examples: each is converted in a process of its own, which measures eager PyTorch, torch.compile
// and the converted module in one run, interleaved.
#ifndef DRTRITON_BENCH_EXAMPLES_H_
#define DRTRITON_BENCH_EXAMPLES_H_

#include <filesystem>
#include <string>
#include <vector>

namespace drtriton {

struct ExamplesBench {
  std::filesystem::path folder;          // module files, *.py
  std::filesystem::path results;         // one JSON report an example; those already there are not measured again
  std::vector<std::string> only;         // stems; all when empty
  std::vector<std::string> options;      // passed on to convert
};

// Measures what is missing and returns the table of all results as Markdown: device time and the caller's wall time of
// each side, and the ratios.  Examples that could not be converted are rows with the reason.
std::string RunExamplesBench(const ExamplesBench& bench);

}  // namespace drtriton

#endif  // DRTRITON_BENCH_EXAMPLES_H_
