#include "synth/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "graph/program_json.h"
#include "graph/program_python.h"
#include "synth/random_program.h"

namespace drtriton {
namespace {

std::string TextOf(const Program& program) {
  std::string text;
  AppendProgramJson(text, program);
  return text;
}

TEST(JsonText, EqualsTheGeneralPrinter) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 50; ++i) {
    const Program program = RandomProgram(random, 1 + i % 7);
    ASSERT_EQ(TextOf(program), ToJson(program).dump());
  }
}

TEST(JsonText, EqualsTheGeneralPrinterForAllKindsOfArguments) {
  const char* const text = R"(# model on cpu
def forward(x, i, *, w):
    # x: f32[2, 3]{1, 2}
    # i: i64[2]
    # w: f32[3] parameter 'w.weight'
    a = F.gelu(x, approximate='tanh')  # f32[2, 3]
    b = torch.einsum('mk,k->m', a, w)  # f32[2]
    c = F.leaky_relu(b, 1e-05)  # f32[2]
    d = torch.cat([c, b])  # f32[4]
    e = d.to(torch.bfloat16)  # bf16[4]
    f, _ = torch.max(x, dim=1)  # f32[2], _
    g = torch.linalg.vector_norm(x, ord=float('inf'))  # f32[]
    return [e, f, (g, i)]
)";
  const Program program = ParseFlatText(text);
  EXPECT_EQ(TextOf(program), ToJson(program).dump());
}

TEST(JsonText, EscapesStrings) {
  for (const std::string text : {"plain", "two\nlines\t\"quoted\" \\ \x01", "naïve", ""}) {
    std::string written;
    AppendJsonString(written, text);
    EXPECT_EQ(nlohmann::json::parse(written).get<std::string>(), text);
  }
}

}  // namespace
}  // namespace drtriton
