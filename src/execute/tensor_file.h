// Reads and writes `.tensors` files (docs/formats.md): raw tensors with their strides behind a one-line JSON header.
//
// Knows nothing of libtorch.  A TensorFile maps its file privately: reading costs no memory until a tensor is touched,
// and nobody's write reaches the file.
#ifndef DRTRITON_EXECUTE_TENSOR_FILE_H_
#define DRTRITON_EXECUTE_TENSOR_FILE_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"

namespace drtriton {

// One tensor of a file.  `bytes` is the storage from the view's first element to its last.
struct StoredTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;
  Shape strides;                       // elements
  std::span<const std::byte> bytes;    // StorageExtent(shape, strides) elements
};

// A mapped file.  The spans of `tensors()` live as long as it does.  Immutable, so any thread may read it.
class TensorFile {
 public:
  // Trusts nothing: throws UserError naming the path and what is wrong (missing, not a tensor file, cut off, a tensor
  // whose bytes do not fit its shape).
  explicit TensorFile(const std::filesystem::path& path);
  ~TensorFile();
  TensorFile(const TensorFile&) = delete;
  TensorFile& operator=(const TensorFile&) = delete;

  const std::vector<StoredTensor>& tensors() const { return tensors_; }
  const StoredTensor* Find(std::string_view name) const;   // nullptr when there is none

 private:
  void ReadHeader(const std::filesystem::path& path);

  void* mapping_ = nullptr;
  size_t mapped_bytes_ = 0;
  std::vector<StoredTensor> tensors_;
};

// Replaces `path` by a file with these tensors, atomically.  Throws UserError naming the path and the system's reason.
void WriteTensorFile(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_TENSOR_FILE_H_
