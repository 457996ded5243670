// Safetensors files, as Hugging Face's library reads and writes them: a 64-bit length, that many bytes of JSON, then the
// tensors' bytes.  No torch here.
#ifndef DRTRITON_POLICY_SAFETENSORS_H_
#define DRTRITON_POLICY_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"

namespace drtriton {

// One tensor: contiguous, row-major, little-endian.
struct SafeTensor {
  std::string name;
  std::string dtype;                  // "F32" or "BF16"
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;   // owned by whoever made it
};

// A mapped file.  The tensors' bytes live as long as it does.  Immutable: any thread may read it.
class SafetensorsFile {
 public:
  // Trusts nothing: throws UserError naming the path and what is wrong (missing, no such file, cut off, a tensor whose
  // bytes do not fit its shape).  Element types other than F32 and BF16 are refused.
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::vector<SafeTensor>& tensors() const { return tensors_; }

 private:
  MappedFile file_;
  std::vector<SafeTensor> tensors_;
};

// Replaces `path` by a file with these tensors, atomically.  Throws UserError naming the path and the system's reason.
void WriteSafetensors(const std::filesystem::path& path, const std::vector<SafeTensor>& tensors);

}  // namespace drtriton

#endif  // DRTRITON_POLICY_SAFETENSORS_H_
