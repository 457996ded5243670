#include "compile/sandbox.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "compile/syscall_filter.h"

namespace drtriton {
namespace {

using std::chrono::milliseconds;

constexpr std::array<const char*, 4> kIsolations = {"none", "process", "namespaces", "bubblewrap"};

// Empty to candidates: other processes' files, sockets of services, what users and administrators keep.
constexpr std::array<const char*, 8> kHidden = {"/tmp",  "/var/tmp", "/run",         "/home",
                                                "/root", "/var/log", "/etc/ssh", "/etc/ssl/private"};
constexpr std::array<const char*, 2> kMasked = {"/etc/shadow", "/etc/gshadow"};

std::vector<std::string> BubblewrapCommand() {
  return {"bwrap", "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev",
          // Not `--proc`: as root it covers parts of it, and the kernel allows no process namespace below it a /proc then.
          "--bind", "/proc", "/proc"};
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
  Isolation most = Isolation::kBubblewrap;
  if (const char* cap = std::getenv("DRTRITON_ISOLATION"); cap != nullptr && *cap != '\0') {
    size_t i = 0;
    while (i < kIsolations.size() && std::string(cap) != kIsolations[i]) ++i;
    if (i == kIsolations.size()) {
      throw UserError(std::string("DRTRITON_ISOLATION is \"") + cap +
                      "\"; it may be none, process, namespaces or bubblewrap");
    }
    most = static_cast<Isolation>(i);
  }
  if (most == Isolation::kBubblewrap && !Works(BubblewrapCommand())) most = Isolation::kNamespaces;
  return most;
}

std::string EnvironmentOr(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

// Empty where there is none, which is no matter of isolation.
std::string StoreFolder() {
  try {
    return CacheFolder().string();
  } catch (const UserError&) {
    return "";
  }
}

std::vector<std::string> HiddenFolders(const SandboxOptions& options) {
  std::vector<std::string> hidden(kHidden.begin(), kHidden.end());
  hidden.push_back(EnvironmentOr("HOME", "/root"));
  if (const passwd* user = getpwuid(getuid()); user != nullptr) hidden.emplace_back(user->pw_dir);
  hidden.push_back(StoreFolder());
  hidden.push_back(options.folder.string());
  return hidden;
}

// The GPU's device files.
std::vector<std::string> GpuDevices() {
  std::vector<std::string> devices;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev", error)) {
    std::string name = entry.path().filename().string();
    if (name.rfind("nvidia", 0) == 0) devices.push_back(entry.path().string());
  }
  return devices;
}

// What python/drtriton/worker_sandbox.py reads.
Json SandboxJson(Isolation isolation, const SandboxOptions& options) {
  std::vector<std::string> outer, masked(kMasked.begin(), kMasked.end());
  if (isolation == Isolation::kBubblewrap) outer = {"read-only files", "no network", "no devices"};
  std::string filter = SyscallFilter(options.gpu ? FilterFor::kGpu : FilterFor::kCandidate), hex;
  for (unsigned char byte : filter) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return {{"most", kIsolations[static_cast<size_t>(std::min(isolation, Isolation::kNamespaces))]},
          {"outer", outer},
          {"hidden", HiddenFolders(options)},
          {"masked", masked},
          {"devices", options.gpu ? GpuDevices() : std::vector<std::string>()},
          {"syscall_filter", hex}};
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
                                      "PYTHONDONTWRITEBYTECODE=1"};
  if (!options.gpu) command.emplace_back("CUDA_VISIBLE_DEVICES=");
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

ProcessOptions SandboxedWorker(Isolation isolation, const SandboxOptions& options) {
  ProcessOptions python = PythonProcess(options.module);
  Json sandbox = SandboxJson(isolation, options);
  python.command.insert(python.command.end(), {"--scratch", options.scratch, "--sandbox", sandbox.dump()});
  std::vector<std::string> command;
  if (isolation == Isolation::kBubblewrap) {
    command = BubblewrapCommand();
    for (const Json& device : sandbox["devices"]) {
      command.insert(command.end(), {"--dev-bind", device.get<std::string>(), device.get<std::string>()});
    }
    command.insert(command.end(), {"--bind", options.folder, options.folder, "--chdir", options.folder, "--"});
  }
  std::vector<std::string> clean = CleanEnvironment(python, options);
  command.insert(command.end(), clean.begin(), clean.end());
  command.insert(command.end(), python.command.begin(), python.command.end());
  python.command = std::move(command);
  python.environment.clear();
  return python;
}

}  // namespace drtriton
