#include "graph/attr.h"

#include <cmath>

#include "base/error.h"

namespace drtriton {
namespace {

template <typename T>
const T& Get(const Attr::Variant& variant, const char* complaint) {
  const T* value = std::get_if<T>(&variant);
  Require(value != nullptr, complaint);
  return *value;
}

}  // namespace

Attr Attr::Ints(const std::vector<int64_t>& values) {
  AttrList list;
  list.reserve(values.size());
  for (int64_t value : values) list.emplace_back(value);
  return Attr(std::move(list));
}

bool Attr::AsBool() const { return Get<bool>(value_, "argument is not a bool"); }

int64_t Attr::AsInt() const {
  if (const bool* value = std::get_if<bool>(&value_)) return *value ? 1 : 0;
  return Get<int64_t>(value_, "argument is not an int");
}

double Attr::AsDouble() const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  if (const bool* value = std::get_if<bool>(&value_)) return *value ? 1.0 : 0.0;
  return static_cast<double>(Get<int64_t>(value_, "argument is not a number"));
}

const std::string& Attr::AsString() const { return Get<std::string>(value_, "argument is not a string"); }
ValueId Attr::AsValue() const { return Get<ValueRef>(value_, "argument is not a tensor").id; }
DType Attr::AsDType() const { return Get<DType>(value_, "argument is not a dtype"); }
const AttrList& Attr::AsList() const { return Get<AttrList>(value_, "argument is not a list"); }

std::vector<int64_t> Attr::AsInts() const {
  if (!Is<AttrList>()) return {AsInt()};
  std::vector<int64_t> ints;
  ints.reserve(AsList().size());
  for (const Attr& item : AsList()) ints.push_back(item.AsInt());
  return ints;
}

// NaN equals NaN: equality means "the same argument", so that what is printed and parsed again compares equal.
bool operator==(const Attr& a, const Attr& b) {
  const double* x = std::get_if<double>(&a.value_);
  const double* y = std::get_if<double>(&b.value_);
  if (x != nullptr && y != nullptr && std::isnan(*x) && std::isnan(*y)) return true;
  return a.value_ == b.value_;
}

}  // namespace drtriton
