// Shrink: the same operators at smaller sizes, for machines where the real ones would take too long (the interpreter).
//
// Every size d of the program is mapped by one function, so that sizes that were equal stay equal; the mapping keeps what
// kernels are sensitive to: whether a size divides by 16, by 2, or is odd, and sizes of up to 16 as they are.  Products
// (the reshape of B x S x D to B*S x D) are kept by mapping the factors.  Attributes that carry sizes (view, expand,
// normalized_shape, slice bounds) are mapped too, and every node's results are inferred anew.
#ifndef DRTRITON_TEMPLATES_SHRINK_H_
#define DRTRITON_TEMPLATES_SHRINK_H_

#include <cstdint>
#include <optional>

#include "core/fragment.h"

namespace drtriton {

// A fragment whose largest value has at most about `max_elements` elements and whose matrix products and convolutions together need at
// most about `max_flops`; the fragment itself when it is that small already; nullopt where no consistent smaller one was
// found or an operator is not in the registry.  Ids, names and parent links are those of `fragment`.
std::optional<Fragment> Shrink(const Fragment& fragment, int64_t max_elements, double max_flops = 2e7);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_SHRINK_H_
