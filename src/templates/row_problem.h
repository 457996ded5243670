// RowProblem: a fragment seen as rows x columns, where the columns are what its reductions run over.
#ifndef DRTRITON_TEMPLATES_ROW_PROBLEM_H_
#define DRTRITON_TEMPLATES_ROW_PROBLEM_H_

#include <cstddef>
#include <string>
#include <variant>
#include <vector>

#include "templates/lowered.h"

namespace drtriton {

struct RowProblem {
  AxisList rows, columns;   // outermost first; columns in the order in which the largest load lies in memory
  int64_t row_count = 1, column_count = 1;
  // Reductions by level: those of a level need only those of levels before (softmax: maximum, then sum).
  std::vector<std::vector<NodeId>> levels;
  std::vector<LoweredStore> row_stores;    // one element a row
  std::vector<LoweredStore> full_stores;   // one element for each row and column
  bool strided = false;             // the large loads are contiguous along rows, not along columns
  double row_bytes = 0;             // of one row: loads that depend on columns
  double load_bytes = 0, store_bytes = 0;   // of everything, each once

  bool DependsOnColumns(const Lowered& lowered, NodeId node) const;
};

// The problem, or why the fragment is none: a clause.
std::variant<RowProblem, std::string> AnalyseRows(const Lowered& lowered);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_ROW_PROBLEM_H_
