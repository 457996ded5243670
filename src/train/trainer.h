// Trainer: supervised training of the language model on token files, as a recipe says (docs/training.md).
//
// No torch in this header.
#ifndef DRTRITON_TRAIN_TRAINER_H_
#define DRTRITON_TRAIN_TRAINER_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "train/recipe.h"

namespace drtriton {

// A run: the data, the model, its optimizer, and the folder where it leaves
//   metrics.jsonl               a line a step, and one an evaluation
//   step-N.checkpoint           the newest few
//   model/                      the trained model (ReadModel), once the last step is done
// A folder that has a checkpoint is continued; on the CPU, with the same number of threads, the numbers are then bit for bit
// those of a run that was never stopped.
class Trainer {
 public:
  // Loads everything.  Throws UserError: data or weights that cannot be used (which file, why), a checkpoint of another
  // recipe (which key), no GPU where one is asked for, a folder that cannot be written.
  explicit Trainer(Recipe recipe);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  int64_t step() const;   // steps that are done

  // Trains to the last step and writes the model; true when that is done.  After each step `stop` is asked; when it says so, a
  // checkpoint is written and the result is false.  Throws UserError when numbers stay not finite, the disk is full or
  // the device's memory is used up; the newest checkpoint is what remains then.
  bool Run(const std::function<bool()>& stop);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drtriton

#endif  // DRTRITON_TRAIN_TRAINER_H_
