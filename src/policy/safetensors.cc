#include "policy/safetensors.h"

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_reader.h"

namespace drtriton {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kLongestHeader = size_t{100} << 20;  // the format's own limit
constexpr int64_t kMostElements = int64_t{1} << 40;

UserError BrokenSafetensors(const std::filesystem::path& path, const std::string& what) {
  return UserError(path.string() + " is no usable safetensors file: " + what);
}

int64_t ElementSize(const JsonReader& dtype) {
  if (dtype.String() == "F32") return 4;
  if (dtype.String() == "BF16") return 2;
  dtype.Fail("is " + dtype.String() + ", but weights are F32 or BF16");
}

int64_t ElementsOf(const JsonReader& shape, const std::vector<int64_t>& sizes) {
  int64_t elements = 1;
  for (const int64_t size : sizes) {
    if (__builtin_mul_overflow(elements, size, &elements) || elements > kMostElements) shape.Fail("is too large");
  }
  return elements;
}

SafeTensor ReadSafeTensor(const std::string& name, const JsonReader& entry, std::span<const std::byte> data) {
  SafeTensor tensor;
  tensor.name = name;
  tensor.dtype = entry.At("dtype").String();
  tensor.shape = entry.At("shape").Ints(0, kMostElements);
  const int64_t bytes = ElementsOf(entry.At("shape"), tensor.shape) * ElementSize(entry.At("dtype"));
  const JsonReader offsets = entry.At("data_offsets");
  const int64_t begin = offsets.At(size_t{0}).Int(0);
  const int64_t end = offsets.At(1).Int(begin);
  if (end - begin != bytes) offsets.Fail("do not fit the shape");
  if (end > static_cast<int64_t>(data.size())) throw UserError(entry.path() + " is cut off");
  tensor.bytes = data.subspan(static_cast<size_t>(begin), static_cast<size_t>(bytes));
  return tensor;
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : file_(path) {
  const auto bytes = file_.bytes();
  uint64_t length = 0;
  if (bytes.size() < kLengthBytes) throw BrokenSafetensors(path, "it is cut off");
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > kLongestHeader) throw BrokenSafetensors(path, "it does not begin with a header's length");
  if (length > bytes.size() - kLengthBytes) throw BrokenSafetensors(path, "it is cut off");
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + kLengthBytes;
  const Json header = Json::parse(text, text + length, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) throw BrokenSafetensors(path, "its header is no JSON object");
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    tensors_.push_back(ReadSafeTensor(name, JsonReader(entry, path.string() + ": " + name), bytes.subspan(kLengthBytes + length)));
  }
}

void WriteSafetensors(const std::filesystem::path& path, const std::vector<SafeTensor>& tensors) {
  Json header = {{"__metadata__", {{"format", "pt"}}}};
  size_t end = 0;
  for (const SafeTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {end, end + tensor.bytes.size()}}};
    end += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');  // so that tensors are aligned
  const uint64_t length = text.size();
  FileDraft draft(path);
  draft.Append({reinterpret_cast<const char*>(&length), kLengthBytes});
  draft.Append(text);
  for (const SafeTensor& tensor : tensors) draft.Append({reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()});
  draft.Commit();
}

}  // namespace drtriton
