#include "train/metrics_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

TEST(MetricsLogTest, ContinuesWithoutTheStepsThatAreMadeAgain) {
  const ScratchFolder folder;
  const auto path = folder.path() / "metrics.jsonl";
  {
    MetricsLog log(path, 0);
    for (int step = 1; step <= 4; ++step) log.Add({{"step", step}});
  }
  WriteFileAtomically(path, ReadFile(path) + "{\"step\": 5, \"lo");
  MetricsLog log(path, 2);
  log.Add({{"step", 3}, {"again", true}});
  EXPECT_EQ(ReadFile(path), "{\"step\":1}\n{\"step\":2}\n{\"step\":3,\"again\":true}\n");
}

TEST(MetricsLogTest, NamesAPathThatCannotBeWritten) { EXPECT_THROW(MetricsLog("/nonexistent/metrics.jsonl", 0), UserError); }

}  // namespace
}  // namespace drtriton
