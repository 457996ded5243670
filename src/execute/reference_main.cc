// drtriton-reference: owns inputs, expected values and comparisons; evaluates Programs through libtorch.
// `drtriton-reference cpu` or `drtriton-reference cuda SHARERS GATE` (gpu_gate.h); requests and replies in reference_session.h.
#include <ATen/Parallel.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"
#include "execute/reference_session.h"

namespace {

using drtriton::Json;

void Reply(const Json& message) {
  std::cout << message.dump(-1, ' ', false, Json::error_handler_t::replace) << std::endl;
}

int Serve(const std::string& device, int sharers, const std::string& gate) {
  if (device == "cuda" && !drtriton::HasGpu()) {
    Reply({{"error", {{"kind", "user"}, {"reason", "PyTorch finds no usable GPU"}}}});
    return 1;
  }
  drtriton::ReferenceSession session(device == "cuda" ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU), sharers, gate);
  Reply({{"ready", true}});
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!request.is_object()) break;
    Reply(session.Handle(request));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int status = 1;
  try {
    status = Serve(argc > 1 ? argv[1] : "cpu", argc > 2 ? std::atoi(argv[2]) : 1, argc > 3 ? argv[3] : "");
  } catch (const std::exception& error) {
    Reply({{"error", {{"kind", "internal"}, {"reason", error.what()}}}});
  }
  std::cout.flush();
  std::_Exit(status);   // whoever asked is gone; libtorch's own exit would take a while
}
