// Call: one node as the rules of the registry see it - arguments by name, tensors with their types, errors that name
// the operator.  Used by the tables (operators_*.cc) only.
#ifndef DRTRITON_GRAPH_CALL_H_
#define DRTRITON_GRAPH_CALL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"
#include "graph/registry.h"

namespace drtriton {

// A tensor argument, or a number that stands for one (PyTorch wraps it as a weakly typed tensor of rank 0).  Shape and
// strides are the Program's own.
struct Operand {
  DType dtype = DType::kFloat32;
  const Shape& shape;
  const Shape& strides;
  bool is_number = false;
  ValueId id = -1;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t Elements() const { return ElementCount(shape); }
};

class Call {
 public:
  Call(const Program& program, const Node& node, const OperatorInfo& info)
      : program_(program), node_(node), info_(info) {}

  const OperatorInfo& info() const { return info_; }
  const Program& program() const { return program_; }

  // Throws UserError: "aten.mm.default: <complaint>", the complaint in parts that are joined only then: texts, numbers,
  // dtypes, shapes ("[2, 3]").
  template <typename... Parts>
  [[noreturn]] void Fail(const Parts&... parts) const {
    std::string complaint;
    (Append(complaint, parts), ...);
    Refuse(complaint);
  }
  template <typename... Parts>
  void Expect(bool holds, const Parts&... parts) const {
    if (!holds) [[unlikely]]
      Fail(parts...);
  }

  const Attr& Arg(std::string_view name) const;
  const Attr& Arg(size_t index) const;
  bool Has(std::string_view name) const { return !Arg(name).IsNone(); }
  bool Bool(std::string_view name) const;
  int64_t Int(std::string_view name) const;
  double Number(std::string_view name) const;
  const std::string& String(std::string_view name) const;
  std::vector<int64_t> Ints(std::string_view name) const;
  // A list of `count` ints; one int counts for all, an empty list gives `otherwise`.
  std::vector<int64_t> Ints(std::string_view name, size_t count, const std::vector<int64_t>& otherwise = {}) const;
  std::optional<DType> DTypeOr(std::string_view name) const;

  Operand ToOperand(const Attr& attr) const;
  Operand Tensor(std::string_view name) const { return ToOperand(Arg(name)); }
  Operand Tensor(size_t index) const { return ToOperand(Arg(index)); }
  std::optional<Operand> OptionalTensor(std::string_view name) const;
  std::vector<Operand> Tensors(std::string_view name) const;  // of a list

  // A dimension in [0, rank): negative ones count from the end.  Rank 0 counts as 1, as in PyTorch.
  int64_t Dim(int64_t dim, int64_t rank) const;
  int64_t Dim(std::string_view name, int64_t rank) const { return Dim(Int(name), rank); }
  // The dimensions named by an `int[] dim` argument, as flags; none or empty: all of them when `empty_means_all`.
  std::vector<bool> Dims(std::string_view name, int64_t rank, bool empty_means_all = true) const;

 private:
  [[noreturn]] void Refuse(const std::string& complaint) const;
  static void Append(std::string& text, std::string_view part) { text += part; }
  static void Append(std::string& text, int64_t part) { text += std::to_string(part); }
  static void Append(std::string& text, size_t part) { text += std::to_string(part); }
  static void Append(std::string& text, DType part) { text += Name(part); }
  static void Append(std::string& text, const Shape& part);

  const Program& program_;
  const Node& node_;
  const OperatorInfo& info_;
};

std::string Text(const Shape& shape);  // "[2, 3]"

// Broadcast shape of two; nullopt when they do not fit.
std::optional<Shape> BroadcastShapes(const Shape& a, const Shape& b);
Shape BroadcastAll(const Call& call, const std::vector<Operand>& operands);

// torch.result_type over tensors and numbers: tensors of rank > 0 before those of rank 0 before numbers.
DType ResultDType(const std::vector<Operand>& operands);
DType NumberDType(const Attr& number);

// Results with contiguous strides.
InferredValue Contiguous(DType dtype, Shape shape);
InferredValue UnknownStrides(DType dtype, Shape shape);
InferredValue ContiguousIf(bool known, DType dtype, Shape shape);

inline bool IsRowMajor(const Operand& operand) { return IsContiguous(operand.shape, operand.strides); }

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_CALL_H_
