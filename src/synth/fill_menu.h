// The fills that conditioning tries for a leaf.
#ifndef DRTRITON_SYNTH_FILL_MENU_H_
#define DRTRITON_SYNTH_FILL_MENU_H_

#include <cstdint>

#include "graph/attr.h"
#include "synth/element_type.h"
#include "graph/leaf_fill.h"
#include "synth/random.h"

namespace drtriton {

// What conditioning has to know of a leaf.
struct LeafFacts {
  ValueId value = -1;
  ElementType type = ElementType::kReal;
  int64_t limit = 0;       // of positions: they lie below it
  double deviation = 0;    // of a layer's weight: uniform around `mean`; below 0: all `mean`; 0: the menu decides
  double mean = 0;
};

// The usual one at attempt 0, then others of the type's menu, then any scale and place.
LeafFill DrawFill(const LeafFacts& leaf, int64_t elements, int attempt, Random& random);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_FILL_MENU_H_
