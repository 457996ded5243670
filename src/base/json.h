// The JSON type used for every file and wire format: object members keep the order they were written in, so that the
// text we print is the text a reader expects and equal values print equal bytes.
#ifndef DRTRITON_BASE_JSON_H_
#define DRTRITON_BASE_JSON_H_

#include <nlohmann/json_fwd.hpp>

namespace drtriton {

using Json = nlohmann::ordered_json;

}  // namespace drtriton

#endif  // DRTRITON_BASE_JSON_H_
