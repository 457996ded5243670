// PolicySession: the language model as a process that answers lines of JSON (docs/model.md).  No torch in this header.
#ifndef DRTRITON_POLICY_SESSION_H_
#define DRTRITON_POLICY_SESSION_H_

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "policy/decoder.h"

namespace drtriton {

// Requests come in at any time; each Step() moves all of them on by one token.
class PolicySession {
 public:
  PolicySession(const ModelWeights& weights, const DecoderOptions& options);

  // What the process says first: what the model is.
  Json Greeting() const;

  // Takes a line; what it can answer at once is in the result.  A line that cannot be answered gives
  // {"id": ..., "error": {"kind": "user", "reason": ...}}.
  std::vector<Json> Take(const std::string& line);

  // One token of everything that runs; what ended.
  std::vector<Json> Step();
  bool idle() const { return decoder_.idle(); }

 private:
  std::vector<Json> Handle(const Json& request);
  SampleRequest ReadSampleRequest(const Json& request) const;

  struct OpenAnswer {
    Json id;
    int64_t samples = 0;
    int64_t finished = 0;
  };
  ModelConfig config_;
  Decoder decoder_;
  std::map<int64_t, OpenAnswer> open_;   // by the decoder's number
};

}  // namespace drtriton

#endif  // DRTRITON_POLICY_SESSION_H_
