// Verdicts answered from the store: equal fragment, source, seed, device and versions give the kept judgement back.
#ifndef DRTRITON_VERIFY_KEPT_VERDICTS_H_
#define DRTRITON_VERIFY_KEPT_VERDICTS_H_

#include <optional>
#include <string>

#include "compile/farm.h"
#include "core/judge.h"
#include "store/store.h"

namespace drtriton {

class KeptVerdicts {
 public:
  KeptVerdicts(Store* store, std::string device_name, const JudgeOptions& options);

  std::optional<Judgement> Find(const CompileRequest& request) const;

  // Keeps verdicts that a rerun would give again; not errors, time-outs or what an interruption cut short.
  void Keep(const CompileRequest& request, const Judgement& judgement);

 private:
  std::string Key(const CompileRequest& request) const;

  Store* store_;
  std::string device_name_;
  JudgeOptions options_;
};

}  // namespace drtriton

#endif  // DRTRITON_VERIFY_KEPT_VERDICTS_H_
