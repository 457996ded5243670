// Names: Python identifiers for the values of one scope.
#ifndef DRTRITON_EMIT_NAMES_H_
#define DRTRITON_EMIT_NAMES_H_

#include <map>
#include <set>
#include <string>

#include "graph/attr.h"

namespace drtriton {

// Gives every value a name that is unique in its scope, close to the one wanted.
class Names {
 public:
  explicit Names(std::set<std::string> taken) : taken_(std::move(taken)) {}

  std::string Claim(const std::string& wanted) {
    std::string name = wanted;
    for (int i = 2; taken_.count(name); ++i) name = wanted + "_" + std::to_string(i);
    taken_.insert(name);
    return name;
  }
  void Set(ValueId id, std::string name) { names_[id] = std::move(name); }
  bool Has(ValueId id) const { return names_.count(id) > 0; }
  const std::string& Of(ValueId id) const { return names_.at(id); }

 private:
  std::set<std::string> taken_;
  std::map<ValueId, std::string> names_;
};

}  // namespace drtriton

#endif  // DRTRITON_EMIT_NAMES_H_
