// The report of a conversion: what was done, how right and how fast it is, as JSON and as one self-contained HTML file.
#ifndef DRTRITON_REPORT_REPORT_H_
#define DRTRITON_REPORT_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "core/composition.h"
#include "core/device.h"
#include "core/proposal.h"
#include "core/verdict.h"

namespace drtriton {

// One column of the final measurement, taken in one run, interleaved with the others.
struct Timing {
  std::string name;                     // "eager", "torch.compile", "drtriton"
  std::optional<double> device_ms;      // median of CUDA graph replays, L2 flushed before each
  std::optional<double> device_ci_ms;   // half width of the 95% confidence interval
  std::optional<double> wall_us;        // caller's time per call, median
  std::string failure;                  // why there is no time
};

struct ConversionReport {
  std::string module_path;
  std::string output_path;              // empty when nothing was written
  std::string outcome;                  // one sentence
  bool written = false;
  std::string device_name;              // "NVIDIA H200" or "interpreter"
  DeviceSpec device;
  std::string mode;                     // "eval" or "train"
  bool strict = false;
  bool reduced_shapes = false;
  bool interrupted = false;             // Ctrl-C: the best so far was written
  bool timed = false;
  uint64_t seed = 0;
  double seconds = 0;                   // wall time of the conversion
  std::vector<std::pair<std::string, double>> stages;   // name, seconds
  Composition composition;
  std::vector<RegionSummary> regions;
  std::vector<TriedCandidate> tried;
  std::optional<Verdict> final_check;   // of the whole module in a fresh Python process
  std::vector<Timing> timings;
  std::vector<std::pair<std::string, std::string>> versions;   // "torch" -> "2.11.0"
};

// Facts about one kernel step that both forms show: FLOPs, bytes, achieved rates, share of the device's peak.
struct KernelFacts {
  double flops = 0;
  double bytes = 0;                     // fragment inputs read once plus results written once
  std::optional<double> time_ms;
  std::optional<double> bytes_per_us;
  std::optional<double> flops_per_us;
  std::optional<double> roofline_share; // roofline time over measured time
};
KernelFacts FactsOf(const KernelStep& step, const DeviceSpec& device);

Json ReportJson(const ConversionReport& report);

// Opens without a network; readable on a phone; every number carries its unit.
std::string ReportHtml(const ConversionReport& report);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_REPORT_H_
