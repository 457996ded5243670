#include "synth/module_tensors.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <vector>

#include "synth/module_sizes.h"

namespace drtriton {
namespace {

void AppendList(std::string& out, const Shape& values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ", ";
    AppendInt(out, values[i]);
  }
}

void AppendTuple(std::string& out, const Shape& values) {
  out += '(';
  AppendList(out, values);
  out += values.size() == 1 ? ",)" : ")";
}

LeafFill Resolved(const Value& value, LeafFill fill) {
  if (fill.kind != LeafFill::Kind::kDefault) return fill;
  if (value.dtype == DType::kBool) return {LeafFill::Kind::kMask, 0.5, 0};
  if (IsFloating(value.dtype)) return {LeafFill::Kind::kNormal, 0, 1};
  return {LeafFill::Kind::kIntegers, 0, 10};
}

// A size of a tensor to be made: a dimension of the value, or (dim < 0) a number.
struct Extent {
  int dim = -1;
  int64_t size = 1;
};
using Extents = std::vector<Extent>;

// Writes one contiguous tensor: f(shape[, dtype=...]) and what makes its distribution.
class Filler {
 public:
  Filler(std::string& out, const Value& value, const LeafFill& fill, const AppendDimension& append_dimension)
      : out_(out), value_(value), fill_(Resolved(value, fill)), append_dimension_(append_dimension) {}

  void Append(const Extents& extents) {
    switch (fill_.kind) {
      case LeafFill::Kind::kMask:
        Call("torch.rand(", extents, false);
        out_ += " < ";
        return AppendShortFloat(out_, fill_.a);
      case LeafFill::Kind::kIntegers:
        return Integers(extents);
      case LeafFill::Kind::kConstant:
        return Constant(extents);
      case LeafFill::Kind::kUniform:
        return Uniform(extents);
      default:
        return Normal(extents);
    }
  }

  // Whether what Append() wrote needs parentheses before a method can be called on it.
  bool IsOperation() const {
    const bool normal = fill_.kind == LeafFill::Kind::kNormal && (fill_.a != 0 || fill_.b != 1);
    return fill_.kind == LeafFill::Kind::kMask || normal;
  }

  // The sizes, without parentheses.
  void List(const Extents& extents) {
    for (size_t i = 0; i < extents.size(); ++i) {
      if (i > 0) out_ += ", ";
      if (extents[i].dim >= 0) {
        append_dimension_(out_, static_cast<size_t>(extents[i].dim));
      } else {
        AppendInt(out_, extents[i].size);
      }
    }
  }

 private:
  void Call(std::string_view function, const Extents& extents, bool with_dtype) {
    out_ += function;
    if (extents.empty()) {
      out_ += "()";
    } else {
      List(extents);
    }
    if (with_dtype) DTypeKeyword();
    out_ += ')';
  }

  void DTypeKeyword() {
    if (value_.dtype == DType::kFloat32) return;
    out_ += ", dtype=torch.";
    out_ += Name(value_.dtype);
  }

  // randint() and full() take the shape as a tuple.
  void ShapeTuple(const Extents& extents) {
    out_ += '(';
    List(extents);
    out_ += extents.size() == 1 ? ",)" : ")";
  }

  void Integers(const Extents& extents) {
    out_ += "torch.randint(";
    if (fill_.a != 0) {
      AppendInt(out_, static_cast<int64_t>(fill_.a));
      out_ += ", ";
    }
    AppendInt(out_, static_cast<int64_t>(fill_.b));
    out_ += ", ";
    ShapeTuple(extents);
    if (value_.dtype != DType::kInt64) {
      out_ += ", dtype=torch.";  // of float32 too: randint() gives integers by default
      out_ += Name(value_.dtype);
    }
    out_ += ')';
  }

  void Constant(const Extents& extents) {
    if (fill_.a == 0 || fill_.a == 1) return Call(fill_.a == 0 ? "torch.zeros(" : "torch.ones(", extents, true);
    out_ += "torch.full(";
    ShapeTuple(extents);
    out_ += ", ";
    if (IsFloating(value_.dtype)) {
      AppendShortFloat(out_, fill_.a);
    } else {
      AppendInt(out_, static_cast<int64_t>(fill_.a));
    }
    DTypeKeyword();
    out_ += ')';
  }

  void Uniform(const Extents& extents) {
    if (fill_.a == 0 && fill_.b == 1) return Call("torch.rand(", extents, true);
    Call("torch.empty(", extents, true);
    out_ += ".uniform_(";
    AppendShortFloat(out_, fill_.a);
    out_ += ", ";
    AppendShortFloat(out_, fill_.b);
    out_ += ')';
  }

  void Normal(const Extents& extents) {
    Call("torch.randn(", extents, true);
    if (fill_.b != 1) {
      out_ += " * ";
      AppendShortFloat(out_, fill_.b);
    }
    if (fill_.a != 0) {
      out_ += fill_.a < 0 ? " - " : " + ";
      AppendShortFloat(out_, fill_.a < 0 ? -fill_.a : fill_.a);
    }
  }

  std::string& out_;
  const Value& value_;
  LeafFill fill_;
  const AppendDimension& append_dimension_;
};

// Dimensions from the one with the largest stride to the one with the smallest; those of size 1 stay in place as far as
// they can.
std::vector<size_t> ByStride(const Value& value) {
  std::vector<size_t> order(value.shape.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return value.strides[a] > value.strides[b]; });
  return order;
}

// What follows a contiguous tensor of the reordered shape: ".transpose(-2, -1)" or ".permute(...)".
void AppendReordering(std::string& out, const std::vector<size_t>& order) {
  const size_t rank = order.size();
  Shape back(rank);
  for (size_t i = 0; i < rank; ++i) back[order[i]] = static_cast<int64_t>(i);
  Shape swapped(rank);
  std::iota(swapped.begin(), swapped.end(), 0);
  if (rank >= 2) std::swap(swapped[rank - 1], swapped[rank - 2]);
  if (back == swapped) {
    out += rank == 2 ? ".t()" : ".transpose(-2, -1)";
    return;
  }
  out += ".permute(";
  AppendList(out, back);
  out += ')';
}

// Channels last: batch, then space, then channels.
bool IsChannelsLast(const std::vector<size_t>& order) {
  const size_t rank = order.size();
  if (rank != 4 && rank != 5) return false;
  bool last = order[0] == 0 && order[rank - 1] == 1;
  for (size_t i = 1; i + 1 < rank; ++i) last = last && order[i] == i + 1;
  return last;
}

}  // namespace

void AppendTensor(std::string& out, const Value& value, const LeafFill& fill, const AppendDimension& append_dimension) {
  Filler filler(out, value, fill, append_dimension);
  Extents extents;
  for (size_t i = 0; i < value.shape.size(); ++i) extents.push_back({.dim = static_cast<int>(i)});
  if (IsContiguous(value.shape, value.strides)) return filler.Append(extents);
  const auto base = [&](const Extents& of) {
    if (filler.IsOperation()) out += '(';
    filler.Append(of);
    if (filler.IsOperation()) out += ')';
  };
  // Dense, with its dimensions in another order.
  const std::vector<size_t> order = ByStride(value);
  Extents ordered;
  Shape ordered_shape, strides;
  for (const size_t dim : order) {
    ordered.push_back({.dim = static_cast<int>(dim)});
    ordered_shape.push_back(value.shape[dim]);
    strides.push_back(value.strides[dim]);
  }
  if (IsContiguous(ordered_shape, strides)) {
    if (IsChannelsLast(order)) {
      base(extents);
      out += order.size() == 4 ? ".to(memory_format=torch.channels_last)" : ".to(memory_format=torch.channels_last_3d)";
      return;
    }
    base(ordered);
    return AppendReordering(out, order);
  }
  // Broadcast along dimensions of stride 0, else contiguous.
  Shape single = value.shape;
  Extents single_extents = extents;
  for (size_t i = 0; i < single.size(); ++i) {
    if (value.strides[i] == 0) single_extents[i] = {.dim = -1, .size = single[i] = 1};
  }
  if (IsContiguous(single, value.strides)) {
    base(single_extents);
    out += ".expand(";
    filler.List(extents);
    out += ')';
    return;
  }
  // Anything else: a window on a vector.
  base({{.dim = -1, .size = StorageExtent(value.shape, value.strides)}});
  out += ".as_strided(";
  AppendTuple(out, value.shape);
  out += ", ";
  AppendTuple(out, value.strides);
  out += ')';
}

}  // namespace drtriton
