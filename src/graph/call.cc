#include "graph/call.h"

#include <algorithm>

#include "base/error.h"

namespace drtriton {
namespace {

// Higher categories win: a tensor of rank > 0 over one of rank 0 over a number, unless the lower is of a higher kind of
// type (c10/core/ScalarType.h and aten/src/ATen/native/TypeProperties.cpp, combine_categories).
std::optional<DType> CombineCategories(std::optional<DType> higher, std::optional<DType> lower) {
  if (!higher || !lower) return higher ? higher : lower;
  const auto is_complex = [](DType t) { return t == DType::kComplex64 || t == DType::kComplex128; };
  if (is_complex(*higher)) return higher;
  if (IsFloating(*higher)) return is_complex(*lower) ? Promote(*higher, *lower) : *higher;
  if (*higher == DType::kBool || IsFloating(*lower) || is_complex(*lower)) return Promote(*higher, *lower);
  return higher;
}

}  // namespace

void Call::Refuse(const std::string& complaint) const { throw UserError(info_.name + ": " + complaint); }

const Attr& Call::Arg(std::string_view name) const {
  const int index = info_.schema.Find(name);
  if (index < 0) throw InternalError(info_.name + " has no argument '" + std::string(name) + "'");
  return Arg(static_cast<size_t>(index));
}

const Attr& Call::Arg(size_t index) const {
  static const Attr none;
  if (index < node_.args.size()) return node_.args[index];
  const std::optional<Attr>& otherwise = info_.schema.arguments.at(index).default_value;
  return otherwise ? *otherwise : none;
}

bool Call::Bool(std::string_view name) const {
  const Attr& attr = Arg(name);
  Expect(attr.Is<bool>(), "argument '", name, "' has to be a bool");
  return attr.AsBool();
}

int64_t Call::Int(std::string_view name) const {
  const Attr& attr = Arg(name);
  Expect(attr.Is<int64_t>() || attr.Is<bool>(), "argument '", name, "' has to be an int");
  return attr.AsInt();
}

double Call::Number(std::string_view name) const {
  const Attr& attr = Arg(name);
  Expect(attr.IsNumber(), "argument '", name, "' has to be a number");
  return attr.AsDouble();
}

const std::string& Call::String(std::string_view name) const {
  const Attr& attr = Arg(name);
  Expect(attr.Is<std::string>(), "argument '", name, "' has to be a string");
  return attr.AsString();
}

std::vector<int64_t> Call::Ints(std::string_view name) const {
  const Attr& attr = Arg(name);
  const auto is_int = [](const Attr& item) { return item.Is<int64_t>() || item.Is<bool>(); };
  const bool fits =
      attr.Is<AttrList>() ? std::all_of(attr.AsList().begin(), attr.AsList().end(), is_int) : is_int(attr);
  Expect(fits, "argument '", name, "' has to be a list of ints");
  return attr.AsInts();
}

std::vector<int64_t> Call::Ints(std::string_view name, size_t count, const std::vector<int64_t>& otherwise) const {
  std::vector<int64_t> ints = Ints(name);
  if (ints.empty() && !otherwise.empty()) return otherwise;
  if (ints.size() == 1) ints.resize(count, ints[0]);
  Expect(ints.size() == count, "argument '", name, "' has to hold ", count, " ints");
  return ints;
}

std::optional<DType> Call::DTypeOr(std::string_view name) const {
  const Attr& attr = Arg(name);
  if (attr.IsNone()) return std::nullopt;
  Expect(attr.Is<DType>(), "argument '", name, "' has to be a dtype");
  return attr.AsDType();
}

void Call::Append(std::string& text, const Shape& part) { text += Text(part); }

Operand Call::ToOperand(const Attr& attr) const {
  static const Shape scalar;
  if (attr.IsNumber())
    return Operand{.dtype = NumberDType(attr), .shape = scalar, .strides = scalar, .is_number = true};
  Expect(attr.IsValue(), "a tensor argument is missing");
  const ValueId id = attr.AsValue();
  Expect(id >= 0 && static_cast<size_t>(id) < program_.values.size(), "an argument names a value that does not exist");
  const Value& value = program_.value(id);
  return Operand{.dtype = value.dtype, .shape = value.shape, .strides = value.strides, .id = id};
}

std::optional<Operand> Call::OptionalTensor(std::string_view name) const {
  const Attr& attr = Arg(name);
  if (attr.IsNone()) return std::nullopt;
  return ToOperand(attr);
}

std::vector<Operand> Call::Tensors(std::string_view name) const {
  const Attr& attr = Arg(name);
  Expect(attr.Is<AttrList>(), "argument '", name, "' has to be a list of tensors");
  std::vector<Operand> operands;
  for (const Attr& item : attr.AsList()) operands.push_back(ToOperand(item));
  return operands;
}

int64_t Call::Dim(int64_t dim, int64_t rank) const {
  const int64_t count = std::max<int64_t>(rank, 1);
  Expect(dim >= -count && dim < count, "dimension ", dim, " is out of range for a tensor of rank ", rank);
  return dim < 0 ? dim + count : dim;
}

std::vector<bool> Call::Dims(std::string_view name, int64_t rank, bool empty_means_all) const {
  const Attr& attr = Arg(name);
  const std::vector<int64_t> dims = attr.IsNone() ? std::vector<int64_t>{} : Ints(name);
  std::vector<bool> flags(static_cast<size_t>(rank), dims.empty() && (attr.IsNone() || empty_means_all));
  std::vector<bool> seen(static_cast<size_t>(std::max<int64_t>(rank, 1)), false);
  for (int64_t dim : dims) {
    const size_t index = static_cast<size_t>(Dim(dim, rank));
    Expect(!seen[index], "dimension ", dim, " occurs twice");
    seen[index] = true;
    if (index < flags.size()) flags[index] = true;
  }
  return flags;
}

std::string Text(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::optional<Shape> BroadcastShapes(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
    const int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    result[result.size() - 1 - i] = x == 1 ? y : x;
  }
  return result;
}

Shape BroadcastAll(const Call& call, const std::vector<Operand>& operands) {
  Shape shape;
  for (const Operand& operand : operands) {
    if (shape.empty()) shape = operand.shape;
    if (shape == operand.shape) continue;
    std::optional<Shape> joined = BroadcastShapes(shape, operand.shape);
    if (!joined) call.Fail("shapes ", shape, " and ", operand.shape, " do not broadcast");
    shape = std::move(*joined);
  }
  return shape;
}

DType NumberDType(const Attr& number) {
  if (number.Is<bool>()) return DType::kBool;
  return number.Is<int64_t>() ? DType::kInt64 : DType::kFloat32;
}

DType ResultDType(const std::vector<Operand>& operands) {
  std::optional<DType> of_tensors, of_scalars, of_numbers;
  for (const Operand& operand : operands) {
    std::optional<DType>& category = operand.is_number ? of_numbers : operand.shape.empty() ? of_scalars : of_tensors;
    category = category ? Promote(*category, operand.dtype) : operand.dtype;
  }
  const std::optional<DType> result = CombineCategories(of_tensors, CombineCategories(of_scalars, of_numbers));
  return result.value_or(DType::kFloat32);
}

InferredValue Contiguous(DType dtype, Shape shape) {
  Shape strides = ContiguousStrides(shape);
  return InferredValue{dtype, std::move(shape), std::move(strides)};
}

InferredValue UnknownStrides(DType dtype, Shape shape) { return InferredValue{dtype, std::move(shape), std::nullopt}; }

InferredValue ContiguousIf(bool known, DType dtype, Shape shape) {
  return known ? Contiguous(dtype, std::move(shape)) : UnknownStrides(dtype, std::move(shape));
}

}  // namespace drtriton
