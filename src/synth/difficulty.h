// What makes a program hard or long, as facts.
#ifndef DRTRITON_SYNTH_DIFFICULTY_H_
#define DRTRITON_SYNTH_DIFFICULTY_H_

#include <cstdint>

#include "graph/program.h"

namespace drtriton {

struct Difficulty {
  int depth = 0;          // operators on the longest path; glue is not counted here and below
  int width = 0;          // most operators at one distance from the inputs
  int inputs = 0;         // tensors that forward() takes
  int parameters = 0;     // tensors that the module holds: parameters and buffers
  int results = 0;
  double flops = 0;
  double bytes = 0;       // each operator alone, from memory: what it reads and writes
  int64_t largest = 0;    // elements of the largest tensor
  double roofline_us = 0;  // the same, each operator at the device's bandwidth or arithmetic rate, whichever takes longer
};

// The rates are those of SamplerOptions.
Difficulty DifficultyOf(const Program& program, double bytes_per_us, double flops_per_us);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_DIFFICULTY_H_
