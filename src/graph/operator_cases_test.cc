// Compares the registry with PyTorch's meta kernels: cases drawn from every row, and the same with something broken,
// are written to a file that python/tests/operator_cases.py evaluates.  `--seed N` or DRTRITON_SEED replays a run;
// `--cases N` sets how many are drawn a row.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "graph/call_text.h"
#include "graph/operator_cases.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

uint64_t seed = 20260321;
int cases_a_row = 12;
std::string only;  // a part of an operator's name

// The results' types and the call's costs, or why it is refused.
Json Ours(OperatorCase c) {
  try {
    Json outputs = Json::array();
    for (const InferredValue& value : InferOutputs(c.program, c.node)) {
      Json strides = value.strides ? Json(*value.strides) : Json();
      outputs.push_back({{"dtype", std::string(Name(value.dtype))}, {"shape", value.shape}, {"strides", strides}});
      c.node.outputs.push_back(static_cast<ValueId>(c.program.values.size()));
      c.program.values.push_back(Value{.dtype = value.dtype,
                                       .shape = value.shape,
                                       .strides = value.strides.value_or(ContiguousStrides(value.shape))});
    }
    return Json{{"outputs", outputs},
                {"flops", NodeFlops(c.program, c.node)},
                {"bytes", NodeBytes(c.program, c.node)},
                {"view", ViewOf(c.program, c.node).has_value()}};
  } catch (const UserError& error) {
    return Json{{"error", error.what()}};
  }
}

Json CaseJson(const OperatorCase& c, bool damaged) {
  Json tensors = Json::array();
  for (const Value& value : c.program.values) {
    tensors.push_back({{"dtype", std::string(Name(value.dtype))}, {"shape", value.shape}, {"strides", value.strides}});
  }
  Json args = Json::array();
  for (const Attr& arg : c.node.args) args.push_back(ToJson(arg));
  const NameOf name_of = [&](ValueId id) { return c.program.value(id).name; };
  return Json{{"op", c.node.op}, {"args", args},       {"tensors", tensors},
              {"ours", Ours(c)}, {"damaged", damaged}, {"text", CallText(c.node, name_of)}};
}

std::string Environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

TEST(OperatorCasesTest, RulesAndPrintedCallsAgreeWithPyTorch) {
  std::cout << "seed " << seed << "\n";
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("operator_cases_" + std::to_string(getpid()) + ".jsonl");
  {
    std::ofstream lines(file);
    CaseGenerator generator(seed);
    for (const OperatorInfo& info : AllOperators()) {
      for (int i = 0; i < cases_a_row; ++i) {
        OperatorCase c = generator.Draw(info);
        const bool damaged = i % 4 == 3;
        if (damaged) c = generator.Damage(std::move(c));
        if (info.name.find(only) != info.name.npos) lines << CaseJson(c, damaged).dump() << "\n";
      }
    }
  }
  const std::string source = Environment("DRTRITON_SOURCE", ".");
  const std::string python = Environment("DRTRITON_PYTHON", (source + "/.venv/bin/python").c_str());
  const std::string command =
      "'" + python + "' '" + source + "/python/tests/operator_cases.py' '" + file.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << "the differences are printed above; " << command;
  std::filesystem::remove(file);
}

// Of the cases that a domain calls legal most have to be, else the comparison compares refusals only.
TEST(OperatorCasesTest, DomainsAreMostlyLegal) {
  CaseGenerator generator(seed);
  for (const OperatorInfo& info : AllOperators()) {
    int accepted = 0;
    for (int i = 0; i < 40; ++i) accepted += Ours(generator.Draw(info)).contains("outputs") ? 1 : 0;
    EXPECT_GE(accepted, 8) << info.name << " with the domain " << info.domain;
  }
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const char* text = std::getenv("DRTRITON_SEED")) drtriton::seed = std::strtoull(text, nullptr, 10);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--seed") drtriton::seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--cases") drtriton::cases_a_row = std::atoi(argv[i + 1]);
    if (flag == "--only") drtriton::only = argv[i + 1];
  }
  return RUN_ALL_TESTS();
}
