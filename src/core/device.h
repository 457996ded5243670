// What we know about a GPU: the figures that schedules, cost models and rooflines are made of.
#ifndef DRTRITON_CORE_DEVICE_H_
#define DRTRITON_CORE_DEVICE_H_

#include <cstdint>
#include <string>

#include "base/json.h"
#include "graph/dtype.h"

namespace drtriton {

struct DeviceSpec {
  std::string name = "NVIDIA H200";
  int capability = 90;                    // sm_90
  int multiprocessors = 132;
  int64_t shared_bytes_per_block = 232448;
  int64_t registers_per_multiprocessor = 65536;
  int64_t l2_bytes = 60ll << 20;
  double memory_bytes_per_us = 4.3e6;     // measured device-to-device copy, bytes read plus written
  double bf16_flops_per_us = 7.9e8;       // measured matrix product, random data
  double tf32_flops_per_us = 3.8e8;
  double fp32_flops_per_us = 5.5e7;       // without tensor cores
  double launch_us = 1.5;                 // gap between two kernels of a CUDA graph
  // A choice, not a figure: fp32 products may be made of several on tensor cores.  false: for comparison.
  bool split_fp32 = true;

  // Peak for a matrix product of this element type under the numerics contract (fp32 without TF32 is split in three).
  double MatmulFlopsPerUs(DType dtype, bool tf32_allowed) const;
};

// The figures measured on an H200, used when no GPU is present.
const DeviceSpec& H200();

Json ToJson(const DeviceSpec& device);
DeviceSpec DeviceFromJson(const Json& json);

}  // namespace drtriton

#endif  // DRTRITON_CORE_DEVICE_H_
