// The operators of the space as relations: what the constraint problem of a program is put together from.
//
// Everything is derived from the registry, once: which tensors an operator reads and which shapes fit each other from its
// `domain`; the shape of its results by evaluating its shape rule at some sizes and fitting what comes out (shape_case.h);
// dtypes by evaluating the rule for each family; element types by evaluating its function (numeric_rule.h).  A new row of
// the registry is part of the space without further work.
//
// An operator has one or more forms, that differ in which tensors are wired to the rest of the program: `x + y` and
// `x + 2.5`.  A form has cases, that differ in ranks and in the arguments that shapes depend on.
#ifndef DRTRITON_SYNTH_OPERATOR_SPACE_H_
#define DRTRITON_SYNTH_OPERATOR_SPACE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/registry.h"
#include "synth/element_type.h"
#include "synth/numeric_rule.h"
#include "synth/shape_case.h"

namespace drtriton {

inline constexpr int kMaxSlots = 3;    // wired tensors of one node
inline constexpr int kMaxRank = 5;
using RankMask = uint8_t;  // bit r: rank r
inline constexpr uint8_t kIllegal = 0xff;

// Arguments that change numbers but no shape: 0.5 for alpha, the dtype of a cast.
struct ScalarChoice {
  std::vector<std::pair<int, Attr>> values;  // position in the schema, value
  std::optional<Family> cast;                // the dtype argument's family; the program's own dtype of that family
  // Element type of results 0 and 1 (the second counts for those behind) by those of the slots: index
  // slot0 + 15 * slot1 + 225 * slot2; kIllegal.
  std::array<std::vector<uint8_t>, 2> table;
};

// Ranks of slots and results that occur together, and the cases that have them.
struct RankRow {
  std::array<int8_t, kMaxSlots> slots = {};
  std::array<int8_t, kMaxResults> results = {};
  std::vector<int> cases;  // indices into OperatorForm::cases
};

struct OperatorForm {
  int op = -1;  // index into OperatorSpace::operators
  const OperatorInfo* info = nullptr;
  const NumericRule* rule = nullptr;
  std::vector<TensorSlot> slots;  // the wired ones
  int results = 1;
  uint8_t broadcast = 0;  // bits: slots whose shapes broadcast with each other; the results have the joint shape
  // Bits 3 * i + j: slots i and j may not read the same value, for the result would be constant, or the value itself.
  uint16_t distinct = 0;
  std::vector<ScalarChoice> scalars;
  std::vector<ShapeCase> cases;
  std::vector<RankRow> rows;

  // Unions over everything else: what slot s can take, what result k can be, and what it can be when slot s holds t.
  std::array<TypeMask, kMaxSlots> accepts = {};
  std::array<TypeMask, kMaxResults> gives = {};
  std::array<std::array<std::array<TypeMask, kElementTypes>, kMaxSlots>, 2> gives_when = {};
  std::array<RankMask, kMaxSlots> accepts_rank = {};
  std::array<RankMask, kMaxResults> gives_rank = {};
  std::array<std::array<std::array<RankMask, kMaxRank + 1>, kMaxSlots>, kMaxResults> gives_rank_when = {};

  int slot_count() const { return static_cast<int>(slots.size()); }
};

struct SpaceOperator {
  const OperatorInfo* info = nullptr;
  std::vector<int> forms;  // indices into OperatorSpace::forms
};

struct OperatorSpace {
  std::vector<SpaceOperator> operators;  // in the registry's order
  std::vector<OperatorForm> forms;
  // Rows of the registry that belong to the space but have no case that can be drawn, with the reason.
  std::vector<std::pair<std::string, std::string>> left_out;
};

// Made at the first call; immutable.
const OperatorSpace& TheOperatorSpace();

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_OPERATOR_SPACE_H_
