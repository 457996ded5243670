// docs/operators.md, generated from the registry (`operators_doc_test --update` rewrites it; the test checks it is
// current).
#ifndef DRTRITON_GRAPH_REGISTRY_DOC_H_
#define DRTRITON_GRAPH_REGISTRY_DOC_H_

#include <string>

namespace drtriton {

// The whole file as Markdown.
std::string OperatorsMarkdown();

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_REGISTRY_DOC_H_
