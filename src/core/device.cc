#include "core/device.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_reader.h"

namespace drtriton {
namespace {

constexpr int64_t kMany = int64_t{1} << 50;

double Positive(const JsonReader& reader) {
  double value = reader.Number();
  if (!(value > 0)) reader.Fail("is not above zero");
  return value;
}

}  // namespace

double DeviceSpec::MatmulFlopsPerUs(DType dtype, bool tf32_allowed) const {
  switch (dtype) {
    case DType::kFloat16:
    case DType::kBFloat16:
      return bf16_flops_per_us;
    case DType::kFloat32:
      // Without TF32 the product keeps fp32 accuracy as three TF32 products, unless plain arithmetic is faster.
      if (!split_fp32 && !tf32_allowed) return fp32_flops_per_us;
      return tf32_allowed ? tf32_flops_per_us : std::max(tf32_flops_per_us / 3, fp32_flops_per_us);
    default:
      return fp32_flops_per_us;
  }
}

const DeviceSpec& H200() {
  static const DeviceSpec device;
  return device;
}

Json ToJson(const DeviceSpec& device) {
  return Json{{"name", device.name},
              {"capability", device.capability},
              {"multiprocessors", device.multiprocessors},
              {"shared_bytes_per_block", device.shared_bytes_per_block},
              {"registers_per_multiprocessor", device.registers_per_multiprocessor},
              {"l2_bytes", device.l2_bytes},
              {"memory_bytes_per_us", device.memory_bytes_per_us},
              {"bf16_flops_per_us", device.bf16_flops_per_us},
              {"tf32_flops_per_us", device.tf32_flops_per_us},
              {"fp32_flops_per_us", device.fp32_flops_per_us},
              {"launch_us", device.launch_us}};
}

DeviceSpec DeviceFromJson(const Json& json) {
  JsonReader reader(json, "device");
  DeviceSpec device;
  device.name = reader.At("name").String();
  device.capability = reader.At("capability").Int32(10, 1000);
  device.multiprocessors = reader.At("multiprocessors").Int32(1, 100000);
  device.shared_bytes_per_block = reader.At("shared_bytes_per_block").Int(1, kMany);
  device.registers_per_multiprocessor = reader.At("registers_per_multiprocessor").Int(1, kMany);
  device.l2_bytes = reader.At("l2_bytes").Int(0, kMany);
  device.memory_bytes_per_us = Positive(reader.At("memory_bytes_per_us"));
  device.bf16_flops_per_us = Positive(reader.At("bf16_flops_per_us"));
  device.tf32_flops_per_us = Positive(reader.At("tf32_flops_per_us"));
  device.fp32_flops_per_us = Positive(reader.At("fp32_flops_per_us"));
  device.launch_us = Positive(reader.At("launch_us"));
  return device;
}

}  // namespace drtriton
