// A tensor file that a candidate's worker wrote.
#include "execute/tensor_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace drtriton;
  static const int file = memfd_create("tensors", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  Demand(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  MayRefuse([&] {
    TensorFile tensors(path);
    unsigned sum = 0;
    for (const StoredTensor& tensor : tensors.tensors()) {
      for (std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
      tensors.Find(tensor.name);
    }
    static volatile unsigned sink;
    sink = sum;
  });
  return 0;
}
