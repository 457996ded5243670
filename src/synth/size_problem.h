// The sizes of a program as a constraint problem: variables, what makes them equal, and how one follows from others.
//
// Equal dimensions share a variable (union-find).  Other conditions are products, sums and floor((a x + b) / c), bounds,
// and the limit on the elements of each tensor.  Solving draws the variables in the order in which they were made, each
// uniformly from the sizes of the menu that its tensors leave room for, a size that follows from others takes that value,
// and what leads nowhere is drawn again: chronological backtracking whose first solution has exactly the sequential law
// of docs/csp_dag.md.
#ifndef DRTRITON_SYNTH_SIZE_PROBLEM_H_
#define DRTRITON_SYNTH_SIZE_PROBLEM_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "synth/random.h"

namespace drtriton {

// Index of a variable; its class is found by Root().
using DimId = int16_t;

// What sizes are drawn from.
struct SizeMenu {
  std::vector<int32_t> sizes;      // ascending, beginning with 1
  int64_t most_elements = 4096;    // of any tensor: a limit
  // Elements that tensors are meant to have at most: sizes are drawn within it.  Where that leaves no solution, the room
  // grows, so that what is feasible does not depend on it.
  double room = 4096;
  double one = 0.04;               // weight of size 1 against 1 for the others
};

// A small value type: a search copies it before each choice.
class SizeProblem {
 public:
  static constexpr int kMaxDims = 160;
  static constexpr int kMaxRelations = 64;
  static constexpr int kMaxTensors = 40;
  static constexpr int64_t kLargest = 1 << 20;  // of any size

  SizeProblem() {}  // leaves the unused places unset
  SizeProblem(const SizeProblem& other) { *this = other; }
  SizeProblem& operator=(const SizeProblem& other);  // copies what is used
  void Clear() { dims_ = relations_ = tensors_ = 0; }
  // For all that any node adds.
  bool HasRoom() const { return dims_ + 64 <= kMaxDims && relations_ + 32 <= kMaxRelations && tensors_ + 16 <= kMaxTensors; }

  // Each returns -1 or false when the problem cannot hold more, or has no solution any more.
  DimId Add(int32_t least = 1, int32_t most = 0);
  DimId AddConstant(int32_t value);
  bool Unify(DimId a, DimId b);
  bool Fix(DimId dim, int32_t value);
  bool RelateProduct(DimId out, int32_t coefficient, std::span<const DimId> factors);
  bool RelateSum(DimId out, DimId a, DimId b);
  bool RelateAffine(DimId out, DimId in, int32_t a, int32_t b, int32_t c);
  bool RelateAtMost(DimId low, DimId high);
  bool LimitTensor(std::span<const DimId> dims);

  // A hash of what these dimensions can be and of all that relations say of them, equal for equal situations.
  uint64_t Fingerprint(std::span<const DimId> dims) const;

  DimId Root(DimId dim) const;
  // 0: open.
  int32_t Known(DimId dim) const { return value_[static_cast<size_t>(Root(dim))]; }
  bool CanBe(DimId dim, int32_t value) const;
  // Whether it can be any size, as far as bounds and relations go.
  bool IsFree(DimId dim) const;

  // Narrows the sizes' bounds by what the relations say of each other.  False: there is no solution.
  bool Narrow();

  // Assigns every variable.  False: there is no solution (`exhausted`), or the search was given up after too many steps.
  bool Solve(const SizeMenu& menu, Random& random, bool* exhausted);
  int64_t SizeOf(DimId dim) const { return value_[static_cast<size_t>(Root(dim))]; }

 private:
  enum class Kind : uint8_t { kProduct, kSum, kAffine, kAtMost };
  struct Relation {
    Kind kind;
    int8_t count;
    DimId out;
    std::array<DimId, 5> in;
    int32_t a, b, c;
  };
  struct Tensor {
    int8_t count;
    std::array<DimId, 6> dims;
  };

  struct Bounds {
    int64_t least, most;
  };
  Bounds BoundsOf(DimId dim) const;
  bool Tighten(DimId dim, int64_t least, int64_t most, bool* changed);
  bool NarrowOne(const Relation& relation, bool* changed);
  bool DifferencesAgree() const;
  void FindComponents();
  void IndexClasses();
  // Computes what follows, from the relations and for the tensors of which sizes have changed.
  bool Propagate();
  bool PropagateOne(const Relation& relation);
  bool Assign(DimId root, int64_t value);
  bool TensorsFit(uint64_t tensors, int64_t most_elements) const;
  double RoomFor(DimId root, double wanted) const;
  void Restore(const std::array<int32_t, kMaxDims>& values);
  // -1: solved; else the component that cannot be completed, or kWhole where limits of tensors had a part in it.
  int Search(DimId from, const SizeMenu& menu, double menu_room, Random& random, int* steps);

  int dims_ = 0;
  int relations_ = 0;
  int tensors_ = 0;
  std::array<DimId, kMaxDims> parent_;
  std::array<int32_t, kMaxDims> value_;
  std::array<int32_t, kMaxDims> least_;
  std::array<int32_t, kMaxDims> most_;
  // By class, while solving: what relations connect it with; bits: relations and tensors that it is in.
  std::array<DimId, kMaxDims> component_;
  std::array<uint64_t, kMaxDims> relations_of_;
  std::array<uint64_t, kMaxDims> tensors_of_;
  uint64_t relations_to_do_ = 0;  // bits: relations of which a size has changed
  uint64_t tensors_to_do_ = 0;
  std::array<Relation, kMaxRelations> relation_;
  std::array<Tensor, kMaxTensors> tensor_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SIZE_PROBLEM_H_
