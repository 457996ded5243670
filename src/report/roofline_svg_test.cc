#include "report/roofline_svg.h"

#include <gtest/gtest.h>

#include <regex>

namespace drtriton {
namespace {

// Centre of the first point in the plot.
std::pair<double, double> Centre(const std::string& svg) {
  std::smatch match;
  if (!std::regex_search(svg, match, std::regex("cx=\"([0-9.]+)\" cy=\"([0-9.]+)\""))) return {-1, -1};
  return {std::stod(match[1]), std::stod(match[2])};
}

TEST(RooflineSvg, IsEmptyWithoutPoints) { EXPECT_EQ(RooflineSvg({}, H200()), ""); }

TEST(RooflineSvg, MoreIntensityIsFurtherRightAndFasterIsHigher) {
  auto slow = Centre(RooflineSvg({{"slow", 1, 1e6}}, H200()));
  auto fast = Centre(RooflineSvg({{"fast", 100, 1e8}}, H200()));
  EXPECT_LT(slow.first, fast.first);
  EXPECT_GT(slow.second, fast.second);
}

TEST(RooflineSvg, PointsLieInsideThePicture) {
  for (double intensity : {1e-4, 1.0, 1e4}) {
    auto centre = Centre(RooflineSvg({{"point", intensity, 10}}, H200()));
    EXPECT_GE(centre.first, 0);
    EXPECT_LE(centre.first, 560);
    EXPECT_LE(centre.second, 340);
  }
}

}  // namespace
}  // namespace drtriton
