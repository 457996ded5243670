// Options that several subcommands share.
#ifndef DRTRITON_CLI_DEVICE_OPTION_H_
#define DRTRITON_CLI_DEVICE_OPTION_H_

#include <CLI/CLI.hpp>

#include "cli/choice_option.h"
#include "cli/number_check.h"
#include "execute/executor.h"

namespace drtriton {

inline void AddDeviceOption(CLI::App& app, DeviceChoice& device) {
  AddChoice<DeviceChoice>(app, "--device", device,
                          {{"auto", DeviceChoice::kAuto}, {"cuda", DeviceChoice::kCuda}, {"cpu", DeviceChoice::kCpu}},
                          "auto: a GPU where there is one, else Triton's interpreter on the CPU");
}

inline void AddModeOption(CLI::App& app, bool& training) {
  AddChoice<bool>(app, "--mode", training, {{"eval", false}, {"train", true}},
                  "eval: as deployed, model.eval(); train: as Model() comes from its constructor");
}

inline void AddTimeoutOption(CLI::App& app, double& seconds) {
  app.add_option("--timeout", seconds, "Seconds for each stage of one candidate")
      ->check(AboveZero())
      ->capture_default_str();
}

}  // namespace drtriton

#endif  // DRTRITON_CLI_DEVICE_OPTION_H_
