// What a set of sampled programs covers, as one self-contained HTML file.
#ifndef DRTRITON_REPORT_COVERAGE_HTML_H_
#define DRTRITON_REPORT_COVERAGE_HTML_H_

#include <string>

#include "base/json.h"

namespace drtriton {

// `coverage`: what `synth --stats` writes as JSON (synth/coverage.h, with "ops", "seed", "law" and "size").  Readable on a
// phone, opens without a network.
std::string CoverageHtml(const Json& coverage);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_COVERAGE_HTML_H_
