// Sealed files: one line of JSON that says what the file is, then raw bytes, all under one checksum.  Token files, weight
// shards and checkpoints are sealed files (docs/formats.md).
//
// The line is {"format": ..., the caller's members, "bytes": n, "sha256": ...}, filled up with spaces so that the n bytes
// behind its newline begin at a multiple of 64.  The checksum is that of the line without "sha256" followed by the
// hexadecimal SHA-256 of the bytes, so that a change anywhere is seen.
#ifndef DRTRITON_POLICY_SEALED_FILE_H_
#define DRTRITON_POLICY_SEALED_FILE_H_

#include <cstddef>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/mapped_file.h"

namespace drtriton {

// A sealed file that was found whole.  Movable; payload() lives as long as it does.
class SealedFile {
 public:
  // `format` is what the header's "format" has to be; `kind` is what sentences call such a file ("token file").  Throws
  // UserError, one sentence naming the path: missing, not of this format, cut off, damaged.
  SealedFile(const std::filesystem::path& path, std::string_view format, std::string_view kind);

  const Json& header() const { return header_; }
  std::span<const std::byte> payload() const { return payload_; }

 private:
  MappedFile file_;
  Json header_;
  std::span<const std::byte> payload_;
};

// Replaces `path` by a sealed file, atomically.  `members` is an object without "format", "bytes", "sha256".  Throws
// UserError naming the path and the system's reason; nothing is left behind then.
void WriteSealedFile(const std::filesystem::path& path, std::string_view format, const Json& members,
                     std::string_view payload);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_SEALED_FILE_H_
