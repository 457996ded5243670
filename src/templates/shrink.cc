// See shrink.h.  Tested by shrink_test.cc.
//
// Idea: one axis (axes.h) a distinct size.  Every node that regroups sizes - a reshape, a split, the groups of group_norm
// - unifies products of them, which splits axes into factors.  Then each factor is cut to a cap, and a size becomes the
// product of its factors' new sizes.  The first cap that brings the program within the budget wins.
#include "templates/shrink.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "base/error.h"
#include "graph/registry.h"
#include "templates/axes.h"

namespace drtriton {
namespace {

constexpr int64_t kCaps[] = {256, 128, 64, 48, 32, 16, 8, 4, 2};

// At most `cap`, in the same class: a multiple of 16, even, or odd.
int64_t Cut(int64_t size, int64_t cap) {
  if (size <= cap) return size;
  if (size % 16 == 0 && cap >= 16) return cap / 16 * 16;
  if (size % 2 == 0) return size % 16 != 0 && cap % 16 == 0 ? cap - 2 : cap;
  return std::max<int64_t>(1, cap - 1 + cap % 2);
}

// Arguments that hold sizes, by their names in schemas.
bool HoldsSizes(std::string_view argument) {
  static const std::set<std::string_view> names = {"size", "shape", "sizes", "normalized_shape", "split_size", "split_sizes",
                                                   "length", "num_groups", "group", "groups", "output_size", "N", "C", "HxW", "end",
                                                   "start"};
  return names.count(argument) != 0;
}

class Shrinker {
 public:
  explicit Shrinker(const Fragment& fragment) : fragment_(fragment) {
    for (const Value& value : Old().values) {
      for (int64_t size : value.shape) AxesOf(size);
    }
    for (const Node& node : Old().nodes) Relate(node);
  }

  std::optional<Fragment> Run(int64_t max_elements, double max_flops) {
    if (Fits(Old(), max_elements, max_flops)) return fragment_;
    for (int64_t cap : kCaps) {
      cap_ = cap;
      std::optional<Program> smaller = Rebuild();
      if (!smaller || !Fits(*smaller, max_elements, max_flops)) continue;
      Fragment result = fragment_;
      result.program = std::move(*smaller);
      return result;
    }
    return std::nullopt;
  }

 private:
  const Program& Old() const { return fragment_.program; }

  AxisList AxesOf(int64_t size) {
    auto found = axes_.find(size);
    if (found == axes_.end()) found = axes_.emplace(size, table_.Fresh(size)).first;
    return found->second;
  }

  void Product(const Shape& a, const Shape& b) {
    AxisList left, right;
    auto append = [this](const Shape& shape, AxisList& list) {
      for (int64_t size : shape) {
        AxisList axes = AxesOf(size);
        list.insert(list.end(), axes.begin(), axes.end());
      }
    };
    append(a, left);
    append(b, right);
    table_.Unify(left, right);   // a failure shows when the shapes are inferred anew
  }

  // What a node says about sizes: a result with as many elements regroups them; a part divides the whole.
  void Relate(const Node& node) {
    std::vector<ValueId> inputs = node.Inputs();
    if (inputs.empty()) return;
    const Value& input = Old().value(inputs.front());
    if (node.op.find("group_norm") != std::string::npos && input.shape.size() >= 2) {
      int64_t groups = Argument(node, node.op.find("native") != std::string::npos ? "group" : "num_groups").AsInt();
      if (groups > 0 && input.shape[1] % groups == 0) Product({input.shape[1]}, {groups, input.shape[1] / groups});
    }
    const OperatorInfo* info = FindOperator(node.op);
    if (info != nullptr && info->kind == OpKind::kConvolution) RelateGroups(node);
    if (info != nullptr && (info->kind == OpKind::kConvolution || info->kind == OpKind::kPooling)) RelateSpace(node, input);
    for (ValueId id : node.outputs) {
      if (id < 0 || !IsView(node.op)) continue;
      const Value& output = Old().value(id);
      if (output.Elements() == input.Elements()) {
        if (!IsPermutation(input.shape, output.shape)) Product(input.shape, output.shape);
      } else if (input.shape.size() == output.shape.size()) {
        for (size_t i = 0; i < input.shape.size(); ++i) RelatePart(input.shape[i], output.shape[i]);
      }
    }
  }

  // Channels of a grouped convolution are a multiple of its groups.
  void RelateGroups(const Node& node) {
    const int64_t groups = Argument(node, "groups").AsInt();
    for (ValueId id : node.Inputs()) {
      for (int64_t size : Old().value(id).shape) {
        if (groups > 1 && size % groups == 0 && size > groups) Product({size}, {groups, size / groups});
      }
    }
  }

  // What strides do to sizes, where they divide: 56 out of 112 stays half of it.
  void RelateSpace(const Node& node, const Value& input) {
    if (node.outputs.front() < 0) return;
    const Shape &in = input.shape, &out = Old().value(node.outputs.front()).shape;
    for (size_t i = 2; i < in.size() && in.size() == out.size(); ++i) {
      RelatePart(in[i], out[i]);
      RelatePart(out[i], in[i]);
    }
  }

  static bool IsPermutation(Shape a, Shape b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    return a == b;
  }

  void RelatePart(int64_t whole, int64_t part) {
    if (part > 0 && part < whole && whole % part == 0 && part > 1) Product({whole}, {whole / part, part});
  }

  int64_t Map(int64_t size) const {
    auto found = axes_.find(size);
    if (found == axes_.end()) return size;
    int64_t product = 1;
    for (AxisId axis : table_.Resolve(found->second)) product *= Cut(table_.size(axis), cap_);
    return product;
  }

  Shape Map(const Shape& shape) const {
    Shape mapped;
    for (int64_t size : shape) mapped.push_back(Map(size));
    return mapped;
  }

  // Strides of the same order; gaps keep their factor.
  static Shape MapStrides(const Value& old, const Shape& shape) {
    std::vector<size_t> order(shape.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return old.strides[a] < old.strides[b]; });
    Shape strides(shape.size(), 0);
    int64_t old_dense = 1, dense = 1;
    for (size_t dim : order) {
      if (old.strides[dim] == 0) continue;
      int64_t gap = std::max<int64_t>(1, old.strides[dim] / old_dense);
      strides[dim] = dense * gap;
      dense = strides[dim] * shape[dim];
      old_dense = old.strides[dim] * old.shape[dim];
    }
    return strides;
  }

  // Bounds of a slice: the start keeps its number of parts.
  std::optional<int64_t> MapBound(const Node& node, int64_t bound) const {
    const Value& input = Old().value(node.Inputs().front());
    const Value& output = Old().value(node.outputs.front());
    if (bound <= 0 || bound >= INT64_MAX / 2) return bound;
    for (size_t i = 0; i < input.shape.size() && input.shape.size() == output.shape.size(); ++i) {
      int64_t whole = input.shape[i], part = output.shape[i];
      if (whole == part) continue;
      if (bound >= whole) return bound;
      if (bound % part == 0) return bound / part * Map(part);
    }
    return std::nullopt;
  }

  std::optional<Attr> MapArgument(const Node& node, const SchemaArgument& argument, const Attr& attr) const {
    if (!HoldsSizes(argument.name) || attr.IsNone()) return attr;
    bool is_bound = argument.name == "start" || argument.name == "end";
    if (is_bound && node.op.find("slice") == std::string::npos && node.op.find("narrow") == std::string::npos) return attr;
    if (attr.Is<int64_t>()) {
      if (!is_bound) return Attr(attr.AsInt() < 0 ? attr.AsInt() : Map(attr.AsInt()));
      std::optional<int64_t> bound = MapBound(node, attr.AsInt());
      if (!bound) return std::nullopt;
      return Attr(*bound);
    }
    if (!attr.Is<AttrList>()) return attr;
    std::vector<int64_t> sizes = attr.AsInts();
    for (int64_t& size : sizes) size = size < 0 ? size : Map(size);
    return Attr::Ints(sizes);
  }

  bool RebuildNode(Program& program, size_t index) const {
    Node& node = program.nodes[index];
    const Node& old = Old().nodes[index];
    const Schema& schema = SchemaOf(old);
    for (size_t i = 0; i < node.args.size() && i < schema.arguments.size(); ++i) {
      std::optional<Attr> mapped = MapArgument(old, schema.arguments[i], node.args[i]);
      if (!mapped) return false;
      node.args[i] = *mapped;
    }
    std::vector<InferredValue> inferred = InferOutputs(program, node);
    if (inferred.size() < node.outputs.size()) return false;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] < 0) continue;
      Value& value = program.value(node.outputs[i]);
      if (value.dtype != inferred[i].dtype || value.shape.size() != inferred[i].shape.size()) return false;
      value.strides = inferred[i].strides.value_or(MapStrides(value, inferred[i].shape));
      value.shape = inferred[i].shape;
    }
    return true;
  }

  std::optional<Program> Rebuild() const {
    Program program = Old();
    for (Value& value : program.values) {
      if (value.node >= 0) continue;
      Shape shape = Map(value.shape);
      value.strides = MapStrides(value, shape);
      value.shape = std::move(shape);
    }
    try {
      for (size_t i = 0; i < program.nodes.size(); ++i) {
        if (!RebuildNode(program, i)) return std::nullopt;
      }
    } catch (const UserError&) {   // a rule of the registry says that the sizes do not fit
      return std::nullopt;
    }
    return program;
  }

  static bool Fits(const Program& program, int64_t max_elements, double max_flops) {
    double flops = 0;
    for (const Value& value : program.values) {
      if (value.Elements() > max_elements) return false;
    }
    for (const Node& node : program.nodes) {
      const OperatorInfo* info = FindOperator(node.op);
      const bool products = info != nullptr && (info->kind == OpKind::kMatmul || info->kind == OpKind::kConvolution);
      if (products) flops += NodeFlops(program, node);
    }
    return flops <= max_flops;
  }

  const Fragment& fragment_;
  AxisTable table_;
  std::map<int64_t, AxisList> axes_;
  int64_t cap_ = 0;
};

}  // namespace

std::optional<Fragment> Shrink(const Fragment& fragment, int64_t max_elements, double max_flops) {
  return Shrinker(fragment).Run(max_elements, max_flops);
}

}  // namespace drtriton
