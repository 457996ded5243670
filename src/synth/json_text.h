// JSON text of Programs and strings, appended to one buffer: what graph/program_json.h gives, many times faster.
#ifndef DRTRITON_SYNTH_JSON_TEXT_H_
#define DRTRITON_SYNTH_JSON_TEXT_H_

#include <string>
#include <string_view>

#include "graph/program.h"

namespace drtriton {

// "text" with quotes, escaped; UTF-8 is kept as it is.
void AppendJsonString(std::string& out, std::string_view text);

// A float as nlohmann::json writes it: the shortest text that reads back as the same number.
void AppendJsonFloat(std::string& out, double value);

// Byte for byte ToJson(program).dump().
void AppendProgramJson(std::string& out, const Program& program);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_JSON_TEXT_H_
