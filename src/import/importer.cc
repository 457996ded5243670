// Drives the import worker (python/drtriton/importer.py): one fork for one module, JSON lines, a hard limit behind
// the worker's own.  What the worker tells in a sentence is passed on; what it cannot tell (it was killed, it crashed,
// it hangs where Python cannot interrupt) is told here, with the stage that it was in.  Tests: importer_test.cc and
// importer_refusals_test.cc; python/tests/test_importer*.py look at the Programs themselves.
#include "import/importer.h"

#include <signal.h>

#include <array>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/process.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr std::array<const char*, 6> kWritten = {"program.json",    "values.tensors",     "reduced_program.json",
                                                 "reduced.tensors", "other_program.json", "other.tensors"};
// The worker ends itself at its limit and names the line; only where it cannot does this margin run out.
constexpr double kMarginSeconds = 3;
// Importing PyTorch is not the module's time.
constexpr double kStartSeconds = 180;

// Keeps `folder` free of half an import: what the worker writes goes, unless Keep() is called.
class WrittenFiles {
 public:
  explicit WrittenFiles(std::filesystem::path folder) : folder_(std::move(folder)) { Remove(); }
  ~WrittenFiles() {
    if (!kept_) Remove();
  }
  WrittenFiles(const WrittenFiles&) = delete;
  WrittenFiles& operator=(const WrittenFiles&) = delete;
  void Keep() { kept_ = true; }

 private:
  void Remove() {
    std::error_code ignored;
    for (const char* name : kWritten) std::filesystem::remove(folder_ / name, ignored);
    for (const auto& entry : std::filesystem::directory_iterator(folder_, ignored)) {
      if (entry.path().extension() == ".unfinished") std::filesystem::remove(entry.path(), ignored);
    }
  }

  std::filesystem::path folder_;
  bool kept_ = false;
};

// Ends the worker as soon as the user asks us to stop.  Its thread ends before the process is waited for, so that the
// group it would signal still exists.
class StopOnInterrupt {
 public:
  explicit StopOnInterrupt(int group)
      : watcher_([group](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            if (Interrupted()) {
              kill(-group, SIGKILL);
              return;
            }
            std::this_thread::sleep_for(milliseconds(50));
          }
        }) {}

 private:
  std::jthread watcher_;
};

// The stages of the worker as the user knows them; the words are those of importer_errors.py.
std::string StageText(const std::string& stage) {
  static const std::map<std::string, std::string> kTexts = {{"importing", "importing the file"},
                                                            {"constructing", "the constructor of Model"},
                                                            {"get_inputs", "get_inputs()"},
                                                            {"exporting", "forward() under torch.export"},
                                                            {"running", "forward()"}};
  auto found = kTexts.find(stage);
  return found == kTexts.end() ? stage : found->second;
}

std::string ReadModuleText(const std::filesystem::path& path) {
  std::string text = ReadFile(path);
  if (text.find_first_not_of(" \t\r\n\f") == std::string::npos) throw UserError(path.string() + " is empty");
  if (text.find('\0') != std::string::npos) throw UserError(path.string() + " is a binary file, not a Python module");
  try {
    (void)Json(text).dump();  // refuses what is not UTF-8
  } catch (const Json::exception&) {
    throw UserError(path.string() + " is not a text file in UTF-8");
  }
  return text;
}

// The worker ended without a result: throws what is known about it.
[[noreturn]] void ThrowEnd(const std::string& shown, const std::string& stage, const ProcessEnd& end,
                           double timeout_s) {
  if (Interrupted()) throw UserError("importing " + shown + " was interrupted", ExitStatus::kNo);
  if (end.timed_out) {
    if (stage.empty()) throw UserError("importing PyTorch " + end.Describe(), ExitStatus::kSetUpFailed);
    std::ostringstream limit;
    limit << timeout_s;
    throw UserError(shown + ": " + StageText(stage) + " ran past the limit of " + limit.str() + " s");
  }
  if (stage.empty()) {
    const std::string last = end.LastLine();
    throw UserError("the import worker did not start (" + end.Describe() + "): " + (last.empty() ? "it said nothing" : last),
                    ExitStatus::kSetUpFailed);
  }
  std::string sentence = shown + ": " + StageText(stage) + " ended its process, which " + end.Describe();
  if (end.signal == SIGKILL) sentence += "; the machine may have run out of memory";
  throw UserError(sentence);
}

ProcessEnd EndOfFork(const Json& ended) {
  ProcessEnd end;
  end.exit_code = ended.at("exit_code").get<int>();
  end.signal = ended.at("signal").get<int>();
  return end;
}

Json Converse(Process& worker, const Json& request, const std::string& shown, const ImportOptions& options) {
  const auto in_seconds = [](double seconds) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  };
  Clock::time_point deadline = in_seconds(kStartSeconds);
  std::string stage;
  Json answer;
  {
    StopOnInterrupt watch(worker.pid());
    worker.Send(request);
    while (true) {
      const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
      const std::optional<Json> message = worker.Receive(std::max(left, milliseconds(1)));
      if (!message) break;
      if (stage.empty()) deadline = in_seconds(options.timeout_s + kMarginSeconds);
      if (message->contains("stage")) {
        stage = message->at("stage").get<std::string>();
        Debug("import: " + StageText(stage));
      }
      if (message->contains("ended")) {
        if (answer.is_null()) ThrowEnd(shown, stage, EndOfFork(message->at("ended")), options.timeout_s);
        return answer;
      }
      if (message->contains("done") || message->contains("problem") || message->contains("bug")) answer = *message;
    }
  }
  ThrowEnd(shown, stage, worker.Wait(milliseconds(2000)), options.timeout_s);
}

Program ReadProgram(const std::filesystem::path& path) {
  try {
    return ProgramFromJson(Json::parse(ReadFile(path)));
  } catch (const UserError& error) {  // the worker wrote it, not the user
    throw InternalError(std::string("the import worker wrote a Program that cannot be read: ") + error.what());
  } catch (const Json::exception& error) {
    throw InternalError(std::string("the import worker wrote a Program that is not JSON: ") + error.what());
  }
}

}  // namespace

Importer::Importer(int64_t memory_limit_bytes) : memory_limit_bytes_(memory_limit_bytes) {}
Importer::~Importer() = default;

void Importer::Warm() {
  if (worker_ && worker_->running()) return;
  ProcessOptions process = PythonProcess("importer");
  process.memory_limit_bytes = memory_limit_bytes_;
  worker_ = std::make_unique<Process>(process);
}

ImportedModule Importer::Import(const std::filesystem::path& module, const ImportOptions& options,
                                const std::filesystem::path& folder) {
  const auto start = Clock::now();
  ImportedModule imported;
  imported.source = ReadModuleText(module);
  const std::string shown = module.string();
  const std::filesystem::path target = std::filesystem::absolute(folder);
  WrittenFiles written(target);

  const Json request = {{"module", std::filesystem::absolute(module).lexically_normal().string()},
                        {"shown", shown},
                        {"device", options.device},
                        {"training", options.training},
                        {"seed", options.seed},
                        {"digests", options.digests},
                        {"other_batch", options.other_batch},
                        {"timeout_s", options.timeout_s},
                        {"max_cpu_flops", options.max_cpu_flops},
                        {"folder", target.string()}};
  Warm();
  const Json answer = Converse(*worker_, request, shown, options);
  if (answer.contains("problem")) throw UserError(answer.at("problem").get<std::string>());
  if (answer.contains("bug")) {
    throw InternalError(shown + " could not be imported: " + answer.at("bug").get<std::string>());
  }
  const Json& done = answer.at("done");

  auto path_of = [&](const char* member) {
    const Json& name = done.at(member);
    return name.is_null() ? std::filesystem::path() : target / name.get<std::string>();
  };
  imported.program = ReadProgram(path_of("program"));
  imported.tensors = path_of("tensors");
  imported.reduced = !done.at("reduced_program").is_null();
  if (imported.reduced) {
    imported.reduced_program = ReadProgram(path_of("reduced_program"));
    imported.reduced_tensors = path_of("reduced_tensors");
  }
  if (done.contains("other_program")) {
    imported.other_batch = {ReadProgram(path_of("other_program")), path_of("other_tensors"),
                            done.at("rows").get<int64_t>(), done.at("other_rows").get<int64_t>()};
  }
  if (done.contains("digests")) imported.digests = done.at("digests").get<std::map<std::string, std::string>>();
  written.Keep();
  imported.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return imported;
}

}  // namespace drtriton
