// The main job: a module file in, a verified module file and a report out.
#ifndef DRTRITON_CLI_CONVERSION_H_
#define DRTRITON_CLI_CONVERSION_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "execute/executor.h"

namespace drtriton {

struct ConvertArguments {
  std::filesystem::path module;
  std::filesystem::path output;     // MODULE_triton.py beside the module when empty
  std::filesystem::path report;     // HTML; none when empty
  std::string json;                 // a path, "-" for standard output, or empty
  DeviceChoice device = DeviceChoice::kAuto;
  bool training = false;
  bool strict = false;
  double budget_s = 60;
  uint64_t seed = 0;
  bool max_autotune = false;        // torch.compile in its thorough mode is timed too; that takes minutes
  bool rewrites = true;             // fragments are proposed for as rewritten too (src/rewrite)
  bool split_fp32 = true;           // DeviceSpec::split_fp32
  bool keep = false;                // write a verified module even when it is not faster
};

// kOk: a verified module was written; kNo: none, the reason was told.  Throws UserError for bad input.
ExitStatus Convert(const ConvertArguments& arguments);

}  // namespace drtriton

#endif  // DRTRITON_CLI_CONVERSION_H_
