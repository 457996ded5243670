#include "execute/tensor_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

std::span<const std::byte> Bytes(const std::vector<float>& values) { return std::as_bytes(std::span(values)); }

TEST(TensorFileTest, RoundTripKeepsStridesAndBytes) {
  const ScratchFolder folder;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  WriteTensorFile(folder.path() / "a.tensors", {{"x", DType::kFloat32, {2, 3}, {1, 2}, Bytes(values)},
                                                {"empty", DType::kInt64, {0, 4}, {4, 1}, {}},
                                                {"y", DType::kFloat32, {5}, {1}, Bytes(values).first(20)}});
  const TensorFile file(folder.path() / "a.tensors");
  ASSERT_EQ(file.tensors().size(), 3u);
  const StoredTensor* x = file.Find("x");
  ASSERT_NE(x, nullptr);
  EXPECT_EQ(x->strides, (Shape{1, 2}));
  EXPECT_TRUE(std::equal(x->bytes.begin(), x->bytes.end(), Bytes(values).begin()));
  EXPECT_EQ(file.Find("y")->bytes.size(), 20u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.Find("y")->bytes.data()) % 256, 0u);
  EXPECT_EQ(file.Find("z"), nullptr);
}

TEST(TensorFileTest, RefusesWhatIsNoTensorFile) {
  const ScratchFolder folder;
  const std::string padding(4096, ' ');
  const auto entry = [&](const std::string& members) {
    return R"({"format": "drtriton.tensors/1", "tensors": [{"name": "x", "dtype": "float32", )" + members + "}]}" + padding + "\n";
  };
  const std::vector<std::string> hostile = {
      "", "no newline", "{}\n", "not json\n", R"({"format": "other"})" "\n", R"({"format": 3})" "\n",
      entry(R"("shape": [4], "strides": [1], "offset": 0, "bytes": 16)"),                     // cut off
      entry(R"("shape": [4], "strides": [1, 1], "offset": 0, "bytes": 16)"),                  // ranks differ
      entry(R"("shape": [-4], "strides": [1], "offset": 0, "bytes": 16)"),                    // negative
      entry(R"("shape": [281474976710656, 281474976710656], "strides": [281474976710656, 1], "offset": 0, "bytes": 4)"),
      entry(R"("shape": "four")"),
  };
  for (const std::string& text : hostile) {
    const auto path = folder.path() / "bad.tensors";
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_THROW(TensorFile{path}, UserError) << text.substr(0, 80);
  }
  EXPECT_THROW(TensorFile(folder.path() / "missing.tensors"), UserError);
  EXPECT_THROW(TensorFile(folder.path()), UserError);
}

TEST(TensorFileTest, WriteNamesThePathThatFails) {
  try {
    WriteTensorFile("/nonexistent/folder/x.tensors", {});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/folder/x.tensors"), std::string::npos);
  }
}

}  // namespace
}  // namespace drtriton
