#include "graph/einsum.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

TEST(EinsumTest, ShapesOfEquations) {
  struct Case {
    const char* equation;
    std::vector<Shape> operands;
    Shape shape;
    double products;
  };
  const Case cases[] = {
      {"bij,bjk->bik", {{2, 3, 4}, {2, 4, 5}}, {2, 3, 5}, 120},
      {"ij,jk", {{3, 4}, {4, 5}}, {3, 5}, 60},
      {"ii->i", {{3, 3}}, {3}, 3},
      {"ii", {{3, 3}}, {}, 3},
      {"ba", {{2, 3}}, {3, 2}, 6},
      {"...ij,...jk->...ik", {{7, 2, 3, 4}, {2, 4, 5}}, {7, 2, 3, 5}, 840},
      {"... d, e d -> ... e", {{2, 3, 4}, {5, 4}}, {2, 3, 5}, 120},
      {"i,i->", {{4}, {1}}, {}, 4},
  };
  for (const Case& c : cases) {
    std::string complaint;
    const std::optional<EinsumShape> result = InferEinsum(c.equation, c.operands, &complaint);
    ASSERT_TRUE(result.has_value()) << c.equation << ": " << complaint;
    EXPECT_EQ(result->shape, c.shape) << c.equation;
    EXPECT_EQ(result->products, c.products) << c.equation;
  }
}

TEST(EinsumTest, RefusesWhatDoesNotFit) {
  std::string complaint;
  EXPECT_FALSE(InferEinsum("ij,jk->ik", {{2, 3}, {4, 5}}, &complaint));
  EXPECT_FALSE(InferEinsum("ij->ik", {{2, 3}}, &complaint));
  EXPECT_FALSE(InferEinsum("i1->i", {{2, 3}}, &complaint));
  EXPECT_FALSE(InferEinsum("ij", {{2, 3}, {2, 3}}, &complaint));
  EXPECT_FALSE(InferEinsum("i...j...", {{2, 3}}, &complaint));
  EXPECT_FALSE(InferEinsum("ijk", {{2, 3}}, &complaint));
}

}  // namespace
}  // namespace drtriton
