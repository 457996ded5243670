// drtriton-runner: runs LaunchPlans on one GPU for another process of ours.  Never holds expected values.
//
// JSON lines on standard input and output.  Requests and replies (a failure is {"error": {"code", "reason", "sticky"}};
// after a sticky one the process ends, and whoever started it takes the next):
//   (at start)                                       {"ready": true}
//   {"cmd": "load", "plan", "folder", "poison"}      {"fresh": bool, "handle": hex}
//   {"cmd": "poison", "poison": 255}                 {}
//   {"cmd": "run", "first": 0, "last": 2}            {"guarded": bool}; optional: "poison": 123 (all but the inputs first),
//                                                    "guard": 0..2, "neighbours": 0..3, "cold": bool (cuda_runner.h)
//   {"cmd": "time", "first", "last", "count"}        {"times_ms": [...]}
//   {"cmd": "unload"}                                {}
#include <cstdio>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "execute/cuda_driver.h"
#include "execute/cuda_runner.h"

namespace drtriton {
namespace {

void Reply(const Json& message) { std::cout << message.dump() << std::endl; }

Json Failure(const std::string& code, const std::string& reason, bool sticky) {
  return {{"error", {{"code", code}, {"reason", reason}, {"sticky", sticky}}}};
}

template <size_t N>
std::string Hex(const std::array<unsigned char, N>& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

RunVariation VariationOf(const Json& request) {
  RunVariation variation;
  if (request.contains("poison")) variation.poison = request["poison"].get<uint8_t>();
  variation.guard = static_cast<Guard>(request.value("guard", 0));
  variation.neighbours = static_cast<Neighbours>(request.value("neighbours", 0));
  variation.cold = request.value("cold", false);
  return variation;
}

Json Handle(CudaRunner& runner, const Json& request) {
  const std::string command = request.at("cmd").get<std::string>();
  const auto range = [&] { return std::pair(request.at("first").get<size_t>(), request.at("last").get<size_t>()); };
  if (command == "load") {
    const bool fresh = runner.Load(LaunchPlanFromJson(request.at("plan")), request.at("folder").get<std::string>(),
                                   request.at("poison").get<uint8_t>());
    return {{"fresh", fresh}, {"handle", Hex(runner.ShareHandle())}};
  }
  if (command == "poison") {
    runner.Poison(request.at("poison").get<uint8_t>());
  } else if (command == "run") {
    return {{"guarded", runner.Run(range().first, range().second, VariationOf(request))}};
  } else if (command == "time") {
    return {{"times_ms", runner.Time(range().first, range().second, request.at("count").get<int>())}};
  } else if (command == "unload") {
    runner.Unload();
  } else {
    throw InternalError("unknown request " + command);
  }
  return Json::object();
}

// False: the process must end.
bool Serve(CudaRunner& runner, const std::string& line) {
  try {
    Reply(Handle(runner, Json::parse(line)));
  } catch (const CudaFailure& failure) {
    Reply(Failure(failure.code(), failure.what(), failure.sticky()));
    return !failure.sticky();
  } catch (const std::exception& error) {
    Reply(Failure("launch_failed", error.what(), false));
  }
  return true;
}

int Main(int device) {
  try {
    CudaRunner runner(device);
    Reply({{"ready", true}});
    for (std::string line; std::getline(std::cin, line);) {
      if (!Serve(runner, line)) break;
    }
  } catch (const std::exception& error) {
    Reply(Failure("launch_failed", error.what(), true));
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  const int status = drtriton::Main(argc > 1 ? std::atoi(argv[1]) : 0);
  std::cout.flush();
  std::_Exit(status);   // a lost context would make the driver's own exit handlers wait
}
