// The size class of sampled programs, as an option.
#ifndef DRTRITON_CLI_SIZE_OPTION_H_
#define DRTRITON_CLI_SIZE_OPTION_H_

#include <CLI/CLI.hpp>

#include "cli/choice_option.h"
#include "synth/sampler.h"

namespace drtriton {

inline CLI::Option* AddSizeOption(CLI::App& app, SizeClass& size) {
  return AddChoice<SizeClass>(app, "--size", size,
                              {{"tiny", SizeClass::kTiny}, {"real", SizeClass::kReal}, {"mixed", SizeClass::kMixed}},
                              "tiny runs on a CPU, real loads a GPU, mixed (default) spans both");
}

}  // namespace drtriton

#endif  // DRTRITON_CLI_SIZE_OPTION_H_
