#include "base/spawner.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"

extern char** environ;

namespace drtriton {
namespace {

constexpr int kPipeBytes = 1 << 20;  // fewer switches for messages of many megabytes; the kernel may refuse

// Everything the child needs between fork and exec, made before: after the fork of a program with threads only
// async-signal-safe calls are allowed, so no allocation.
struct Image {
  std::string program;
  std::vector<char*> arguments;
  std::vector<std::string> environment_text;
  std::vector<char*> environment;
  std::string working_folder;
  rlim_t memory_limit = RLIM_INFINITY;
  int in = -1, out = -1, err = -1, report = -1;  // the child's ends
  pid_t parent = -1;
};

std::string FindProgram(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string folders = path ? path : "/usr/local/bin:/usr/bin:/bin";
  for (size_t start = 0; start <= folders.size();) {
    size_t end = std::min(folders.find(':', start), folders.size());
    std::string candidate = folders.substr(start, end - start).append("/").append(name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    start = end + 1;
  }
  throw UserError("cannot start " + name + ": not found in PATH");
}

std::vector<std::string> MergedEnvironment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry; ++entry) {
    std::string text = *entry;
    if (!changes.count(text.substr(0, text.find('=')))) merged.push_back(std::move(text));
  }
  for (const auto& [name, value] : changes) {
    if (!value.empty()) merged.push_back(name + "=" + value);
  }
  return merged;
}

Image MakeImage(const ProcessOptions& options) {
  Require(!options.command.empty(), "a process needs a command");
  Image image;
  image.program = FindProgram(options.command[0]);
  for (const std::string& argument : options.command) image.arguments.push_back(const_cast<char*>(argument.c_str()));
  image.arguments.push_back(nullptr);
  image.environment_text = MergedEnvironment(options.environment);
  for (std::string& text : image.environment_text) image.environment.push_back(text.data());
  image.environment.push_back(nullptr);
  image.working_folder = options.working_folder.string();
  if (options.memory_limit_bytes > 0) image.memory_limit = static_cast<rlim_t>(options.memory_limit_bytes);
  image.parent = getpid();
  return image;
}

[[noreturn]] void BecomeProgram(const Image& image) {
  auto fail = [&]() {
    int error = errno;
    [[maybe_unused]] ssize_t told = write(image.report, &error, sizeof error);
    _exit(127);
  };
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != image.parent) _exit(127);  // it ended before the line above took effect
  if (dup2(image.in, STDIN_FILENO) < 0 || dup2(image.out, STDOUT_FILENO) < 0) fail();
  if (image.err >= 0 && dup2(image.err, STDERR_FILENO) < 0) fail();
  syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);  // whatever a library forgot to mark
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (image.memory_limit != RLIM_INFINITY) {
    rlimit memory = {image.memory_limit, image.memory_limit};
    if (setrlimit(RLIMIT_DATA, &memory) != 0) fail();
  }
  if (!image.working_folder.empty() && chdir(image.working_folder.c_str()) != 0) fail();
  execve(image.program.c_str(), image.arguments.data(), image.environment.data());
  fail();
  _exit(127);
}

// Forks on a thread that never ends (child.h says why).
class SpawnThread {
 public:
  SpawnThread() {
    std::thread([this] { Serve(); }).detach();
  }

  // The child's id, or -errno.
  pid_t Fork(const Image& image) {
    std::lock_guard<std::mutex> one_at_a_time(callers_);
    std::unique_lock<std::mutex> lock(mutex_);
    image_ = &image;
    changed_.notify_all();
    changed_.wait(lock, [this] { return image_ == nullptr; });
    return answer_;
  }

 private:
  void Serve() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return image_ != nullptr; });
      pid_t pid = fork();
      if (pid == 0) BecomeProgram(*image_);
      answer_ = pid < 0 ? -errno : pid;
      image_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex callers_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const Image* image_ = nullptr;
  pid_t answer_ = -1;
};

// One a process: a fork of ours has no such thread and makes its own.  Never destroyed: it runs until all is gone.
SpawnThread& TheSpawnThread() {
  static std::mutex mutex;
  static SpawnThread* thread = nullptr;
  static pid_t owner = -1;
  std::lock_guard<std::mutex> lock(mutex);
  if (owner != getpid()) {
    thread = new SpawnThread;
    owner = getpid();
  }
  return *thread;
}

// The pipes of one child.  Closes what was not taken, so that no early exit leaks a descriptor.
class Pipes {
 public:
  ~Pipes() {
    for (int fd : fds_) {
      if (fd >= 0) close(fd);
    }
  }
  // Returns {read end, write end}, both closed on exec.
  std::pair<int, int> Make() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw UserError(std::string("cannot make a pipe: ") + std::strerror(errno));
    fds_.insert(fds_.end(), {ends[0], ends[1]});
    return {ends[0], ends[1]};
  }
  // Hands our end over to the caller, non-blocking and large.
  int Take(int fd) {
    for (int& owned : fds_) {
      if (owned == fd) owned = -1;
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETPIPE_SZ, kPipeBytes);
    return fd;
  }
  void Close(int fd) {
    for (int& owned : fds_) {
      if (owned == fd) owned = -1;
    }
    close(fd);
  }

 private:
  std::vector<int> fds_;
};

// 0, or the errno with which the child failed before it became the program.
int ReadReport(int fd) {
  int error = 0;
  ssize_t got;
  do {
    got = read(fd, &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  return got == sizeof error ? error : 0;
}

}  // namespace

Spawned Spawn(const ProcessOptions& options) {
  Image image = MakeImage(options);
  Pipes pipes;
  auto [in_read, in_write] = pipes.Make();
  auto [out_read, out_write] = pipes.Make();
  auto [report_read, report_write] = pipes.Make();
  image.in = in_read;
  image.out = out_write;
  image.report = report_write;
  Spawned spawned;
  if (options.keep_stderr) {
    auto [err_read, err_write] = pipes.Make();
    image.err = err_write;
    spawned.err = err_read;
  }
  spawned.pid = TheSpawnThread().Fork(image);
  pipes.Close(report_write);
  int error = spawned.pid < 0 ? -spawned.pid : ReadReport(report_read);
  if (error) {
    if (spawned.pid > 0) waitpid(spawned.pid, nullptr, 0);
    throw UserError("cannot start " + options.command[0] + ": " + std::strerror(error));
  }
  spawned.in = pipes.Take(in_write);
  spawned.out = pipes.Take(out_read);
  if (spawned.err >= 0) spawned.err = pipes.Take(spawned.err);
  return spawned;
}

}  // namespace drtriton
