// Files, whole and atomic.  Every write goes to a temporary neighbour that is renamed over the target, so that a reader
// (or a rerun after kill -9) sees the old file or the new one, never half of either.
#ifndef DRTRITON_BASE_FILE_H_
#define DRTRITON_BASE_FILE_H_

#include <filesystem>
#include <string>
#include <string_view>

namespace drtriton {

// The whole file as bytes.  Throws UserError naming the path and the system's reason (missing, a folder, no
// permission).
std::string ReadFile(const std::filesystem::path& path);

// Replaces `path` by `bytes` atomically.  Throws UserError naming the path and the reason; nothing is left behind then.
void WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes);

// The same for bytes that come piece by piece: they go to the neighbour, which Commit() renames.  Without Commit() the
// destructor removes it.  Each method throws UserError naming the path and the reason.
class FileDraft {
 public:
  explicit FileDraft(std::filesystem::path path);
  ~FileDraft();
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;
  void Append(std::string_view bytes);
  void Commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path draft_;  // empty for a device or a pipe, which is written in place
  int fd_ = -1;
};

// Throws UserError unless a file could be written at `path` (its folder exists and is writable, `path` is not a
// folder). Called before long work, so that a bad output path is told at once.
void RequireWritable(const std::filesystem::path& path);

// A folder of this process's own under $TMPDIR (else /tmp), removed with its contents by the destructor.
class ScratchFolder {
 public:
  explicit ScratchFolder(std::string_view prefix = "drtriton");
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Folder holding the running executable, and the folder of our Python package as found from it: `<root>/python` in a
// checkout (binaries in `<root>/build/...`), `<bundle>/python` in a bundle (binaries in `<bundle>/bin`).
std::filesystem::path ExecutableFolder();
std::filesystem::path PythonFolder();

// $XDG_CACHE_HOME/drtriton, else ~/.cache/drtriton; DRTRITON_CACHE overrides both.  Created when missing.
std::filesystem::path CacheFolder();

}  // namespace drtriton

#endif  // DRTRITON_BASE_FILE_H_
