#include "synth/canonical.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "graph/program_python.h"
#include "synth/random_program.h"

namespace drtriton {
namespace {

uint64_t Seed() {
  const char* const text = std::getenv("DRTRITON_SEED");
  const uint64_t seed = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
  testing::Test::RecordProperty("seed", std::to_string(seed));
  return seed;
}

TEST(Canonical, OrderAndNamesDoNotCount) {
  const uint64_t seed = Seed();
  std::mt19937_64 random(seed);
  for (int i = 0; i < 2000; ++i) {
    const Program program = RandomProgram(random, 1 + i % 9);
    program.Validate();
    const Program other = Shuffled(program, random);
    other.Validate();
    ASSERT_EQ(CanonicalForm(program), CanonicalForm(other))
        << "seed " << seed << ", program " << i << "\n" << FlatText(program) << FlatText(other);
  }
}

// A program in which node i reads and the leaves are listed in the given orders; what a pair of isomorphic programs has
// equal under the right orders.
std::string Listing(const Program& program, const std::vector<size_t>& nodes, const std::vector<size_t>& leaves) {
  std::vector<std::string> names(program.values.size());
  const std::vector<ValueId> all = program.Leaves();
  std::string text;
  for (size_t i = 0; i < leaves.size(); ++i) {
    const Value& leaf = program.value(all[leaves[i]]);
    names[static_cast<size_t>(all[leaves[i]])] = "l" + std::to_string(i);
    text += std::to_string(static_cast<int>(leaf.kind)) + ";";
  }
  for (size_t i = 0; i < nodes.size(); ++i) {
    names[static_cast<size_t>(program.nodes[nodes[i]].outputs[0])] = "n" + std::to_string(i);
  }
  for (const size_t n : nodes) {
    text += program.nodes[n].op;
    for (const Attr& arg : program.nodes[n].args) {
      text += arg.IsValue() ? " " + names[static_cast<size_t>(arg.AsValue())] : " " + std::to_string(arg.AsDouble());
    }
    text += ";";
  }
  return text;
}

// By trying every order.
bool AreIsomorphic(const Program& a, const Program& b) {
  if (a.nodes.size() != b.nodes.size() || a.Leaves().size() != b.Leaves().size()) return false;
  std::vector<size_t> nodes(a.nodes.size()), leaves(a.Leaves().size());
  std::iota(nodes.begin(), nodes.end(), 0);
  std::iota(leaves.begin(), leaves.end(), 0);
  const std::string listing = Listing(a, nodes, leaves);
  do {
    std::vector<size_t> order = leaves;
    do {
      if (Listing(b, nodes, order) == listing) return true;
    } while (std::next_permutation(order.begin(), order.end()));
  } while (std::next_permutation(nodes.begin(), nodes.end()));
  return false;
}

TEST(Canonical, EqualExactlyWhereIsomorphic) {
  const uint64_t seed = Seed();
  std::mt19937_64 random(seed);
  std::map<std::string, std::vector<Program>> by_form;
  for (int i = 0; i < 300; ++i) {
    const Program program = RandomProgram(random, 3);
    by_form[CanonicalForm(program)].push_back(program);
  }
  EXPECT_GT(by_form.size(), 50u);
  EXPECT_LT(by_form.size(), 300u);
  for (const auto& [form, programs] : by_form) {
    for (const Program& program : programs) {
      EXPECT_TRUE(AreIsomorphic(programs[0], program)) << "seed " << seed << "\n" << FlatText(program);
    }
    for (const auto& [other_form, others] : by_form) {
      if (form == other_form) continue;
      EXPECT_FALSE(AreIsomorphic(programs[0], others[0]))
          << "seed " << seed << "\n" << FlatText(programs[0]) << FlatText(others[0]);
    }
  }
}

// What a one-node program of x: f32[2, 3] looks like with `call` in it.
std::string FormOf(const std::string& leaves, const std::string& call, Detail detail = Detail::kWhole) {
  return CanonicalForm(ParseFlatText("# model on cpu\ndef forward(x):\n" + leaves + call + "\n    return y\n"), detail);
}

TEST(Canonical, MeaningOfAttributesCounts) {
  const std::string x = "    # x: f32[2, 3]\n";
  const auto form = [&](const std::string& call) { return FormOf(x, "    y = " + call); };
  EXPECT_EQ(form("F.softmax(x, dim=-1)  # f32[2, 3]"), form("F.softmax(x, dim=1)  # f32[2, 3]"));
  EXPECT_NE(form("F.softmax(x, dim=-1)  # f32[2, 3]"), form("F.softmax(x, dim=0)  # f32[2, 3]"));
  EXPECT_EQ(form("x.unsqueeze(-1)  # f32[2, 3, 1]"), form("x.unsqueeze(2)  # f32[2, 3, 1]"));
  EXPECT_NE(form("F.elu(x, 0.5)  # f32[2, 3]"), form("F.elu(x, 0.25)  # f32[2, 3]"));
  EXPECT_EQ(form("F.elu(x, 1.0)  # f32[2, 3]"), form("F.elu(x)  # f32[2, 3]"));
}

TEST(Canonical, ShapesDetailLeavesDTypesAndStridesOut) {
  const std::string a = "    # x: f32[2, 3]\n", b = "    # x: bf16[2, 3]\n", c = "    # x: f32[2, 3]{1, 2}\n";
  const std::string f = "    y = F.relu(x)  # f32[2, 3]", g = "    y = F.relu(x)  # bf16[2, 3]";
  EXPECT_EQ(FormOf(a, f, Detail::kShapes), FormOf(b, g, Detail::kShapes));
  EXPECT_EQ(FormOf(a, f, Detail::kShapes), FormOf(c, f, Detail::kShapes));
  EXPECT_NE(FormOf(a, f), FormOf(b, g));
  EXPECT_NE(FormOf(a, f), FormOf(c, f));
  EXPECT_NE(FormOf("    # x: f32[3, 2]\n", "    y = F.relu(x)  # f32[3, 2]", Detail::kShapes), FormOf(a, f, Detail::kShapes));
}

TEST(Canonical, ManyEqualResultsAreStillTold) {
  std::string text = "# model on cpu\ndef forward(x):\n    # x: f32[2]\n", results;
  for (int i = 0; i < 40; ++i) {
    text += "    v" + std::to_string(i) + " = F.relu(x)  # f32[2]\n";
    results += (i > 0 ? ", v" : "v") + std::to_string(i);
  }
  const Program program = ParseFlatText(text + "    return (" + results + ")\n");
  EXPECT_EQ(CanonicalId(program), CanonicalId(program));
  EXPECT_EQ(CanonicalId(program).size(), 32u);
}

}  // namespace
}  // namespace drtriton
