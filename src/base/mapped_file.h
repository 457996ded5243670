// A whole file as read-only memory: reading costs nothing until a page is touched.
#ifndef DRTRITON_BASE_MAPPED_FILE_H_
#define DRTRITON_BASE_MAPPED_FILE_H_

#include <cstddef>
#include <filesystem>
#include <span>

namespace drtriton {

// Owns the mapping; spans of it live as long as it does.  Movable; any thread may read it.  The file must not be cut
// short meanwhile (files here are replaced by rename, which leaves the mapped one whole).
class MappedFile {
 public:
  // Throws UserError naming the path and the system's reason (missing, a folder, no permission).  An empty file is
  // an empty span.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(memory_), size_}; }

 private:
  void* memory_ = nullptr;
  size_t size_ = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_BASE_MAPPED_FILE_H_
