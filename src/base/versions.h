// What results depend on beside their inputs: part of every key in the store.
#ifndef DRTRITON_BASE_VERSIONS_H_
#define DRTRITON_BASE_VERSIONS_H_

namespace drtriton {

// The minor versions of PyTorch and Triton are pinned (requirements.txt; the launcher refuses others).
#define DRTRITON_TORCH_VERSION "2.11"
#define DRTRITON_TRITON_VERSION "3.6"
inline constexpr const char* kVersions =
    DRTRITON_VERSION " torch " DRTRITON_TORCH_VERSION " triton " DRTRITON_TRITON_VERSION;

}  // namespace drtriton

#endif  // DRTRITON_BASE_VERSIONS_H_
