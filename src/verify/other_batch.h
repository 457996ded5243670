// A candidate at another batch size than the one it was judged at.
#ifndef DRTRITON_VERIFY_OTHER_BATCH_H_
#define DRTRITON_VERIFY_OTHER_BATCH_H_

#include <cstdint>

#include "compile/farm.h"
#include "core/verdict.h"

namespace drtriton {

// What the candidate is asked for there: its own request for the module's Program at that size.  Vendor steps are
// allowed, since falling back to PyTorch for other sizes is right by construction.
CompileRequest AtOtherBatch(const CompileRequest& request, const Fragment* fragment);

// Turns an accepted verdict into a rejection of code "wrong_batch" where `other`, the judgement at `other_rows` instead
// of `rows`, says that the candidate ran and was wrong.  One that refuses such inputs (an assertion, a shape that is
// compiled in and checked) or cannot be compiled for them is left as it is: it does not answer wrongly.
void TakeOtherBatch(const Verdict& other, int64_t rows, int64_t other_rows, Verdict* verdict);

}  // namespace drtriton

#endif  // DRTRITON_VERIFY_OTHER_BATCH_H_
