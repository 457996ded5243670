#include "execute/tensor_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace drtriton {
namespace {

constexpr std::string_view kFormat = "drtriton.tensors/1";
constexpr int64_t kHeaderAlignment = 4096;
constexpr int64_t kTensorAlignment = 256;
constexpr int64_t kLargestSize = int64_t{1} << 48;  // of any dimension, stride or offset we believe in

int64_t RoundUp(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

UserError Broken(const std::filesystem::path& path, const std::string& what) {
  return UserError(path.string() + " is not a usable tensor file: " + what);
}

Shape ReadShape(const Json& json, const char* member) {
  Shape shape;
  for (const Json& size : json.at(member)) {
    shape.push_back(size.get<int64_t>());
    if (shape.back() < 0 || shape.back() > kLargestSize) throw std::out_of_range(member);
  }
  return shape;
}

// StorageExtent() that cannot overflow on a hostile header; -1 when it would.
int64_t CheckedExtent(const Shape& shape, const Shape& strides) {
  int64_t last = 0;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return 0;
    int64_t step = 0;
    if (__builtin_mul_overflow(shape[i] - 1, strides[i], &step) || step > kLargestSize - last) return -1;
    last += step;
  }
  return last + 1;
}

StoredTensor ReadEntry(const Json& entry, std::span<const std::byte> data) {
  StoredTensor tensor;
  tensor.name = entry.at("name").get<std::string>();
  const auto dtype = DTypeFromName(entry.at("dtype").get<std::string>());
  if (!dtype) throw std::out_of_range("dtype");
  tensor.dtype = *dtype;
  tensor.shape = ReadShape(entry, "shape");
  tensor.strides = ReadShape(entry, "strides");
  if (tensor.shape.size() != tensor.strides.size()) throw std::out_of_range("strides");
  const int64_t extent = CheckedExtent(tensor.shape, tensor.strides);
  const int64_t offset = entry.at("offset").get<int64_t>();
  const int64_t bytes = entry.at("bytes").get<int64_t>();
  if (extent < 0 || bytes != extent * ElementBytes(*dtype)) throw std::out_of_range("bytes");
  const int64_t available = static_cast<int64_t>(data.size());
  if (offset < 0 || offset % kTensorAlignment != 0 || bytes > available || offset > available - bytes) {
    if (bytes > 0) throw std::out_of_range("offset");
    return tensor;
  }
  tensor.bytes = data.subspan(static_cast<size_t>(offset), static_cast<size_t>(bytes));
  return tensor;
}

Json HeaderEntry(const StoredTensor& tensor, int64_t offset) {
  return {{"name", tensor.name},       {"dtype", std::string(Name(tensor.dtype))},
          {"shape", tensor.shape},     {"strides", tensor.strides},
          {"offset", offset},          {"bytes", static_cast<int64_t>(tensor.bytes.size())}};
}

void Pad(std::ofstream& out, int64_t count) {
  static constexpr char kZeros[kHeaderAlignment] = {};
  out.write(kZeros, count);
}

}  // namespace

TensorFile::TensorFile(const std::filesystem::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw UserError("cannot read " + path.string() + ": " + std::strerror(errno));
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
    close(fd);
    throw Broken(path, "it is empty or no plain file");
  }
  mapped_bytes_ = static_cast<size_t>(status.st_size);
  mapping_ = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
  close(fd);
  if (mapping_ == MAP_FAILED) {
    mapping_ = nullptr;
    throw UserError("cannot map " + path.string() + ": " + std::strerror(errno));
  }
  try {
    ReadHeader(path);
  } catch (...) {
    munmap(mapping_, mapped_bytes_);
    throw;
  }
}

TensorFile::~TensorFile() { munmap(mapping_, mapped_bytes_); }

void TensorFile::ReadHeader(const std::filesystem::path& path) {
  const std::span<const std::byte> whole(static_cast<const std::byte*>(mapping_), mapped_bytes_);
  const auto* text = reinterpret_cast<const char*>(whole.data());
  const auto* newline = static_cast<const char*>(std::memchr(text, '\n', whole.size()));
  if (newline == nullptr) throw Broken(path, "it has no header line");
  const int64_t start = RoundUp(newline - text + 1, kHeaderAlignment);
  const auto data = start < static_cast<int64_t>(whole.size()) ? whole.subspan(static_cast<size_t>(start))
                                                               : std::span<const std::byte>();
  const Json header = Json::parse(text, newline, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object() || !header.contains("format") || header["format"] != kFormat) throw Broken(path, "its first line is no header");
  try {
    for (const Json& entry : header.at("tensors")) tensors_.push_back(ReadEntry(entry, data));
  } catch (const std::exception& error) {
    throw Broken(path, "tensor " + std::to_string(tensors_.size()) + ": " + error.what());
  }
}

const StoredTensor* TensorFile::Find(std::string_view name) const {
  for (const StoredTensor& tensor : tensors_) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

void WriteTensorFile(const std::filesystem::path& path, const std::vector<StoredTensor>& tensors) {
  std::vector<int64_t> offsets;
  Json entries = Json::array();
  int64_t end = 0;
  for (const StoredTensor& tensor : tensors) {
    offsets.push_back(RoundUp(end, kTensorAlignment));
    entries.push_back(HeaderEntry(tensor, offsets.back()));
    end = offsets.back() + static_cast<int64_t>(tensor.bytes.size());
  }
  const std::string header = Json{{"format", kFormat}, {"tensors", std::move(entries)}}.dump() + "\n";
  const std::filesystem::path unfinished = path.string() + "." + std::to_string(getpid()) + ".unfinished";
  std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
  out << header;
  Pad(out, RoundUp(static_cast<int64_t>(header.size()), kHeaderAlignment) - static_cast<int64_t>(header.size()));
  int64_t written = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Pad(out, offsets[i] - written);
    out.write(reinterpret_cast<const char*>(tensors[i].bytes.data()), static_cast<std::streamsize>(tensors[i].bytes.size()));
    written = offsets[i] + static_cast<int64_t>(tensors[i].bytes.size());
  }
  out.close();
  std::error_code problem;
  if (out) std::filesystem::rename(unfinished, path, problem);
  if (!out || problem) {
    std::filesystem::remove(unfinished, problem);
    throw UserError("cannot write " + path.string());
  }
}

}  // namespace drtriton
