// The farm's messages: a CompileRequest as the worker reads it, a worker's answer as a CompileResult.
#ifndef DRTRITON_COMPILE_REQUEST_H_
#define DRTRITON_COMPILE_REQUEST_H_

#include <filesystem>
#include <optional>
#include <vector>

#include "base/json.h"
#include "compile/farm.h"

namespace drtriton {

// {"form", "source", ..., "program": the fragment's leaves, results and trees without its nodes}.
Json CandidateToJson(const CompileRequest& request, const DeviceSpec& device, int max_alternatives);

// The "failure" of an answer; nullopt when it has none.  Trusts nothing: an unknown stage or code is "crashed".
std::optional<CompileFailure> FailureOf(const Json& answer);

// An answer with its files in `folder`.  A plan that LaunchPlanFromJson refuses is the failure "bad_plan".
CompileResult ResultOf(const Json& answer, const std::filesystem::path& folder);

std::vector<std::string> LayersOf(const Json& answer);

// Adds to a message what of the file system the candidate sees although it lies in a hidden folder ("visible": the folders
// that it may import from, and `files`) and what it must not see ("masked": the module that it is judged by).
void AddWhatIsSeen(const CompileRequest& request, const std::vector<std::filesystem::path>& files, Json* message);

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_REQUEST_H_
