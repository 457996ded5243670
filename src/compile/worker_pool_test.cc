// A worker that dies is replaced; the requests it had run once more, each alone.
#include "compile/worker_pool.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "compile/request.h"
#include "compile/test_candidates.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

Json Message(const Fragment& fragment, const fs::path& folder, const std::string& source) {
  CompileRequest request;
  request.fragment = &fragment;
  request.source = source;
  return {{"timeout_s", 30.0},
          {"memory_bytes", int64_t{4} << 30},
          {"folder", folder.string()},
          {"candidate", CandidateToJson(request, H200(), 1)}};
}

// Kills, as the host would, every process whose command line names `scratch`.
void KillWorkers(const std::string& scratch) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline", std::ios::binary);
    std::ostringstream command;
    command << file.rdbuf();   // stops, where an iterator throws, when the process ends meanwhile
    if (command.str().find(scratch) != std::string::npos) kill(std::stoi(name), SIGKILL);
  }
}

TEST(WorkerPool, RestartsAWorkerAndRunsItsRequestsAgain) {
  ScratchFolder folder("drtriton-pool");
  Fragment fragment = ReluFragment({64});
  WorkerPool pool({"compile_worker", {}, 2, folder.path()});
  int answered = 0, failed = 0;
  std::vector<Json> messages;
  for (int i = 0; i < 6; ++i)
    messages.push_back(
        Message(fragment, folder.path() / std::to_string(i), ReluSource("pass", "v * " + std::to_string(i) + ".0")));
  pool.RunAll(std::move(messages), [&](size_t, const Json& answer) {
    if (++answered == 1) KillWorkers(folder.path().string() + "/scratch");
    failed += answer.contains("failure");
  });
  EXPECT_EQ(answered, 6);
  EXPECT_EQ(failed, 0);
}

TEST(WorkerPool, TellsWhyNoWorkerCanStart) {
  ScratchFolder folder("drtriton-pool");
  WorkerPool pool({"no_such_worker", {}, 1, folder.path()});
  try {
    pool.RunAll({Json::object()}, [](size_t, const Json&) {});
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_EQ(error.status(), ExitStatus::kSetUpFailed);
    EXPECT_NE(std::string(error.what()).find("no_such_worker"), std::string::npos) << error.what();
  }
}

TEST(WorkerPool, ShowsFoldersThatARequestNeeds) {
  ScratchFolder folder("drtriton-pool"), library("drtriton-library");
  WriteFileAtomically(library.path() / "their_helper.py", "FACTOR = 2\n");
  Fragment fragment = ReluFragment({64});
  WorkerPool pool({"compile_worker", {}, 1, folder.path()});
  std::string source = "import their_helper\n" + ReluSource();
  Json message = Message(fragment, folder.path() / "0", source);
  message["candidate"]["source_folder"] = library.path().string();
  std::vector<std::string> codes;
  auto note = [&](size_t, const Json& answer) {
    codes.push_back(answer.contains("failure") ? answer.at("failure").at("reason") : "ok");
  };
  message["visible"] = Json::array({library.path().string()});
  pool.RunAll({message}, note);
  EXPECT_EQ(codes, (std::vector<std::string>{"ok"}));
}

}  // namespace
}  // namespace drtriton
