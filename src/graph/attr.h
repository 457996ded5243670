// An argument of an operator: what an ATen schema allows, with tensors as references to values.
#ifndef DRTRITON_GRAPH_ATTR_H_
#define DRTRITON_GRAPH_ATTR_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "graph/dtype.h"

namespace drtriton {

using ValueId = int32_t;

struct ValueRef {
  ValueId id = -1;
  friend bool operator==(const ValueRef&, const ValueRef&) = default;
};
struct DeviceAttr {
  std::string name;  // "cuda", "cpu", "cuda:0"
  friend bool operator==(const DeviceAttr&, const DeviceAttr&) = default;
};
struct LayoutAttr {
  std::string name;  // "strided"
  friend bool operator==(const LayoutAttr&, const LayoutAttr&) = default;
};
struct MemoryFormatAttr {
  std::string name;  // "contiguous_format", "preserve_format", "channels_last", "channels_last_3d"
  friend bool operator==(const MemoryFormatAttr&, const MemoryFormatAttr&) = default;
};

class Attr;
using AttrList = std::vector<Attr>;

// A value type.  `None` is std::monostate.  Integers and floats are distinct, as in schemas (`Scalar` may be either).
class Attr {
 public:
  using Variant = std::variant<std::monostate, bool, int64_t, double, std::string, ValueRef, DType, DeviceAttr,
                               LayoutAttr, MemoryFormatAttr, AttrList>;

  Attr() = default;
  Attr(Variant value) : value_(std::move(value)) {}  // NOLINT: an Attr is written where a literal is meant
  Attr(bool v) : value_(v) {}                        // NOLINT
  Attr(int v) : value_(int64_t{v}) {}                // NOLINT
  Attr(int64_t v) : value_(v) {}                     // NOLINT
  Attr(double v) : value_(v) {}                      // NOLINT
  Attr(const char* v) : value_(std::string(v)) {}    // NOLINT
  Attr(std::string v) : value_(std::move(v)) {}      // NOLINT
  Attr(ValueRef v) : value_(v) {}                    // NOLINT
  Attr(DType v) : value_(v) {}                       // NOLINT
  Attr(AttrList v) : value_(std::move(v)) {}         // NOLINT
  static Attr Ints(const std::vector<int64_t>& values);

  const Variant& variant() const { return value_; }
  template <typename T>
  bool Is() const {
    return std::holds_alternative<T>(value_);
  }
  bool IsNone() const { return Is<std::monostate>(); }
  bool IsValue() const { return Is<ValueRef>(); }
  bool IsNumber() const { return Is<int64_t>() || Is<double>() || Is<bool>(); }

  // Each throws InternalError when the kind differs.  AsDouble takes bool, int and double; AsInt takes bool and int;
  // AsInts takes a list of ints or one int (schemas widen `int[2] stride=1`).
  bool AsBool() const;
  int64_t AsInt() const;
  double AsDouble() const;
  const std::string& AsString() const;
  ValueId AsValue() const;
  DType AsDType() const;
  const AttrList& AsList() const;
  std::vector<int64_t> AsInts() const;

  friend bool operator==(const Attr&, const Attr&);

 private:
  Variant value_;
};

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_ATTR_H_
