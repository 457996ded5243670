// Pieces of the text in which a row of the registry describes its domain (graph/registry.h): "f; self=[N,C]|[C]; dim=0".
#ifndef DRTRITON_GRAPH_DOMAIN_TEXT_H_
#define DRTRITON_GRAPH_DOMAIN_TEXT_H_

#include <string_view>
#include <vector>

namespace drtriton {

// Without spaces at both ends.
std::string_view TrimSpaces(std::string_view text);

// Splits at a separator outside brackets and quotes; parts are trimmed, views into `text`, and may be empty.
std::vector<std::string_view> SplitDomain(std::string_view text, std::string_view separator);

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_DOMAIN_TEXT_H_
