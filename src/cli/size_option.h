// The size class of sampled programs, as an option.
#ifndef DRTRITON_CLI_SIZE_OPTION_H_
#define DRTRITON_CLI_SIZE_OPTION_H_

#include <CLI/CLI.hpp>
#include <string>

#include "cli/choice_option.h"
#include "synth/sampler.h"

namespace drtriton {

// The help names what `size` holds now as the default.
inline CLI::Option* AddSizeOption(CLI::App& app, SizeClass& size) {
  const std::string otherwise(Name(size));
  return AddChoice<SizeClass>(app, "--size", size,
                              {{"tiny", SizeClass::kTiny}, {"real", SizeClass::kReal}, {"mixed", SizeClass::kMixed}},
                              "tiny runs on a CPU, real loads a GPU, mixed spans both (default " + otherwise + ")");
}

}  // namespace drtriton

#endif  // DRTRITON_CLI_SIZE_OPTION_H_
