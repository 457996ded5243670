// Every kind of bad module: one sentence that names the file, the line where there is one, and what is wrong; and no
// file left behind.
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "import/importer.h"

namespace drtriton {
namespace {

// A module whose parts can be replaced, so that each case shows only what is wrong with it.
struct Parts {
  std::string head = "";
  std::string init = "pass";
  std::string forward = "return x + 1";
  std::string inputs = "return [torch.randn(4, 3)]";
  std::string Text() const {
    return "import os, sys, time\nimport torch\n" + head +
           "\nclass Model(torch.nn.Module):\n    def __init__(self):\n" + "        super().__init__()\n        " +
           init + "\n    def forward(self, x):\n        " + forward + "\ndef get_inputs():\n    " + inputs + "\n";
  }
};
constexpr char kInitLine[] = "line 7";
constexpr char kForwardLine[] = "line 9";
constexpr char kInputsLine[] = "line 11";

struct Refusal {
  std::string name;
  std::string text;
  std::vector<std::string> mentions;
  double timeout_s = 120;
  int64_t memory_limit_bytes = 0;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

// What the importer said, in a folder of its own; fails the test when it imported the module or left a file.
std::string Message(const Refusal& refusal) {
  ScratchFolder scratch("importer_refusals_test");
  const std::filesystem::path module = scratch.path() / "bad.py";
  const std::filesystem::path target = scratch.path() / "out";
  std::filesystem::create_directory(target);
  WriteFileAtomically(module, refusal.text);
  ImportOptions options;
  options.timeout_s = refusal.timeout_s;
  std::string message;
  try {
    static Importer shared;  // without a limit of its own
    Importer limited(refusal.memory_limit_bytes);
    (refusal.memory_limit_bytes > 0 ? limited : shared).Import(module, options, target);
    ADD_FAILURE() << "was imported";
  } catch (const UserError& error) {
    message = error.what();
  }
  EXPECT_TRUE(std::filesystem::is_empty(target)) << "left files behind";
  return message;
}

class Refusals : public testing::TestWithParam<Refusal> {};

TEST_P(Refusals, SaysWhatAndWhere) {
  const std::string message = Message(GetParam());
  RecordProperty("message", message);
  EXPECT_NE(message.find("bad.py"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  for (const std::string& mention : GetParam().mentions) EXPECT_NE(message.find(mention), std::string::npos) << message;
}

std::vector<Refusal> AllRefusals() {
  const int64_t gib = int64_t{1} << 30;
  return {
      {"Empty", " \n\t\n", {"is empty"}},
      {"Binary",
       std::string("\x7f"
                   "ELF\0\0\1",
                   7),
       {"binary"}},
      {"NotUtf8", "x = '\xff\xfe'\n", {"UTF-8"}},
      {"SyntaxError", "import torch\nclass Model(:\n  pass\n", {"line 2", "syntax"}},
      {"MissingImport", Parts{.head = "import no_such_package.part"}.Text(), {"line 3", "'no_such_package'"}},
      {"HeadRaises", Parts{.head = "raise KeyError('why')"}.Text(), {"line 3", "KeyError", "why"}},
      {"NoModel", "import torch\ndef get_inputs():\n  return []\n", {"no Model"}},
      {"ModelIsNoModule", "class Model:\n  pass\ndef get_inputs():\n  return []\n", {"torch.nn.Module"}},
      {"NoGetInputs", "import torch\nclass Model(torch.nn.Module):\n  pass\n", {"get_inputs()"}},
      {"ConstructorRaises",
       Parts{.init = "raise ValueError('odd width')"}.Text(),
       {kInitLine, "constructor", "odd width"}},
      {"ConstructorExits", Parts{.init = "sys.exit(7)"}.Text(), {kInitLine, "constructor", "sys.exit(7)"}},
      {"ConstructorNeedsArguments",
       Parts{.init = "pass\n    def __init__(self, width):\n        super().__init__()"}.Text(),
       {"constructor", "'width'"}},
      {"GetInputsRaises",
       Parts{.inputs = "return [torch.randn(-1)]"}.Text(),
       {kInputsLine, "get_inputs()", "negative"}},
      {"GetInputsGivesATensor", Parts{.inputs = "return torch.randn(3)"}.Text(), {"get_inputs()", "Tensor", "list"}},
      {"GetInputsGivesNone", Parts{.inputs = "pass"}.Text(), {"get_inputs()", "None"}},
      {"GetInputsGivesAnObject", Parts{.inputs = "return [object()]"}.Text(), {"get_inputs()", "object"}},
      {"TooManyInputs", Parts{.inputs = "return [torch.ones(2), torch.ones(2)]"}.Text(), {"forward()", "too many"}},
      {"UnknownKeyword", Parts{.inputs = "return {'x': torch.ones(2), 'mask': None}"}.Text(), {"forward()", "'mask'"}},
      {"ForwardRaises",
       Parts{.forward = "raise RuntimeError('not today')"}.Text(),
       {kForwardLine, "forward()", "not today"}},
      {"ShapesDoNotFit", Parts{.forward = "return x @ x"}.Text(), {kForwardLine, "forward()", "4x3"}},
      {"ForwardExits", Parts{.forward = "sys.exit('enough')"}.Text(), {kForwardLine, "forward()", "'enough'"}},
      {"ForwardLeaves", Parts{.forward = "os._exit(3)"}.Text(), {kForwardLine, "forward()", "os._exit(3)"}},
      {"ForwardKillsItself", Parts{.forward = "os.kill(os.getpid(), 11)"}.Text(), {"signal 11"}},
      {"ControlFlow",
       Parts{.forward = "return x if x.sum() > 0 else -x"}.Text(),
       {kForwardLine, "control flow on values of a tensor"}},
      {"ItemInTheGraph", Parts{.forward = "return x * x.max().item()"}.Text(), {kForwardLine, "a value of a tensor"}},
      {"ShapeFromValues", Parts{.forward = "return x[x > 0]"}.Text(), {kForwardLine, "shape", "values"}},
      {"NoTensorResult", Parts{.forward = "return 3"}.Text(), {"forward()", "no tensor"}},
      {"NoResult", Parts{.forward = "pass"}.Text(), {"forward()", "no tensor"}},
      {"ResultIsAnObject", Parts{.forward = "return [x + 1, object()]"}.Text(), {"forward()", "object"}},
      {"HangsWhenImported", Parts{.head = "while True: pass"}.Text(), {"line 3", "importing", "limit of 4 s"}, 4},
      {"HangsInForward", Parts{.forward = "time.sleep(1000)"}.Text(), {kForwardLine, "limit of 8 s"}, 8},
      {"HangsOutsidePython",
       Parts{.head = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
                     "time.sleep(1000)"}
           .Text(),
       {"importing", "limit of 4 s"},
       4},
      {"EatsMemoryInPython",
       Parts{.init = "self.x = [bytearray(1 << 28) for _ in range(10**6)]"}.Text(),
       {kInitLine, "constructor", "memory"},
       120,
       3 * gib},
      {"EatsMemoryInTorch",
       Parts{.init = "self.w = torch.nn.Parameter(torch.empty(1 << 36))"}.Text(),
       {kInitLine, "constructor", "memory"},
       120,
       3 * gib},
  };
}

INSTANTIATE_TEST_SUITE_P(Modules, Refusals, testing::ValuesIn(AllRefusals()),
                         [](const testing::TestParamInfo<Refusal>& info) { return info.param.name; });

TEST(MissingFile, IsNamed) {
  ScratchFolder scratch;
  try {
    Importer().Import(scratch.path() / "nowhere.py", {}, scratch.path());
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("nowhere.py"), std::string::npos);
  }
}

TEST(Folder, IsNamed) {
  ScratchFolder scratch;
  try {
    Importer().Import(scratch.path(), {}, scratch.path());
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(scratch.path().string()), std::string::npos);
  }
}

TEST(ForkingModule, OnlyTheWorkerSpeaks) {
  ScratchFolder scratch;
  WriteFileAtomically(scratch.path() / "forks.py", Parts{.forward = "os.fork(); return x + 1"}.Text());
  EXPECT_EQ(Importer().Import(scratch.path() / "forks.py", {}, scratch.path()).program.nodes.size(), 1u);
}

}  // namespace
}  // namespace drtriton
