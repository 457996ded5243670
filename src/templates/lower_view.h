// Views: index relations where they relabel axes, strided windows where they cut an input.
#ifndef DRTRITON_TEMPLATES_LOWER_VIEW_H_
#define DRTRITON_TEMPLATES_LOWER_VIEW_H_

#include <cstdint>
#include <string>

#include "templates/draft.h"

namespace drtriton {

// Whether LowerView() handles this operator: its result is its input's elements in some arrangement.
bool IsRelabelling(const std::string& op);

// Defines the results of a view node.
void LowerView(Draft& draft, const Node& node);

// The value that is stored for `id`, and where `id` starts in it: follows views up to what they look at.
struct StoredAt {
  ValueId base = -1;
  int64_t offset = 0;   // elements
};
StoredAt FollowViews(const Program& program, ValueId id);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_LOWER_VIEW_H_
