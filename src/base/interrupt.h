// Ctrl-C as a request: long work asks Interrupted() between steps and ends with the best it has.
#ifndef DRTRITON_BASE_INTERRUPT_H_
#define DRTRITON_BASE_INTERRUPT_H_

namespace drtriton {

// Installs handlers for SIGINT and SIGTERM.  The first signal makes Interrupted() true; a second one ends the process.
void CatchInterrupts();
bool Interrupted();

}  // namespace drtriton

#endif  // DRTRITON_BASE_INTERRUPT_H_
