// What results depend on beside their inputs: part of every key in the store.
#ifndef DRTRITON_BASE_VERSIONS_H_
#define DRTRITON_BASE_VERSIONS_H_

namespace drtriton {

// The minor versions of PyTorch and Triton are pinned (requirements.txt; the launcher refuses others).
inline constexpr const char* kVersions = DRTRITON_VERSION " torch 2.11 triton 3.6";

}  // namespace drtriton

#endif  // DRTRITON_BASE_VERSIONS_H_
