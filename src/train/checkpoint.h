// Checkpoints: all that a run needs to go on as if it had never stopped.  No torch here.
//
// A run draws no random numbers but for the initial parameters and the order of the data, which depend on the seed, and on
// seed and epoch; so seed (in the recipe) and position are the whole state of chance, and step is that of the learning rate.
#ifndef DRTRITON_TRAIN_CHECKPOINT_H_
#define DRTRITON_TRAIN_CHECKPOINT_H_

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/json.h"
#include "policy/model_config.h"
#include "train/token_data.h"

namespace drtriton {

struct Checkpoint {
  int64_t step = 0;             // steps that are done
  int64_t updates = 0;          // those that changed the parameters (others met a NaN)
  int64_t tokens = 0;           // computed so far, by all processes
  DataPosition position;
  ModelConfig config;
  Json curve;                   // CurveOf(recipe), and the number of processes
  // LayoutOf(config).count elements each.
  std::vector<float> parameters;
  std::vector<float> first_moments;
  std::vector<float> second_moments;
};

// Writes "step-000000120.checkpoint" into `folder`, atomically, then removes the oldest beyond `keep`.  Throws UserError
// naming the path and the reason; earlier checkpoints are untouched then.
void WriteCheckpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint, int64_t keep);

// The newest whole checkpoint of the folder; empty when there is none.  One that is damaged is named in a warning, and the
// one before it counts.
std::optional<Checkpoint> NewestCheckpoint(const std::filesystem::path& folder);

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_CHECKPOINT_H_
