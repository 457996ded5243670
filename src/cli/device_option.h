// Options that several subcommands share.
#ifndef DRTRITON_CLI_DEVICE_OPTION_H_
#define DRTRITON_CLI_DEVICE_OPTION_H_

#include <CLI/CLI.hpp>
#include <map>
#include <string>

#include "execute/executor.h"

namespace drtriton {

inline void AddDeviceOption(CLI::App& app, DeviceChoice& device) {
  static const std::map<std::string, DeviceChoice> choices = {
      {"auto", DeviceChoice::kAuto}, {"cuda", DeviceChoice::kCuda}, {"cpu", DeviceChoice::kCpu}};
  app.add_option("--device", device, "auto: a GPU where there is one, else Triton's interpreter on the CPU")
      ->transform(CLI::CheckedTransformer(choices).description("{auto,cuda,cpu}"));
}

inline void AddModeOption(CLI::App& app, bool& training) {
  static const std::map<std::string, bool> choices = {{"eval", false}, {"train", true}};
  app.add_option("--mode", training, "eval: as deployed, model.eval(); train: as Model() comes from its constructor")
      ->transform(CLI::CheckedTransformer(choices).description("{eval,train}"));
}

}  // namespace drtriton

#endif  // DRTRITON_CLI_DEVICE_OPTION_H_
