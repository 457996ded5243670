// The numerics contract: what "right" means for a candidate's results.  docs/numerics.md derives it.
//
// For a floating result of n elements in row-major order, cut into blocks of 256 (the last one takes the remainder), with
// r the float64 reference, e eager PyTorch in the user's precision, c the candidate, and p_1..p_D float64 evaluations in
// which every leaf moves by at most half an ulp of float32 and every rounded intermediate by at most half an ulp of its
// own dtype:
//
//   E_b = max |e - r|,  F_b = max |p_d - r|,  M_b = max |r|           over the stable elements of block b
//   |c - r| <= A_b = 4 g(n_b) max(E_b, F_b) + 4 ulp(M_b)              for every element of block b
//   rms(c - r) <= 4 max(rms(e - r), rms(p_d - r)) + ulp(rms r)        over the whole result, when n >= 256
//
// ulp(m) = max(eps m, smallest subnormal step or, for float32 and bfloat16, smallest normal number); n_b counts the
// block's elements and g(n) = 256^(2/(n+1)) makes up for what a maximum over few elements cannot know (g(256) = 1.04,
// g(16) = 1.9, g(1) = 256).  F is what the program's own conditioning makes of rounding: it keeps a block whose eager error is zero by luck from
// refusing honest rounding, and is zero where nothing rounds.  Where few elements of a block carry its error, the largest of
// theirs is known as badly: g counts them, but is no more than 4 then.
//
// An element is unstable where the function jumps within eager's own error: evaluations j_k, with the float inputs of
// every comparison, rounding or arg-reduction moved by twice eager's rms error there, differ from r by more than F_b plus
// an ulp.  There |c - r| <= A_b + 2 max |j_k - r|, so the element may take either side of the jump and nothing else.
//
// NaN and infinities sit where eager has them; where only eager overflowed, the exact value is as good.  Integers and
// booleans are equal, but for elements where e or a j_k differ from r: there |c - r| is at most that difference.  An
// index chosen by an arg-reduction, sort or topk may instead select a value as good as the reference's, within A, or one
// that is to eager what its own choice is: equal numbers, infinities of one sign, NaN.
#ifndef DRTRITON_EXECUTE_NUMERICS_H_
#define DRTRITON_EXECUTE_NUMERICS_H_

#include <ATen/ATen.h>

#include <optional>
#include <string>
#include <vector>

#include "graph/dtype.h"

namespace drtriton {

inline constexpr int64_t kBlock = 256;
inline constexpr double kErrorFactor = 4;   // times eager's own
inline constexpr double kUlps = 4;

// What an index result chose from: `values` along `dim` (nullopt: flattened).
struct Selection {
  at::Tensor values;          // float64
  at::Tensor eager_values;    // the same in the user's precision, for the allowance and for what eager cannot tell apart
  at::Tensor eager_index;     // eager's choice
  std::optional<int64_t> dim;
  bool keeps_dim = true;      // the result has the dimension, of size 1 or k
  bool distinct = false;      // no position comes twice along the dimension
};

// What one result is compared with.  Tensors are on the reference's device.
struct Expected {
  DType dtype = DType::kFloat32;
  at::IntArrayRef shape() const { return reference.sizes(); }
  at::Tensor reference;     // float64, or the integer or boolean values
  // Floating results.
  at::Tensor allowed;       // one a block: A_b
  at::Tensor magnitude;     // one a block: M_b
  at::Tensor jump;          // one an element: 2 max |j - r| where unstable, else 0; undefined: all stable
  at::Tensor eager_class;   // one an element: 0 finite, 1 +inf, 2 -inf, 3 NaN; undefined: all finite
  double allowed_rms = 0;   // infinity when n < 256
  double eager_rel_err = 0; // max over blocks of E_b / M_b
  // Integer and boolean results.
  at::Tensor slack;         // one an element; undefined: exact
  std::optional<Selection> selection;

  int64_t bytes() const;
};

// Evaluations that an expectation is made from; all of one shape and logical order.
struct Evidence {
  at::Tensor exact;                    // r
  at::Tensor eager;                    // e
  std::vector<at::Tensor> rounded;     // p_d
  std::vector<at::Tensor> jumped;      // j_k
  std::optional<Selection> selection;
};
Expected MakeExpected(DType dtype, const Evidence& evidence);

struct Comparison {
  bool right = true;
  std::string code;            // "wrong_values", "wrong_nan", "wrong_integers"
  std::string reason;
  int64_t element = -1;        // the first offending element, in row-major order
  double rel_err = 0;          // max over blocks of max |c - r| / M_b
  double ref_rel_err = 0;
};
// `candidate` has the expected shape and dtype, any strides.
Comparison Compare(const Expected& expected, const at::Tensor& candidate);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_NUMERICS_H_
