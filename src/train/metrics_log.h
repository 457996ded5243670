// metrics.jsonl: one JSON object a line about a run, in the order of its steps.  No torch here.
#ifndef DRTRITON_TRAIN_METRICS_LOG_H_
#define DRTRITON_TRAIN_METRICS_LOG_H_

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "base/json.h"

namespace drtriton {

class MetricsLog {
 public:
  // Continues the file, which need not exist: lines of steps after `last_step`, and one that was cut off, are dropped, since
  // those steps are made again.  Throws UserError naming the path when it cannot be written.
  MetricsLog(const std::filesystem::path& path, int64_t last_step);

  // `line` has a member "step".  The line is in the file when this returns.
  void Add(const Json& line);

 private:
  std::filesystem::path path_;
  std::ofstream file_;
};

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_METRICS_LOG_H_
