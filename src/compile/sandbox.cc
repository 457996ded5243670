#include "compile/sandbox.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

namespace drtriton {
namespace {

using std::chrono::milliseconds;
using Path = std::filesystem::path;

// Emptied inside bubblewrap: other processes' files, sockets of services.
constexpr std::array<const char*, 3> kHidden = {"/tmp", "/var/tmp", "/run"};

std::vector<std::string> BubblewrapCommand() {
  std::vector<std::string> command = {
      "bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"};
  for (const char* folder : kHidden) {
    if (std::filesystem::is_directory(folder)) command.insert(command.end(), {"--tmpfs", folder});
  }
  return command;
}

bool Works(std::vector<std::string> command) {
  command.emplace_back("true");
  try {
    ProcessOptions options;
    options.command = std::move(command);
    ProcessEnd end = RunCommand(options, milliseconds(10'000)).end;
    return end.signal == 0 && end.exit_code == 0 && !end.timed_out;
  } catch (const std::exception&) {
    return false;
  }
}

Isolation Strongest() {
  const char* cap = std::getenv("DRTRITON_ISOLATION");
  std::string most = cap ? cap : "bubblewrap";
  if (most == "bubblewrap" && Works(BubblewrapCommand())) return Isolation::kBubblewrap;
  if (most != "none" && Works({"unshare", "--map-root-user", "--net"})) return Isolation::kNoNetwork;
  return Isolation::kNone;
}

std::string EnvironmentOr(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

// Folders that Python itself needs: its own, the one it is a link to (a virtual environment's base), the search path.
std::set<Path> PythonFolders(const ProcessOptions& python) {
  std::set<Path> folders;
  Path executable = std::filesystem::absolute(python.command[0]);
  folders.insert(executable.parent_path().parent_path());
  std::error_code ignored;
  Path real = std::filesystem::canonical(executable, ignored);
  if (!real.empty()) folders.insert(real.parent_path().parent_path());
  for (const char* name : {"PYTHONPATH", "LD_LIBRARY_PATH"}) {
    auto given = python.environment.find(name);
    std::istringstream parts(given != python.environment.end() ? given->second : EnvironmentOr(name, ""));
    for (std::string part; std::getline(parts, part, ':');) {
      if (!part.empty()) folders.insert(std::filesystem::absolute(part));
    }
  }
  return folders;
}

// A clean environment: nothing of the user's reaches a candidate.
std::vector<std::string> CleanEnvironment(const ProcessOptions& python, const SandboxOptions& options) {
  std::vector<std::string> command = {"env",
                                      "-i",
                                      "PATH=" + EnvironmentOr("PATH", "/usr/bin:/bin"),
                                      "LANG=C.UTF-8",
                                      "HOME=" + options.scratch.string(),
                                      "USER=candidate",
                                      "TMPDIR=" + options.scratch.string(),
                                      "OMP_NUM_THREADS=1",
                                      "PYTHONDONTWRITEBYTECODE=1",
                                      "CUDA_VISIBLE_DEVICES="};
  for (const auto& [name, value] : python.environment) command.push_back(name + "=" + value);
  if (const char* libraries = std::getenv("LD_LIBRARY_PATH"))
    command.push_back(std::string("LD_LIBRARY_PATH=") + libraries);
  command.insert(command.end(), options.environment.begin(), options.environment.end());
  return command;
}

}  // namespace

Isolation AvailableIsolation() {
  static const Isolation isolation = Strongest();
  return isolation;
}

std::vector<std::string> IsolationLayers(Isolation isolation) {
  switch (isolation) {
    case Isolation::kBubblewrap:
      return {"read-only files", "no network", "no devices"};
    case Isolation::kNoNetwork:
      return {"no network"};
    case Isolation::kNone:
      break;
  }
  return {};
}

bool IsHidden(const Path& path) {
  std::string text = path.lexically_normal().string() + "/";
  return std::any_of(kHidden.begin(), kHidden.end(),
                     [&](const char* folder) { return text.rfind(std::string(folder) + "/", 0) == 0; });
}

ProcessOptions SandboxedWorker(Isolation isolation, const SandboxOptions& options) {
  std::string layers;
  for (const std::string& layer : IsolationLayers(isolation)) layers += (layers.empty() ? "" : ",") + layer;
  ProcessOptions python =
      PythonProcess(options.module, {"--folder", options.folder, "--scratch", options.scratch, "--layers", layers});
  std::vector<std::string> command;
  if (isolation == Isolation::kBubblewrap) {
    command = BubblewrapCommand();
    std::set<Path> visible = PythonFolders(python);
    visible.insert(options.visible.begin(), options.visible.end());
    for (const Path& folder : visible) {
      if (IsHidden(folder) && std::filesystem::exists(folder))
        command.insert(command.end(), {"--ro-bind", folder, folder});
    }
    command.insert(command.end(), {"--bind", options.folder, options.folder, "--chdir", options.folder, "--"});
  } else if (isolation == Isolation::kNoNetwork) {
    command = {"unshare", "--map-root-user", "--net", "--kill-child"};
  }
  std::vector<std::string> clean = CleanEnvironment(python, options);
  command.insert(command.end(), clean.begin(), clean.end());
  command.insert(command.end(), python.command.begin(), python.command.end());
  python.command = std::move(command);
  python.environment.clear();
  return python;
}

}  // namespace drtriton
