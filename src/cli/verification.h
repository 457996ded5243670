// Judging somebody's Triton module against the PyTorch module it claims to replace.
#ifndef DRTRITON_CLI_VERIFICATION_H_
#define DRTRITON_CLI_VERIFICATION_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "execute/executor.h"

namespace drtriton {

struct VerifyArguments {
  std::filesystem::path module;
  std::filesystem::path candidate;
  std::filesystem::path batch;      // JSON lines {"module", "candidate"} instead of the two above
  std::string json;                 // a path, "-" for standard output, or empty: one readable line
  DeviceChoice device = DeviceChoice::kAuto;
  bool training = false;
  bool strict = true;
  uint64_t seed = 0;
  bool wall = false;                // also time a call from Python
  double timeout_s = 120;
};

// 0: accepted; 1: rejected; 2: could not be judged.  A batch: 0 when every pair was judged, else 2.
int Verify(const VerifyArguments& arguments);

}  // namespace drtriton

#endif  // DRTRITON_CLI_VERIFICATION_H_
