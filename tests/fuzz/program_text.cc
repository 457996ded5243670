// Flat Python text of a Program, as a model may write it.
#include "fuzz.h"
#include "graph/program_json.h"
#include "graph/program_python.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drtriton;
  MayRefuse([&] {
    Program program = ParseFlatText(Text(data, size));
    Json json = ToJson(program);
    Demand(ToJson(ProgramFromJson(json)) == json);
  });
  return 0;
}
