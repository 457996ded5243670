#include "synth/size_menu.h"

#include <algorithm>
#include <cmath>

namespace drtriton {
namespace {

constexpr int64_t kTinyElements = 4096;
constexpr int64_t kRealElements = 1 << 26;

// Round sizes as people use them, and odd ones in between that expose what only works for round ones.
const std::vector<int32_t>& Sizes() {
  static const std::vector<int32_t> sizes = {
      1,   2,   3,   4,   5,   6,   7,   8,   9,    10,   11,   12,   14,   15,   16,   17,    20,    24,    28,    31,   32,
      33,  40,  48,  56,  63,  64,  65,  80,  96,   100,  112,  120,  127,  128,  129,  144,   160,   192,   196,   200,  224,
      240, 255, 256, 257, 300, 320, 384, 400, 448,  480,  500,  512,  513,  640,  768,  800,   896,   1000,  1024,  1025, 1152,
      1280, 1536, 1792, 2000, 2048, 2560, 3072, 4096, 5120, 6144, 8192, 11008, 14336, 16384, 32768, 65536};
  return sizes;
}

}  // namespace

SizeMenu DrawSizeMenu(SizeClass size, Random& random, double room) {
  struct Range {
    double least, most;
    int64_t limit;
  };
  const Range range = size == SizeClass::kTiny   ? Range{32, 4096, kTinyElements}
                      : size == SizeClass::kReal ? Range{65536, 33554432, kRealElements}
                                                 : Range{64, 33554432, kRealElements};
  SizeMenu menu;
  menu.sizes = Sizes();
  menu.most_elements = range.limit;
  menu.room = room > 0 ? room : range.least * std::pow(range.most / range.least, random.Unit());
  return menu;
}

int64_t MostElements(const SamplerOptions& options) {
  const int64_t of_class = options.size == SizeClass::kTiny ? kTinyElements : kRealElements;
  return options.most_elements > 0 ? std::min(options.most_elements, of_class) : of_class;
}

SizeMenu DrawSizeMenu(const SamplerOptions& options, Random& random, double room) {
  SizeMenu menu = DrawSizeMenu(options.size, random, room);
  menu.most_elements = MostElements(options);
  menu.room = std::min(menu.room, static_cast<double>(menu.most_elements));
  return menu;
}

}  // namespace drtriton
