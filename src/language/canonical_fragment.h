// The form in which a fragment is put into words: one computation, one text.
//
// However a user wrote a module, whichever names, nesting of results and order of independent operators it had, its
// fragments reach a language model in the same form as sampled programs do:
//
//   - leaves are x0, x1 ... (inputs), w0 ... (parameters), b0 ... (buffers), c0 ... (constants), in the order in which
//     `launch` takes them; a result of a node is named after its operator and the node's number: relu_3, topk_2_1;
//   - nodes stand in the order in which the results need them, each one's arguments from left to right, and what no
//     result needs is left out;
//   - arguments have their defaults, dimensions are counted from the front;
//   - it takes its leaves one by one and returns a tuple of its results.
//
// What `launch` takes and returns is left as it is, so a proposal for the canonical fragment is one for the fragment.
#ifndef DRTRITON_LANGUAGE_CANONICAL_FRAGMENT_H_
#define DRTRITON_LANGUAGE_CANONICAL_FRAGMENT_H_

#include "core/fragment.h"

namespace drtriton {

// A fragment that stands alone: parent_inputs, parent_results and nodes are empty, fills are the given one's.  Applying
// it again changes nothing.  Throws UserError for an operator without a schema.
Fragment CanonicalFragment(const Fragment& fragment);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_CANONICAL_FRAGMENT_H_
