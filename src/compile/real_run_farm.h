// RealRunFarm: foreign modules run on a GPU as their user would run them, apart from the reference.
//
// The process has the GPU and inputs, never expected values; time and memory are limited.  CUDA's driver may not work under the
// strongest isolation that a host allows: a worker tries it before it takes candidates, and the next weaker one is taken then.
#ifndef DRTRITON_COMPILE_REAL_RUN_FARM_H_
#define DRTRITON_COMPILE_REAL_RUN_FARM_H_

#include <memory>

#include "compile/farm.h"

namespace drtriton {

class RealRunFarm {
 public:
  // `gpu` is an index among the GPUs visible to us.  The worker starts with the first Run().
  explicit RealRunFarm(int gpu);

  // `plan` of the request is not looked at.  Failures are the candidate's but for "set_up": no GPU can be used here, or the
  // GPU has too little memory beside the reference's and the runner's.  Not thread-safe.
  InterpretResult Run(InterpretRequest request);

 private:
  int gpu_;
  Isolation isolation_;
  std::unique_ptr<InterpreterFarm> farm_;
};

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_REAL_RUN_FARM_H_
