// What an operator's name and schema tell the estimates of its numbers, beside its numeric rule.
#ifndef DRTRITON_SYNTH_NUMERIC_TRAITS_H_
#define DRTRITON_SYNTH_NUMERIC_TRAITS_H_

#include <array>
#include <cstdint>

#include "graph/registry.h"

namespace drtriton {

struct NumericTraits {
  enum class Spread : uint8_t { kNorm, kVariance, kDeviation };

  // Which dimensions of its operands a result's dimension depends on (sameness.h).
  enum class Follows : uint8_t {
    kNothing,       // unknown
    kEach,          // its own of each operand, by broadcasting
    kRows,          // elements keep their order: view
    kStrides,       // as strides tell: transpose, narrow
    kItself,        // its own of the first operand: roll, reflection_pad
    kBeside,        // likewise of all operands, but for the dimension named, which varies: cat
    kResized,       // likewise of the first, but for dimensions of another size: constant_pad
    kOuter,         // likewise, but for the last two: tril
    kReduced,       // some are taken away
    kAlong,         // its own; elements along the dimension named decide together: softmax, sort
    kScanned,       // its own, but for the dimension named
    kLayerNorm,
    kGroupNorm,
    kInstanceNorm,
    kBatchNorm,
    kProduct,       // of matrices
    kRowsOnly,      // its own, but for the last: linear
    kPooled,        // its own; positions are those of each channel alone
    kBatch,         // the first only: convolution
    kValues,        // of an attention: its own of the values
  };

  // Of result 0 and of those behind: 1 the largest of many, -1 the smallest, 0 some other choice.
  std::array<int8_t, 2> extreme = {};
  bool middle = false;    // a median
  bool either = false;    // the largest or the smallest, as argument 3 says: topk
  bool resamples = false;   // reaches a little beyond the numbers that it joins: bicubic
  bool is_affine = false;   // a normalisation by given statistics: batch_norm
  bool is_bilinear = false;
  bool subtracts = false;     // one product from another: cross
  bool adds_classes = false;  // each class adds to the mean: cross_entropy of probabilities
  bool sums_batch = false;  // a product whose batches are added up: addbmm
  int8_t triangle = 0;      // keeps the lower (1) or upper (-1) triangle: tril, triu
  bool overwrites = false;  // others replace or join elements of the first operand: scatter, index_add
  bool overwrites_part = false;  // argument 1 replaces a part of its own size
  bool scatters = false;    // at positions along one dimension, not whole slices
  bool any = false;       // of several truths one is enough
  Spread spread = Spread::kNorm;
  Follows follows = Follows::kNothing;
  bool shifts = true;     // a normalisation that takes the mean away
  bool ordered = false;   // gives elements in ascending or descending order
  bool sums_up = false;   // so numbers of one sign: cumsum
  bool permutes = false;  // positions that it gives are a permutation
  bool levels = false;    // groups of its results have the same mean whatever the operand holds: layer_norm
  bool adaptive = false;  // a pooling whose windows do not overlap
  int spatial = 1;        // of a pooling: dimensions that a position counts
  // Positions in the schema; -1: there is none.
  int padding = -1;
  int reduction = -1;
  int dim = -1;
  int index = -1;
  int accumulate = -1;
};

NumericTraits NumericTraitsOf(const OperatorInfo& info);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_NUMERIC_TRAITS_H_
