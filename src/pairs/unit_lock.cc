#include "pairs/unit_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "base/error.h"

namespace drtriton {

UnitLock::UnitLock(const std::filesystem::path& folder, int64_t unit) {
  const std::filesystem::path path = folder / "units.lock";
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) throw UserError("cannot write " + path.string() + ": " + std::strerror(errno));
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = unit;
  lock.l_len = 1;
  holds_ = fcntl(fd_, F_OFD_SETLK, &lock) == 0;
}

UnitLock::~UnitLock() { close(fd_); }

}  // namespace drtriton
