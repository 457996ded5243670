// Elapsed wall time.
#ifndef DRTRITON_BASE_SECONDS_H_
#define DRTRITON_BASE_SECONDS_H_

#include <chrono>

namespace drtriton {

inline double SecondsSince(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace drtriton

#endif  // DRTRITON_BASE_SECONDS_H_
