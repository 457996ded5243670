#include "synth/suite.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "synth/generate.h"
#include "synth/module_text.h"
#include "synth/sample_line.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

// A folder beside the one to write, renamed to it by Commit(); without that the destructor removes it.
class FolderDraft {
 public:
  explicit FolderDraft(const fs::path& folder) : folder_(fs::absolute(folder).lexically_normal()) {
    if (!folder_.has_filename()) folder_ = folder_.parent_path();
    std::error_code error;
    if (fs::exists(folder_, error) && (!fs::is_directory(folder_, error) || !fs::is_empty(folder_, error))) {
      throw UserError("cannot write " + folder.string() + ": it exists and is no empty folder");
    }
    draft_ = folder_;
    draft_ += ".draft-" + std::to_string(getpid());
    fs::create_directory(draft_, error);
    if (error) throw UserError("cannot write " + folder.string() + ": " + error.message());
  }
  ~FolderDraft() {
    std::error_code ignored;
    fs::remove_all(draft_, ignored);
  }
  FolderDraft(const FolderDraft&) = delete;
  FolderDraft& operator=(const FolderDraft&) = delete;

  const fs::path& path() const { return draft_; }
  void Commit() {
    std::error_code error;
    fs::rename(draft_, folder_, error);  // replaces an empty folder
    if (error) throw UserError("cannot write " + folder_.string() + ": " + error.message());
  }

 private:
  fs::path folder_, draft_;
};

// "aten.max_pool2d.default" -> "max_pool2d"
std::string ShortName(const std::string& op) {
  std::string name = ExportedName(op);
  name.erase(0, name.find('.') + 1);
  return name.substr(0, name.find('.'));
}

// "007_linear_relu.py"; above five operators the number alone.
std::string FileName(int number, const std::vector<std::string>& operators) {
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%03d", number);
  std::string name = digits;
  for (const std::string& op : operators) name += operators.size() <= 5 ? "_" + ShortName(op) : "";
  return name + ".py";
}

Json Entry(const std::string& file, int level, const Generated& generated) {
  Json operators = Json::array();
  for (const std::string& op : generated.sample.operators) operators.push_back(ExportedName(op));
  const Difficulty& d = generated.difficulty;
  return Json{{"file", file},
              {"level", level},
              {"id", generated.id},
              {"index", generated.sample.index},
              {"operators", std::move(operators)},
              {"depth", d.depth},
              {"flops", static_cast<int64_t>(d.flops)},
              {"bytes", static_cast<int64_t>(d.bytes)}};
}

}  // namespace

void WriteSuite(const fs::path& folder, SamplerOptions options, uint64_t seed, int threads) {
  FolderDraft draft(folder);
  Json programs = Json::array();
  for (const int level : kSuiteLevels) {
    options.ops = level;
    const Sampler sampler(options);
    const std::string level_folder = "level" + std::to_string(level);
    fs::create_directory(draft.path() / level_folder);
    int number = 0;
    const GenerateOptions wanted{.seed = seed,
                                 .count = kSuitePrograms,
                                 .unique = true,
                                 .split = Split::kTest,
                                 .threads = threads,
                                 .lines = false};
    Generate(sampler, wanted, [&](const Generated& generated) {
      const std::string file = level_folder + "/" + FileName(++number, generated.sample.operators);
      WriteFileAtomically(draft.path() / file, WrittenModule(generated.sample.program, generated.sample.leaves));
      programs.push_back(Entry(file, level, generated));
    });
  }
  const Json index = {{"format", "drtriton.suite/1"},
                      {"seed", seed},
                      {"size", std::string(Name(options.size))},
                      {"law", std::string(Name(options.law))},
                      {"split", "test"},
                      {"programs", std::move(programs)}};
  WriteFileAtomically(draft.path() / "index.json", index.dump(1) + "\n");
  draft.Commit();
}

}  // namespace drtriton
