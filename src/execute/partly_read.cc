// Tested by mutants_test.cc.
#include "execute/partly_read.h"

#include <algorithm>
#include <set>

#include "graph/base_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

using BaseNames = std::set<std::string>;

// Functions of one element with the sign of their operand, and zero where it is zero.
const BaseNames kSignKeeping = {"sinh", "asinh", "atan", "tanh", "erf", "softsign", "selu", "expm1", "sign", "sgn", "deg2rad", "rad2deg", "alias", "special_expm1", "special_erf", "erfinv", "arctan", "arcsinh"};
// Functions whose results may underflow to a zero of their operand's sign.
const BaseNames kSignBitKeeping = {"hardswish", "silu", "gelu", "mish"};
// Functions that are zero where their operand is, and nowhere else.
const BaseNames kZeroKeeping = {"abs", "neg", "square", "sqrt", "log1p"};
// Results are elements of the operand, chosen by their order; only the values may be read.
const BaseNames kOrderStatistics = {"median", "amax", "amin", "max", "min", "kthvalue", "sort", "topk", "cummax", "cummin", "max_pool1d", "max_pool2d", "max_pool3d"};
const BaseNames kComparisons = {"gt", "lt", "ge", "le", "eq", "ne"};

bool IsScalar(const Attr& attr, bool (*holds)(double)) { return attr.IsNumber() && holds(attr.AsDouble()); }
bool IsPositive(double number) { return number > 0; }
bool IsNegative(double number) { return number < 0; }
bool IsZero(double number) { return number == 0; }
bool IsNotZero(double number) { return number != 0; }

bool AllPositive(const Node& node) {
  return std::all_of(node.args.begin() + 1, node.args.end(), [](const Attr& attr) { return !attr.IsNumber() || attr.Is<bool>() || attr.AsDouble() > 0; });
}

// Sums and means over the same elements, averages by another count: one is a positive multiple of the other.
bool IsPositiveMultiple(const Node& before, const Node& after) {
  const std::string one = BaseName(before.op), other = BaseName(after.op);
  if (before.args.empty() || after.args.empty() || !(before.args[0] == after.args[0])) return false;
  if ((one == "sum" && other == "mean") || (one == "mean" && other == "sum")) return true;
  if (before.op != after.op) return false;
  const Schema& schema = SchemaOf(before);
  for (size_t i = 1; i < before.args.size(); ++i) {
    if (before.args[i] == after.args[i]) continue;
    const std::string& name = schema.arguments.at(i).name;
    if (one.starts_with("avg_pool") && name == "count_include_pad") continue;
    // A logarithm whose sign is the same: xlogy(x, a) is x times log(a).
    if (one == "xlogy" && before.args[i].IsNumber() && after.args[i].IsNumber() && (before.args[i].AsDouble() - 1) * (after.args[i].AsDouble() - 1) > 0) continue;
    return false;
  }
  return true;
}

}  // namespace

bool OnlyMoves(const Program& program, const Node& node) {
  const OperatorInfo* info = FindOperator(node.op);
  const auto inputs = node.Inputs();
  if (info == nullptr || (info->kind != OpKind::kView && info->kind != OpKind::kMovement) || inputs.size() != 1) return false;
  const DType dtype = program.value(inputs[0]).dtype;
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return id < 0 || program.value(id).dtype == dtype; });
}

PartlyRead::PartlyRead(const Program& program) : program_(program), users_(program.Users()), is_result_(program.values.size(), false) {
  for (const ValueId id : program.Results()) is_result_[static_cast<size_t>(id)] = true;
}

bool PartlyRead::Keeps(const Node& node, Part part) {
  const std::string base = BaseName(node.op);
  if (node.Inputs().size() != 1 || node.args.empty() || !node.args[0].IsValue()) return false;
  if (kSignKeeping.contains(base)) return true;
  if (part == Part::kSignBit && kSignBitKeeping.contains(base)) return true;
  if (part == Part::kZero && kZeroKeeping.contains(base)) return true;
  if (base == "leaky_relu" || base == "elu" || base == "celu") return AllPositive(node);
  if (node.args.size() < 2) return false;
  if (base == "mul" || base == "div") return node.args.size() == 2 && IsScalar(node.args[1], part == Part::kZero ? IsNotZero : IsPositive);
  if (base == "clamp_min") return IsScalar(node.args[1], IsNegative);
  if (base == "clamp_max") return IsScalar(node.args[1], IsPositive);
  if (base == "pow") return part == Part::kZero && IsScalar(node.args[1], IsPositive);
  if (base == "clamp" || base == "hardtanh") return node.args.size() > 2 && (node.args[1].IsNone() || IsScalar(node.args[1], IsNegative)) && (node.args[2].IsNone() || IsScalar(node.args[2], IsPositive));
  return false;
}

bool PartlyRead::Reads(const Node& reader, ValueId value, Part part) {
  static const BaseNames kTruths = {"logical_and", "logical_or", "logical_xor", "logical_not", "any", "all", "count_nonzero"};
  const std::string base = BaseName(reader.op);
  const Attr here = ValueRef{value};
  const bool with_zero = kComparisons.contains(base) && reader.args.size() == 2 && reader.args[0] == here && IsScalar(reader.args[1], IsZero);
  if (part == Part::kZero) return kTruths.contains(base) || (with_zero && (base == "eq" || base == "ne"));
  if (part == Part::kSign && with_zero) return true;
  if (part == Part::kSign && (base == "sign" || base == "sgn")) return reader.args[0] == here;
  if (base == "signbit") return true;
  return base == "copysign" && reader.args.size() == 2 && reader.args[1] == here && !(reader.args[0] == here);
}

bool PartlyRead::Passes(const Node& reader, Part part) const {
  if (OnlyMoves(program_, reader) || Keeps(reader, part)) return true;
  if (part != Part::kSign || !kOrderStatistics.contains(BaseName(reader.op)) || reader.Inputs().size() != 1) return false;
  return std::all_of(reader.outputs.begin() + 1, reader.outputs.end(), [](ValueId id) { return id < 0; });
}

bool PartlyRead::IsReadFor(ValueId value, Part part) const {
  const auto& readers = users_[static_cast<size_t>(value)];
  if (is_result_[static_cast<size_t>(value)] || readers.empty()) return false;
  return std::all_of(readers.begin(), readers.end(), [&](int32_t index) {
    const Node& reader = program_.nodes[static_cast<size_t>(index)];
    if (Reads(reader, value, part)) return true;
    return Passes(reader, part) && std::all_of(reader.outputs.begin(), reader.outputs.end(), [&](ValueId id) {
      return id < 0 || (users_[static_cast<size_t>(id)].empty() && !is_result_[static_cast<size_t>(id)]) || IsReadFor(id, part);
    });
  });
}

std::string PartlyRead::Find(const Node& before, const Node& after) const {
  if (before.outputs.size() != 1 || before.outputs[0] < 0 || before.args.empty() || after.args.empty() || !(before.args[0] == after.args[0])) return "";
  const ValueId value = before.outputs[0];
  const bool multiple = IsPositiveMultiple(before, after);
  const bool cast = BaseName(after.op) == "_to_copy";   // the operand in the result's type: numbers of a mask
  const auto keeps = [&](Part part) { return multiple || (Keeps(before, part) && (Keeps(after, part) || (cast && part == Part::kZero))); };
  if ((keeps(Part::kSign) && IsReadFor(value, Part::kSign)) || (keeps(Part::kSignBit) && IsReadFor(value, Part::kSignBit))) return "a function that keeps signs, of which the sign alone is read";
  if (keeps(Part::kZero) && IsReadFor(value, Part::kZero)) return "a function that keeps zeros, of which nothing else is read";
  return "";
}

}  // namespace drtriton
