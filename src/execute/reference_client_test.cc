// The reference process end to end on a CPU.
#include "execute/reference_client.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "execute/tensor_file.h"
#include "execute/test_programs.h"

namespace drtriton {
namespace {

constexpr int64_t kElements = 1000;

class ReferenceClientTest : public testing::Test {
 protected:
  ReferenceClientTest() : values_(MakeAddReluValues(kElements, 5)), program_(AddReluProgram(kElements, "cpu")), client_() {
    WriteAddRelu(Path("values"), values_);
  }
  std::filesystem::path Path(const std::string& name) const { return folder_.path() / (name + ".tensors"); }

  // What a right kernel would write for a set.
  std::vector<float> RightResult(int problem, size_t set) {
    client_.Ask({{"cmd", "write_inputs"}, {"problem", problem}, {"set", set}, {"tensors", Path("inputs").string()}});
    const TensorFile inputs(Path("inputs"));
    const auto* x = reinterpret_cast<const float*>(inputs.tensors().at(0).bytes.data());
    const auto* y = reinterpret_cast<const float*>(inputs.tensors().at(1).bytes.data());
    std::vector<float> result(kElements);
    for (size_t i = 0; i < result.size(); ++i) result[i] = std::max(x[i] + y[i], 0.0f);
    return result;
  }

  Json Compare(int problem, size_t set, const std::vector<float>& result, Shape shape = {kElements}) {
    WriteTensorFile(Path("outputs"), {{"result0", DType::kFloat32, shape, ContiguousStrides(shape), std::as_bytes(std::span(result))}});
    return client_.Ask({{"cmd", "compare_file"}, {"problem", problem}, {"set", set}, {"tensors", Path("outputs").string()}});
  }

  ScratchFolder folder_;
  AddReluValues values_;
  Program program_;
  ReferenceClient client_;
};

TEST_F(ReferenceClientTest, AgreesWithTheModuleAndTellsWhereItDoesNot) {
  client_.LoadProgram(program_, Path("values"), 0);
  EXPECT_EQ(client_.CheckAgainstModule(), std::nullopt);
  EXPECT_TRUE(client_.CompareResults(Path("values")).at("right").get<bool>());
  values_.result[17] += 1;
  WriteAddRelu(Path("values"), values_);
  client_.LoadProgram(program_, Path("values"), 0);
  const auto difference = client_.CheckAgainstModule();
  ASSERT_TRUE(difference.has_value());
  EXPECT_NE(difference->find("[17]"), std::string::npos) << *difference;
  EXPECT_FALSE(client_.CompareResults(Path("values")).at("right").get<bool>());
}

TEST_F(ReferenceClientTest, RightResultsPassEverySetAndWrongOnesDoNot) {
  client_.LoadProgram(program_, Path("values"), 0);
  const PreparedProblem problem = client_.Prepare(WholeProgram(program_), 3);
  EXPECT_GE(problem.sets.size(), 7u);
  EXPECT_TRUE(problem.weak.empty());
  for (size_t set = 0; set < problem.sets.size(); ++set) {
    std::vector<float> result = RightResult(problem.id, set);
    const Json right = Compare(problem.id, set, result);
    EXPECT_TRUE(right.at("right").get<bool>()) << problem.sets[set] << right.dump();
    result[999] += 1e-3f * (1 + std::fabs(result[999]));
    EXPECT_EQ(Compare(problem.id, set, result).at("code"), "wrong_values") << problem.sets[set];
  }
  client_.Release(problem.id);
}

TEST_F(ReferenceClientTest, ResultsOfAnotherFormAreRefused) {
  client_.LoadProgram(program_, Path("values"), 0);
  const PreparedProblem problem = client_.Prepare(WholeProgram(program_), 3);
  const std::vector<float> result = RightResult(problem.id, 0);
  EXPECT_EQ(Compare(problem.id, 0, result, {10, 100}).at("code"), "wrong_result_shape");
}

TEST_F(ReferenceClientTest, AnUnknownOperatorIsNamed) {
  program_.nodes[1].op = "aten.no_such_operator.default";
  try {
    client_.LoadProgram(program_, Path("values"), 0);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("no_such_operator"), std::string::npos);
  }
}

TEST_F(ReferenceClientTest, AMissingLeafIsNamed) {
  program_.values[1].name = "elsewhere";
  try {
    client_.LoadProgram(program_, Path("values"), 0);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("elsewhere"), std::string::npos);
  }
}

// A comparison decides: 1000 elements of x > y would jump only where they are equal.
TEST_F(ReferenceClientTest, BooleanResultsAreExact) {
  program_.nodes.resize(1);
  program_.values.resize(3);
  program_.nodes[0] = {"aten.gt.Tensor", {ValueRef{0}, ValueRef{1}}, {2}, ""};
  program_.values[2].dtype = DType::kBool;
  program_.result.value = 2;
  client_.LoadProgram(program_, Path("values"), 0);
  const PreparedProblem problem = client_.Prepare(WholeProgram(program_), 3);
  std::vector<std::byte> result(kElements);
  for (size_t i = 0; i < result.size(); ++i) result[i] = std::byte(values_.x[i] > values_.y[i]);
  const auto compare = [&] {
    WriteTensorFile(Path("outputs"), {{"result0", DType::kBool, {kElements}, {1}, result}});
    return client_.Ask({{"cmd", "compare_file"}, {"problem", problem.id}, {"set", 0}, {"tensors", Path("outputs").string()}});
  };
  EXPECT_TRUE(compare().at("right").get<bool>());
  result[500] ^= std::byte(1);
  EXPECT_EQ(compare().at("code"), "wrong_integers");
}

// Ends our own children of that name, as the host would.
int KillReferences() {
  int killed = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "stat");
    std::string pid, command, state, parent;
    file >> pid >> command >> state >> parent;
    if (command.starts_with("(drtriton-refer") && parent == std::to_string(getpid())) killed += kill(std::stoi(name), SIGKILL) == 0;
  }
  return killed;
}

TEST_F(ReferenceClientTest, AProcessThatIsKilledIsReplacedWithAllItKnew) {
  client_.LoadProgram(program_, Path("values"), 0);
  const PreparedProblem released = client_.Prepare(WholeProgram(program_), 2), problem = client_.Prepare(WholeProgram(program_), 3);
  client_.Release(released.id);
  const std::vector<float> result = RightResult(problem.id, 1);
  ASSERT_EQ(KillReferences(), 1);
  EXPECT_EQ(RightResult(problem.id, 1), result);   // the same inputs, to the bit
  ASSERT_EQ(KillReferences(), 1);
  EXPECT_TRUE(Compare(problem.id, 1, result).at("right").get<bool>());
  ASSERT_EQ(KillReferences(), 1);
  EXPECT_EQ(client_.CheckAgainstModule(), std::nullopt);
  ASSERT_EQ(KillReferences(), 1);
  EXPECT_THROW(client_.Ask({{"cmd", "same"}}), ReferenceRestarted);   // of a plan that the new one was never told
  client_.Release(problem.id);
}

}  // namespace
}  // namespace drtriton
