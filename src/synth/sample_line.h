// One sample as a line of JSON:
//
//   {"id", "ops", "seed", "index", "law", "log_weight", "split", "operators", "difficulty", "source", "graph"}
//
// docs/cli.md says what each member is.
#ifndef DRTRITON_SYNTH_SAMPLE_LINE_H_
#define DRTRITON_SYNTH_SAMPLE_LINE_H_

#include <string>
#include <string_view>

#include "synth/difficulty.h"
#include "synth/sampler.h"
#include "synth/splits.h"

namespace drtriton {

// The operator as torch.export names it before any decomposition: "aten.relu", "aten.add.Tensor"; the overload `default` is
// left out.
std::string ExportedName(std::string_view op);

// Appends the line, without its end.
void AppendSampleLine(std::string& out, const Sample& sample, std::string_view id, Split split, const Difficulty& difficulty);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SAMPLE_LINE_H_
