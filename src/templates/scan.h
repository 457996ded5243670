// The scan family: cumulative sums, products, maxima ... along one direction, with scalar work in front and behind.
//
// Columns are what is scanned, rows the rest.  Ways, by the length of a row:
//   whole    a program keeps whole rows in registers
//   looped   a program walks along its rows block by block; what came before is carried in one value a row
//   split    few long rows: one kernel reduces each part of a row to one value, the next joins the values of the parts
//            before its own, in a fixed order, and scans its part from there
#ifndef DRTRITON_TEMPLATES_SCAN_H_
#define DRTRITON_TEMPLATES_SCAN_H_

#include <string>
#include <variant>
#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/lowered.h"
#include "templates/source.h"

namespace drtriton {

struct ScanProblem {
  AxisList rows, columns;        // columns in the order in which they are scanned
  int64_t row_count = 1, column_count = 1;
  std::vector<NodeId> scans;     // operands first
  bool chained = false;          // some scan needs another's result
  bool strided = false;          // memory is contiguous along rows, not along columns
  double bytes = 0;              // loads and stores, each once
};

// The problem, or why the fragment is none: a clause.
std::variant<ScanProblem, std::string> AnalyseScans(const Lowered& lowered);

enum class ScanWay : uint8_t { kWhole, kLooped, kSplit };

struct ScanSchedule {
  ScanWay way = ScanWay::kWhole;
  int64_t block_m = 1, block_n = 1024;   // rows and columns of a tile
  int64_t splits = 1, part = 0;          // kSplit: parts of a row, a power of two, and the columns of one
  int num_warps = 4;
  double estimated_us = 0;
};

// Best estimate first.
std::vector<ScanSchedule> ScanSchedules(const Lowered& lowered, const ScanProblem& problem, const DeviceSpec& device);
// scan_source.cc
void AppendScan(const Lowered& lowered, const ScanProblem& problem, const ScanSchedule& schedule, const DeviceSpec& device,
                ModuleSource& module, Proposal& proposal);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_SCAN_H_
