#include "base/interrupt.h"

#include <csignal>

namespace drtriton {
namespace {

volatile std::sig_atomic_t interrupted = 0;

void OnSignal(int number) {
  if (interrupted) {
    // Delivered by default once this handler returns: the caller's shell then sees the right status.
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  interrupted = 1;
}

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;  // libraries that do not expect EINTR keep working
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted != 0; }

}  // namespace drtriton
