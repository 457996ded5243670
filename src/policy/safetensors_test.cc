#include "policy/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

std::string Complaint(const std::filesystem::path& path) {
  try {
    SafetensorsFile file(path);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::string WithHeader(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

TEST(SafetensorsTest, RoundTrip) {
  const ScratchFolder folder;
  const auto path = folder.path() / "model.safetensors";
  const std::vector<float> a = {1, 2, 3, 4, 5, 6};
  const std::vector<uint16_t> b = {7, 8};
  WriteSafetensors(path, {{"a", "F32", {2, 3}, std::as_bytes(std::span(a))}, {"b", "BF16", {2}, std::as_bytes(std::span(b))}});
  const SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.tensors()[0].name, "a");
  EXPECT_EQ(file.tensors()[0].shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(file.tensors()[0].bytes.data(), a.data(), 24), 0);
  EXPECT_EQ(file.tensors()[1].dtype, "BF16");
  EXPECT_EQ(std::memcmp(file.tensors()[1].bytes.data(), b.data(), 4), 0);
}

TEST(SafetensorsTest, SaysWhatIsWrong) {
  const ScratchFolder folder;
  const auto path = folder.path() / "model.safetensors";
  EXPECT_NE(Complaint(path).find("cannot read"), std::string::npos);
  const std::pair<std::string, const char*> cases[] = {
      {"", "cut off"},
      {std::string(8, '\x7f'), "does not begin with"},
      {WithHeader("{}", "").substr(0, 9), "cut off"},
      {WithHeader("[]", ""), "no JSON object"},
      {WithHeader(R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})", "1234"), "x is cut off"},
      {WithHeader(R"({"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}})", "1234"), "do not fit the shape"},
      {WithHeader(R"({"x": {"dtype": "I64", "shape": [2], "data_offsets": [0, 16]}})", "1234"), "weights are F32"},
      {WithHeader(R"({"x": {"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}})", "1234"), "out of range"},
      {WithHeader(R"({"x": {"dtype": "F32", "shape": [1099511627776, 1099511627776], "data_offsets": [0, 8]}})", ""), "too large"},
      {WithHeader(R"({"x": {"dtype": "F32", "shape": [1]}})", "1234"), "data_offsets is missing"},
  };
  for (const auto& [bytes, mention] : cases) {
    WriteFileAtomically(path, bytes);
    EXPECT_NE(Complaint(path).find(mention), std::string::npos) << mention << ": " << Complaint(path);
    EXPECT_NE(Complaint(path).find(path.string()), std::string::npos) << Complaint(path);
  }
}

}  // namespace
}  // namespace drtriton
