// Collecting training pairs: sampled programs, the expert's proposals, and the verdict on each.
//
// Sample numbers (mix.h) are cut into units of kUnitNumbers.  A unit is one file (pair_shard.h): drawn, proposed for, judged and
// written whole.  So any number of processes may work in one folder - each takes units that nobody else holds, by a lock that ends
// with its process - and after kill -9 at most one unit a process is done again, with the verdicts that it had already.
//
// What is judged goes through the same Verifier as `verify` and `bench verify`; nothing here decides what is right.
#ifndef DRTRITON_PAIRS_COLLECT_H_
#define DRTRITON_PAIRS_COLLECT_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/judge.h"
#include "pairs/mix.h"
#include "store/store.h"
#include "synth/splits.h"

namespace drtriton {

inline constexpr int64_t kUnitNumbers = 80;

// A fresh sample of a family has to be so large, and so much of it accepted, for its pairs to be kept unjudged.
inline constexpr int64_t kFamilySample = 1000;
inline constexpr double kFamilyAcceptance = 0.999;

struct PairCollection {
  std::filesystem::path folder;
  PairMix mix;
  int64_t programs = 1000;               // sample numbers, rounded up to whole units
  int schedules = 4;                     // proposals of one program at most
  Split split = Split::kTrain;           // only programs of this part
  std::vector<std::string> unverified;   // families whose pairs need no verdict of their own
  int64_t family_sample = kFamilySample;
  double timeout_s = 60;
};

// Makes a Judge that keeps verdicts in `store`; lives while the collection runs.
using JudgeWith = std::function<std::vector<Judgement>(Store* store, const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                                       const std::function<void(size_t, const Judgement&)>& finished)>;

struct PairTally {
  int64_t judged = 0;
  int64_t accepted = 0;
  int64_t unverified = 0;
};

struct PairSummary {
  int64_t units = 0;             // finished by this process
  int64_t elsewhere = 0;         // held by other processes when this one ended
  int64_t programs = 0;          // with at least one proposal
  PairTally all;
  std::map<std::string, PairTally> families;   // "matmul + row": as the kernels of a proposal are
  std::map<std::string, int64_t> codes;        // of rejections
  double seconds = 0;
  bool interrupted = false;
};

// `device` and `timed` are the judge's.  Throws UserError: the folder holds pairs of another recipe, a family is not known or was
// not good enough.
PairSummary CollectPairs(const PairCollection& collection, const DeviceSpec& device, bool timed, const JudgeWith& judge);

// Markdown.
std::string SummaryText(const PairSummary& summary);

}  // namespace drtriton

#endif  // DRTRITON_PAIRS_COLLECT_H_
