// The two exceptions of the project.  A candidate that fails is neither: it is a Verdict (core/verdict.h).
//
// UserError      the user's input is at fault.  One sentence that names what and where.  The command line exits with 2
//                (or with the status the error carries) and prints the sentence, nothing else.
// InternalError  we are at fault.  Exit 3; the message asks for a report.
#ifndef DRTRITON_BASE_ERROR_H_
#define DRTRITON_BASE_ERROR_H_

#include <stdexcept>
#include <string>
#include <utility>

namespace drtriton {

// Exit statuses of every subcommand (docs/cli.md).
enum class ExitStatus : int { kOk = 0, kNo = 1, kBadInput = 2, kOurBug = 3, kSetUpFailed = 4 };

class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& sentence, ExitStatus status = ExitStatus::kBadInput)
      : std::runtime_error(sentence), status_(status) {}
  ExitStatus status() const { return status_; }

 private:
  ExitStatus status_;
};

class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

// Throws InternalError when `holds` is false.  For invariants of ours, never for input.
inline void Require(bool holds, const char* what) {
  if (!holds) throw InternalError(what);
}

}  // namespace drtriton

#endif  // DRTRITON_BASE_ERROR_H_
