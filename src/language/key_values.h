// Lines `key: value`, of which prompts and plans are made.
#ifndef DRTRITON_LANGUAGE_KEY_VALUES_H_
#define DRTRITON_LANGUAGE_KEY_VALUES_H_

#include <string>
#include <string_view>
#include <vector>

namespace drtriton {

struct KeyValue {
  std::string key;
  std::string value;
};

// "key: value\n".  Throws InternalError for a value that does not fit a line: empty, with a line's end, with space around it.
void AppendKeyValue(std::string& out, std::string_view key, std::string_view value);

// The lines of a text that consists of them.  Throws UserError naming the line that is none: "line 3 of the plan: ...".
std::vector<KeyValue> ParseKeyValues(std::string_view text, std::string_view what);

// The text as the value of a line: runs of white space become one space; beyond `most_bytes` it is cut between characters
// and ends in "...".
std::string AsOneLine(std::string_view text, size_t most_bytes);

// A whole number that is written without anything around it.  Throws UserError naming `what`.
int64_t ParseWhole(std::string_view text, std::string_view what);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_KEY_VALUES_H_
