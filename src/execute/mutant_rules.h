// The algebraic rules by which a mutant equals its original for all inputs.  docs/numerics.md lists them.
#ifndef DRTRITON_EXECUTE_MUTANT_RULES_H_
#define DRTRITON_EXECUTE_MUTANT_RULES_H_

#include <functional>
#include <string>
#include <vector>

#include "execute/mutants.h"
#include "execute/partly_read.h"
#include "execute/value_bounds.h"

namespace drtriton {

class MutantRules {
 public:
  explicit MutantRules(const Program& program);

  // The name of the first rule that fits; empty: none.
  std::string Find(const Mutant& mutant) const;

 private:
  struct Change;   // original and replacement, taken apart
  Change Compare(const Mutant& mutant) const;
  // Rules about the operator and its operands alone.
  std::string RectifierRule(const Change& change) const;
  std::string ClampRule(const Change& change) const;
  std::string ComparisonRule(const Change& change) const;
  bool IsRoundedTie(const Change& change) const;
  std::string OperandRule(const Change& change) const;
  bool IsZeroOrOne(const Change& change) const;
  bool IsBelowTheLastPlaces(const Change& change) const;
  std::string NanRule(const Change& change, ValueId value) const;
  // Rules about who reads the result.
  std::string ReaderRule(const Change& change) const;
  std::string SignRule(const Change& change, ValueId value) const;
  std::string OrderRule(const Change& change) const;
  bool StepsAlone(ValueId value) const;
  bool AllReaders(ValueId value, const std::function<bool(const Node&)>& holds) const;
  bool RemovesShifts(const Node& reader, ValueId value, bool per_channel) const;
  bool IsKeyAlone(ValueId value) const;
  bool ReadsOrderAlone(const Node& reader) const;
  bool OrderAloneIsRead(ValueId value) const;
  bool KeepsOrder(const Change& change) const;
  bool KeepsOrderOfChannels(const Change& change, ValueId value) const;

  const Program& program_;
  PartlyRead partly_read_;
  std::vector<ValueBounds> bounds_;
  std::vector<std::vector<int32_t>> users_;
  std::vector<bool> is_result_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_MUTANT_RULES_H_
