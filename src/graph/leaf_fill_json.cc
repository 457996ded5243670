#include "graph/leaf_fill_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace drtriton {

Json ToJson(const std::vector<LeafFill>& fills) {
  Json list = Json::array();
  for (const LeafFill& fill : fills) list.push_back({static_cast<int>(fill.kind), fill.a, fill.b});
  return list;
}

std::vector<LeafFill> LeafFillsFromJson(const Json& json) {
  const auto is_fill = [](const Json& fill) {
    return fill.is_array() && fill.size() == 3 && fill[0].is_number_unsigned() && fill[0].get<uint64_t>() <= static_cast<uint64_t>(LeafFill::Kind::kConstant) &&
           fill[1].is_number() && fill[2].is_number();
  };
  if (!json.is_array()) throw UserError("fills of leaves are no list");
  std::vector<LeafFill> fills;
  for (const Json& fill : json) {
    if (!is_fill(fill)) throw UserError("the fill of a leaf is not [kind, a, b]: " + fill.dump());
    fills.push_back({static_cast<LeafFill::Kind>(fill[0].get<int>()), fill[1].get<double>(), fill[2].get<double>()});
  }
  return fills;
}

}  // namespace drtriton
