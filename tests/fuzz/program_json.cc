// A Program that is read can be printed and read again.
#include "graph/program_json.h"

#include "fuzz.h"
#include "graph/program_python.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drtriton;
  Json json = JsonOf(data, size);
  if (json.is_discarded()) return 0;
  MayRefuse([&] {
    Program program = ProgramFromJson(json);
    Json again = ToJson(program);
    Demand(ToJson(ProgramFromJson(again)) == again);
    FlatText(program);
  });
  return 0;
}
