#include "execute/gpu_gate.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace drtriton {
namespace {

int Open(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) throw UserError("cannot open " + path.string() + ": " + std::strerror(errno));
  return file;
}

void Lock(int file, int how) {
  while (flock(file, how) != 0) {
    if (errno != EINTR) throw InternalError(std::string("locking the GPU's gate: ") + std::strerror(errno));
  }
}

}  // namespace

GpuGate::GpuGate(const std::filesystem::path& folder) {
  if (folder.empty()) return;
  turnstile_ = Open(folder / "turnstile");
  room_ = Open(folder / "room");
}

GpuGate::~GpuGate() {
  if (turnstile_ >= 0) close(turnstile_);
  if (room_ >= 0) close(room_);
}

void GpuGate::Share() {
  Require(!inside_, "the GPU's gate was entered twice");
  inside_ = true;
  if (room_ < 0) return;
  Lock(turnstile_, LOCK_SH);
  Lock(room_, LOCK_SH);
  Lock(turnstile_, LOCK_UN);
}

void GpuGate::Alone() {
  Require(!inside_, "the GPU's gate was entered twice");
  inside_ = true;
  if (room_ < 0) return;
  Lock(turnstile_, LOCK_EX);
  Lock(room_, LOCK_EX);
}

void GpuGate::Leave() {
  inside_ = false;
  if (room_ < 0) return;
  Lock(room_, LOCK_UN);
  Lock(turnstile_, LOCK_UN);
}

bool GpuGate::IsWanted() const {
  if (room_ < 0) return false;
  if (flock(turnstile_, LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  Lock(turnstile_, LOCK_UN);
  return false;
}

}  // namespace drtriton
