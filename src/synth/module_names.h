// The names in a module file: of forward()'s arguments and variables, and of the module's attributes.
//
// A result takes the name of the first tensor that it is made from where nothing reads that tensor any more and both hold
// the same sort of elements (`x = F.relu(x)`); else a new name that says what it is.
#ifndef DRTRITON_SYNTH_MODULE_NAMES_H_
#define DRTRITON_SYNTH_MODULE_NAMES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "graph/program.h"

namespace drtriton {

class ModuleNames {
 public:
  explicit ModuleNames(const Program& program);

  // ---- Attributes.  ExpectAttribute() for each first, then NewAttribute(): "conv" where there is one, else "conv1", ...
  void ExpectAttribute(std::string_view base);
  std::string NewAttribute(std::string_view base);
  // "scale", "bias" or "weight", by what a parameter is used for.
  std::string_view TensorBase(ValueId id) const;

  // ---- Variables, in the order in which forward() mentions them.
  const std::string& NameInput(ValueId id);
  void ReachNode(int32_t node) { now_ = node; }  // the node whose results are named next
  const std::string& NameResult(ValueId id);

  const std::string& Of(ValueId id) const { return names_[static_cast<size_t>(id)]; }
  void Set(ValueId id, std::string name) { names_[static_cast<size_t>(id)] = std::move(name); }
  // An input's name as an argument.
  const std::string& InputName(ValueId id) const { return Of(id); }

 private:
  bool IsFree(std::string_view name) const;
  std::string Numbered(std::string_view base) const;
  std::string NewName(ValueId id) const;

  struct Attribute {
    std::string_view base;
    int expected = 0;
    int given = 0;
  };
  const Program& program_;
  std::vector<std::string> names_;                            // by value
  std::vector<int32_t> last_read_;                            // by value: the last node that reads it
  std::vector<std::pair<int32_t, int32_t>> first_use_;        // by value: node and argument that read it first; -1: none
  std::vector<ValueId> named_;                                // variables so far
  std::vector<Attribute> attributes_;
  int32_t now_ = -1;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_MODULE_NAMES_H_
