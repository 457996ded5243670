#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "base/error.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const char* verb, const fs::path& path, int error) {
  throw UserError(std::string("cannot ") + verb + " " + path.string() + ": " + std::strerror(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Returns 0 or errno.
int WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

// A device or a pipe (/dev/stdout, /dev/null) is written in place: renaming over it would destroy it.
bool IsWrittenInPlace(const fs::path& path) {
  std::error_code error;
  fs::file_status status = fs::status(path, error);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

fs::path FolderOf(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// Where a symbolic link leads, so that a write keeps the link.  `path` itself where there is none (or it dangles).
fs::path Target(const fs::path& path) {
  std::error_code error;
  fs::path target = fs::canonical(path, error);
  return error ? path : target;
}

const char* Environment(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

}  // namespace

std::string ReadFile(const fs::path& path) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status;
  if (file.get() < 0 || fstat(file.get(), &status) != 0) Fail("read", path, errno);
  if (S_ISDIR(status.st_mode)) Fail("read", path, EISDIR);
  std::string bytes;
  bytes.resize(status.st_size > 0 ? static_cast<size_t>(status.st_size) : 0);
  size_t filled = 0;
  while (true) {
    // Room for one byte more than expected: files in /proc claim to be empty, and a file may grow.
    if (filled == bytes.size()) bytes.resize(filled + (filled < 65536 ? 65536 : filled / 2));
    ssize_t got = read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Fail("read", path, errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

FileDraft::FileDraft(fs::path path) : path_(std::move(path)) {
  if (IsWrittenInPlace(path_)) {
    fd_ = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    static std::atomic<int> counter = 0;
    draft_ = Target(path_);
    draft_ += ".draft-" + std::to_string(getpid()) + "-" + std::to_string(counter++);
    fd_ = open(draft_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  if (fd_ < 0) Fail("write", path_, errno);
}

FileDraft::~FileDraft() {
  if (fd_ >= 0) close(fd_);
  if (!draft_.empty()) unlink(draft_.c_str());
}

void FileDraft::Append(std::string_view bytes) {
  if (const int error = WriteAll(fd_, bytes)) Fail("write", path_, error);
}

void FileDraft::Commit() {
  if (close(std::exchange(fd_, -1)) != 0) Fail("write", path_, errno);
  if (draft_.empty()) return;
  if (rename(draft_.c_str(), Target(path_).c_str()) != 0) Fail("write", path_, errno);
  draft_.clear();
}

void WriteFileAtomically(const fs::path& path, std::string_view bytes) {
  FileDraft draft(path);
  draft.Append(bytes);
  draft.Commit();
}

void RequireWritable(const fs::path& path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) Fail("write", path, EISDIR);
    if (access(path.c_str(), W_OK) != 0) Fail("write", path, errno);
    if (!S_ISREG(status.st_mode)) return;
  } else if (errno != ENOENT) {
    Fail("write", path, errno);
  }
  fs::path folder = FolderOf(Target(path));
  if (access(folder.c_str(), W_OK | X_OK) != 0) Fail("write", path, errno);
}

ScratchFolder::ScratchFolder(std::string_view prefix) {
  const char* base = Environment("TMPDIR");
  std::string name = std::string(base ? base : "/tmp") + "/" + std::string(prefix) + "-XXXXXX";
  if (!mkdtemp(name.data())) throw UserError("cannot make a temporary folder " + name + ": " + std::strerror(errno));
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path ExecutableFolder() {
  std::error_code error;
  fs::path executable = fs::read_symlink("/proc/self/exe", error);
  Require(!error, "cannot read /proc/self/exe");
  return executable.parent_path();
}

fs::path PythonFolder() {
  // A build folder outside the checkout names the checkout in DRTRITON_SOURCE; so do the tests.
  if (const char* source = Environment("DRTRITON_SOURCE")) return fs::path(source) / "python";
  fs::path folder = ExecutableFolder();
  for (int level = 0; level < 4 && folder.has_relative_path(); ++level, folder = folder.parent_path()) {
    if (fs::exists(folder / "python" / "drtriton")) return folder / "python";
  }
  throw UserError("no folder python/drtriton above " + ExecutableFolder().string() +
                      "; set DRTRITON_SOURCE to the root of the checkout",
                  ExitStatus::kSetUpFailed);
}

fs::path CacheFolder() {
  fs::path folder;
  if (const char* own = Environment("DRTRITON_CACHE")) {
    folder = own;
  } else if (const char* shared = Environment("XDG_CACHE_HOME")) {
    folder = fs::path(shared) / "drtriton";
  } else if (const char* home = Environment("HOME")) {
    folder = fs::path(home) / ".cache" / "drtriton";
  } else {
    throw UserError("no folder for the cache: set DRTRITON_CACHE or HOME", ExitStatus::kSetUpFailed);
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw UserError("cannot make the cache folder " + folder.string() + ": " + error.message());
  return folder;
}

}  // namespace drtriton
