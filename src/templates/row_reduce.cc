// See row_reduce.h.  Tested, for values, by python/tests/test_templates.py.
#include "templates/row_reduce.h"

#include "templates/blocks.h"
#include "templates/expression.h"

namespace drtriton {
namespace {

// A sum of more steps than this carries the lost digits along: equal low bits in all terms (log-probabilities of 16-bit
// logits) round the same way in every step.
constexpr int64_t kPlainSteps = 64;

}  // namespace

bool IsArgReduction(const LoweredNode& node) { return node.function == "argmax" || node.function == "argmin"; }

DType RowReducer::IndexType() const {
  return problem_.column_count >= (int64_t{1} << 31) ? DType::kInt64 : DType::kInt32;
}

std::string RowReducer::PairHelper(const LoweredNode& node) {
  std::string helper = node.function == "argmax" ? "first_of_max" : "first_of_min";
  kernel_.helpers().insert(helper);
  return helper;
}

std::string RowReducer::ZeroBeyondEnd(const TileDim& columns, const std::string& text) {
  return columns.mask.empty() ? text : "tl.where(" + columns.mask + ", " + text + ", 0.0)";
}

RowReducer::Parts RowReducer::Operand(TileWriter& tile, const TileDim& columns, const LoweredNode& node) {
  NodeId operand = node.operands[0];
  DType type = lowered_.node(operand).dtype;
  std::string value = tile.Value(operand);
  bool zero_suits = node.function == "sum" && IsZeroBeyondEnd(operand);
  if (!columns.mask.empty() && !zero_suits) {
    std::string name = kernel_.Fresh(node.name + "_in");
    kernel_.Line(name + " = tl.where(" + columns.mask + ", " + value + ", " + NeutralText(node.function, type) + ")");
    value = name;
  }
  if (!IsArgReduction(node)) return {value};
  std::string at = kernel_.Fresh(node.name + "_at"), wide = kernel_.Fresh(node.name + "_of");
  kernel_.Line(wide + ", " + at + " = tl.broadcast(" + value + ", " + tile.Value(node.operands[1]) + ".to(" +
               std::string(TritonName(IndexType())) + "))");
  return {wide, at};
}

bool RowReducer::KeepsLostDigits(const LoweredNode& node) const {
  int64_t length = schedule_.way == RowWay::kSplit ? schedule_.part : problem_.column_count;
  return node.function == "sum" && RegisterType(node.dtype) == DType::kFloat32 && CeilDiv(length, schedule_.block_n) > kPlainSteps;
}

std::string RowReducer::Filled(const std::string& base, const std::string& value, DType dtype) {
  std::string name = kernel_.Fresh(base);
  std::string shape = OneRow() ? "[BLOCK_N]" : "[BLOCK_M, BLOCK_N]";
  kernel_.Constant("BLOCK_N", schedule_.block_n);
  kernel_.Line(name + " = tl.full(" + shape + ", " + value + ", " + std::string(TritonName(RegisterType(dtype))) + ")");
  return name;
}

RowReducer::Accumulator RowReducer::Open(const LoweredNode& node) {
  Accumulator made;
  DType type = lowered_.node(node.operands[0]).dtype;
  made.parts = {Filled(node.name + "_acc", NeutralText(node.function, type), type)};
  if (IsArgReduction(node)) {   // behind every real position, so that a row of neutral elements has its first one
    std::string last = IndexType() == DType::kInt64 ? "9223372036854775807" : "2147483647";
    made.parts.push_back(Filled(node.name + "_acc_at", last, IndexType()));
  }
  if (KeepsLostDigits(node)) made.lost = Zeros(node.name + "_lost", node.dtype);
  return made;
}

void RowReducer::Add(const LoweredNode& node, const Parts& operand, const Accumulator& accumulator) {
  const std::string& total = accumulator.parts[0];
  if (IsArgReduction(node)) {
    kernel_.Line(total + ", " + accumulator.parts[1] + " = " + PairHelper(node) + "(" + total + ", " + accumulator.parts[1] +
                 ", " + operand[0] + ", " + operand[1] + ")");
    return;
  }
  if (accumulator.lost.empty()) {
    kernel_.Line(total + " = " + CombineText(node.function, total, operand[0], node.dtype, kernel_.helpers()));
    return;
  }
  // Knuth's two-sum: `lost` gathers what rounding drops.
  std::string next = kernel_.Fresh("next"), added = kernel_.Fresh("added");
  kernel_.Line(next + " = " + total + " + " + operand[0]);
  kernel_.Line(added + " = " + next + " - " + total);
  kernel_.Line(accumulator.lost + " += (" + total + " - (" + next + " - " + added + ")) + (" + operand[0] + " - " + added + ")");
  kernel_.Line(total + " = " + next);
}

RowReducer::Parts RowReducer::Finish(const Accumulator& accumulator) {
  const std::string& lost = accumulator.lost;
  if (!lost.empty()) {   // an infinite sum has lost NaN
    kernel_.Line(accumulator.parts[0] + " += tl.where(tl.abs(" + lost + ") < float(\"inf\"), " + lost + ", 0.0)");
  }
  return accumulator.parts;
}

std::string RowReducer::AcrossText(const LoweredNode& node, const std::string& operand) {
  return ReduceText(node.function, operand, Axis(), !OneRow(), node.dtype, kernel_.helpers());
}

RowReducer::Parts RowReducer::Across(const LoweredNode& node, const Parts& operand) {
  if (!IsArgReduction(node)) {
    std::string name = kernel_.Fresh(node.name);
    kernel_.Line(name + " = " + AcrossText(node, operand[0]));
    return {name};
  }
  std::string value = kernel_.Fresh(node.name + "_value"), index = kernel_.Fresh(node.name);
  kernel_.Line(value + ", " + index + " = tl.reduce((" + operand[0] + ", " + operand[1] + "), " + std::to_string(Axis()) + ", " +
               PairHelper(node) + (OneRow() ? ")" : ", keep_dims=True)"));
  return {value, index};
}

std::vector<DType> RowReducer::PartTypes(const LoweredNode& node) const {
  if (IsArgReduction(node)) return {RegisterType(lowered_.node(node.operands[0]).dtype), IndexType()};
  return {RegisterType(node.dtype)};
}

// Whether a value is 0 where its loads are masked off and read 0.
bool RowReducer::IsZeroBeyondEnd(NodeId id) const {
  const LoweredNode& node = lowered_.node(id);
  if (node.kind == LoweredKind::kLoad) return problem_.DependsOnColumns(lowered_, id);
  if (node.kind != LoweredKind::kPointwise) return false;
  const std::string& f = node.function;
  if (f == "cast" || f == "square" || f == "abs" || f == "neg" || f == "relu") return IsZeroBeyondEnd(node.operands[0]);
  if (f == "add" || f == "sub" || f == "mul") return IsZeroBeyondEnd(node.operands[0]) && IsZeroBeyondEnd(node.operands[1]);
  return false;
}

}  // namespace drtriton
