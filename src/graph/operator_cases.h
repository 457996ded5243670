// Cases of one operator, drawn from the `domain` of its row in the registry.
//
// The domain is a small language that says which arguments are legal:
//
//   n; self=[*,M,K]; other=[K,N]|[K]; alpha=1|2.5 || self=[K]; other=[K]
//
// First the class of dtypes: f floating, n numeric (floats and integers), a any, i integers and bool,
// z integers alone.  Then arguments; what
// is not named keeps the schema's default, or is drawn by its type.  "|" separates alternatives of one argument, "||"
// alternatives of all.
//   tensors   [M,2K,G*C,3]  sizes by letter, the same letter the same size in the whole case; * is a common prefix of
//   up
//             to two dimensions; ~ is a tensor that broadcasts with every other ~.  A suffix chooses the dtype: :i
//             int64, :b bool, := the case's dtype, :float32 that one, another class letter a fresh draw.  Without it
//             [...] has the case's dtype and ~ a fresh draw of the class.  A number stands for itself.
//   others    literals (True, None, 2.5, 'mean', [1,2], float32; [1] fills an int[2]), 0..3 (one of the range), sizes
//   (A*B, [A,B]), dim (a
//             dimension of the first tensor), dim+1 (a place for a new one), dims (some), perm (all, in some order),
//             sizes (another shape for the same elements)
#ifndef DRTRITON_GRAPH_OPERATOR_CASES_H_
#define DRTRITON_GRAPH_OPERATOR_CASES_H_

#include <cstdint>
#include <random>
#include <string>

#include "graph/program.h"
#include "graph/registry.h"

namespace drtriton {

// A Program without nodes whose leaves are the tensors of the call, and the call; node.outputs is empty.
struct OperatorCase {
  Program program;
  Node node;
};

class CaseGenerator {
 public:
  explicit CaseGenerator(uint64_t seed) : random_(seed) {}

  // A case that the domain calls legal (an operator may still refuse a combination: a view of unsuitable strides).
  // Tensors are contiguous, permuted, broadcast or with gaps.  Throws InternalError when the domain is malformed.
  OperatorCase Draw(const OperatorInfo& info);

  // The same with something changed, so that it usually does not fit any more: a size, a dtype or an int.
  OperatorCase Damage(OperatorCase given);

 private:
  std::mt19937_64 random_;
};

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_OPERATOR_CASES_H_
