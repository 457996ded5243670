// Content addresses: SHA-256 in lower-case hexadecimal.
#ifndef DRTRITON_BASE_HASH_H_
#define DRTRITON_BASE_HASH_H_

#include <string>
#include <string_view>

namespace drtriton {

// 64 hexadecimal digits.
std::string Sha256(std::string_view bytes);

}  // namespace drtriton

#endif  // DRTRITON_BASE_HASH_H_
