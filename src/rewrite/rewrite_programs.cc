// rewrite_programs PROGRAMS.jsonl OUT.jsonl: rewrites the Programs of a file, a line each: {"text": flat text} or a line of
// `drtriton synth`.  Writes {"program", "rewritten", "rules"} for each that a rule fits.  A test compares the two
// (python/tests/test_rewrites.py).  Without arguments it prints the names of all rules, with --exact of
// those that change no bit.
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "graph/program_json.h"
#include "graph/program_python.h"
#include "rewrite/rewrite.h"

namespace drtriton {
namespace {

void Run(const std::string& programs, const std::string& out) {
  std::ifstream lines(programs);
  if (!lines) throw UserError("cannot read " + programs);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    Json json = Json::parse(line);
    const Program program =
        json.contains("text") ? ParseFlatText(json["text"].get<std::string>()) : ProgramFromJson(json["graph"]);
    std::optional<Rewritten> rewritten = Rewrite(program, Rewrites::kAll);
    if (!rewritten) continue;
    Json entry{{"program", ToJson(program)}, {"rewritten", ToJson(rewritten->program)}, {"rules", rewritten->rules}};
    text += entry.dump() + "\n";
  }
  WriteFileAtomically(out, text);
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  const bool exact = argc == 2 && std::string(argv[1]) == "--exact";
  if (argc != 1 && argc != 3 && !exact) {
    std::fprintf(stderr, "usage: rewrite_programs [--exact | PROGRAMS.jsonl OUT.jsonl]\n");
    return 2;
  }
  try {
    if (argc == 3) drtriton::Run(argv[1], argv[2]);
    if (argc != 3) {
      using drtriton::Rewrites;
      for (const std::string& name : drtriton::RuleNames(exact ? Rewrites::kExact : Rewrites::kAll)) std::printf("%s\n", name.c_str());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rewrite_programs: %s\n", error.what());
    return 1;
  }
  return 0;
}
