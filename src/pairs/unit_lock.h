// Which process works on which unit: a lock on one byte of a file in the folder for each unit.
//
// The kernel frees it when the process ends, however it ends.  Held by the object; across processes of one machine and of
// machines that share a file system with locks.
#ifndef DRTRITON_PAIRS_UNIT_LOCK_H_
#define DRTRITON_PAIRS_UNIT_LOCK_H_

#include <cstdint>
#include <filesystem>

namespace drtriton {

class UnitLock {
 public:
  // Tries to take the unit; holds() says whether it did.  Throws UserError when the file cannot be made.
  UnitLock(const std::filesystem::path& folder, int64_t unit);
  ~UnitLock();
  UnitLock(const UnitLock&) = delete;
  UnitLock& operator=(const UnitLock&) = delete;

  bool holds() const { return holds_; }

 private:
  int fd_ = -1;
  bool holds_ = false;
};

}  // namespace drtriton

#endif  // DRTRITON_PAIRS_UNIT_LOCK_H_
