// The fixed part of an emitted module (support.py).
#ifndef DRTRITON_EMIT_SUPPORT_TEXT_H_
#define DRTRITON_EMIT_SUPPORT_TEXT_H_

namespace drtriton {

const char* SupportText();

}  // namespace drtriton

#endif  // DRTRITON_EMIT_SUPPORT_TEXT_H_
