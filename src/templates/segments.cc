// See segments.h.  Tested by segments_test.cc.
#include "templates/segments.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/error.h"
#include "graph/strides.h"
#include "templates/lower_view.h"

namespace drtriton {
namespace {

constexpr size_t kMostOperators = 128;   // every operator costs a lowering or two

class Segmenter {
 public:
  Segmenter(const Fragment& fragment, const Divide& divide) : fragment_(fragment), program_(fragment.program), divide_(divide) {
    plan_.whole.fragment = &fragment;
  }

  std::variant<StagePlan, std::string> Run() {
    PlanResults();
    FindOperators();
    if (operators_.size() > kMostOperators) return "it has more than " + std::to_string(kMostOperators) + " operators";
    for (size_t begin = 0; begin < operators_.size();) {
      size_t end = begin + 1;
      std::variant<StagePlan, std::string> best = Try(begin, end);
      if (auto* reason = std::get_if<std::string>(&best)) return std::move(*reason);
      while (end < operators_.size()) {
        std::variant<StagePlan, std::string> longer = Try(begin, end + 1);
        if (std::holds_alternative<std::string>(longer)) break;
        best = std::move(longer);
        ++end;
      }
      Add(std::get<StagePlan>(std::move(best)), begin, end);
      begin = end;
    }
    for (Lowered& part : plan_.parts) part.buffers = plan_.whole.buffers;
    return std::move(plan_);
  }

 private:
  // What the launcher returns; the values that are stored for it are computed whatever else happens.
  void PlanResults() {
    for (ValueId id : fragment_.Results()) {
      const Value& value = program_.value(id);
      StoredAt at = FollowViews(program_, id);
      ResultView view{.whole = at.base == id, .shape = value.shape, .strides = value.strides, .offset = at.offset};
      if (program_.value(at.base).node < 0) {
        view.tensor = {TensorRef::Kind::kInput, InputIndex(at.base)};
      } else {
        stored_.insert(at.base);
        view.tensor = {TensorRef::Kind::kBuffer, BufferOf(at.base)};
      }
      plan_.whole.results.push_back(std::move(view));
    }
  }

  // Nodes that compute, and views that copy into a result, as far as a result needs them.
  void FindOperators() {
    std::set<ValueId> needed = stored_;
    for (size_t n = program_.nodes.size(); n-- > 0;) {
      const Node& node = program_.nodes[n];
      // What has no elements is allocated, but never computed.
      const auto is_needed = [&](ValueId id) { return needed.count(id) != 0 && program_.value(id).Elements() > 0; };
      const bool used = std::any_of(node.outputs.begin(), node.outputs.end(), is_needed);
      if (!used) continue;
      if (Computes(node)) operators_.push_back(static_cast<int32_t>(n));
      for (ValueId input : node.Inputs()) needed.insert(input);
    }
    std::reverse(operators_.begin(), operators_.end());
  }

  bool Computes(const Node& node) const {
    const auto is_stored = [&](ValueId id) { return stored_.count(id) != 0; };
    return !IsRelabelling(node.op) || std::any_of(node.outputs.begin(), node.outputs.end(), is_stored);
  }

  int32_t InputIndex(ValueId id) const {
    const std::vector<ValueId>& inputs = fragment_.Inputs();
    return static_cast<int32_t>(std::find(inputs.begin(), inputs.end(), id) - inputs.begin());
  }

  // Strides in which a computed value is kept.
  Shape KeptStrides(const Value& value) const {
    return IsDense(value.shape, value.strides) ? value.strides : ContiguousStrides(value.shape);
  }

  int32_t BufferOf(ValueId id) {
    std::vector<BufferSpec>& buffers = plan_.whole.buffers;
    auto [entry, added] = buffer_of_.try_emplace(id, static_cast<int32_t>(buffers.size()));
    if (!added) return entry->second;
    const Value& value = program_.value(id);
    const bool result = stored_.count(id) != 0;
    const std::string name = !result ? value.name : buffers.empty() ? "out" : "out_" + std::to_string(buffers.size());
    buffers.push_back({name, value.dtype, value.shape, KeptStrides(value)});
    return entry->second;
  }

  // ---- One segment as a fragment of its own

  struct Segment {
    Fragment fragment;
    std::vector<ValueId> inputs, results;   // as values of the whole Program
  };

  Segment Extract(size_t begin, size_t end) const {
    Segment segment;
    Program& made = segment.fragment.program;
    made.name = program_.name;
    made.device = program_.device;
    made.context = program_.context;
    made.result.kind = Tree::Kind::kTuple;
    std::map<ValueId, ValueId> ids;
    std::set<int32_t> own(operators_.begin() + static_cast<ptrdiff_t>(begin), operators_.begin() + static_cast<ptrdiff_t>(end));
    const std::set<int32_t> nodes = WithViews(own);
    for (int32_t n : nodes) {
      for (ValueId input : program_.nodes[static_cast<size_t>(n)].Inputs()) {
        const Value& value = program_.value(input);
        if ((value.node >= 0 && nodes.count(value.node) != 0) || ids.count(input) != 0) continue;
        AddLeaf(input, segment, ids);
      }
    }
    for (int32_t n : nodes) AddNode(n, made, ids);
    for (ValueId id : ReadBehind(own, end)) {
      segment.results.push_back(id);
      made.result.children.push_back(Tree{.value = ids.at(id)});
    }
    return segment;
  }

  // The nodes and the views between them and what is kept.
  std::set<int32_t> WithViews(const std::set<int32_t>& own) const {
    std::set<int32_t> nodes = own;
    std::vector<int32_t> open(own.begin(), own.end());
    while (!open.empty()) {
      const Node& node = program_.nodes[static_cast<size_t>(open.back())];
      open.pop_back();
      for (ValueId input : node.Inputs()) {
        const int32_t producer = program_.value(input).node;
        if (producer >= 0 && !Computes(program_.nodes[static_cast<size_t>(producer)]) && nodes.insert(producer).second) open.push_back(producer);
      }
    }
    return nodes;
  }

  void AddLeaf(ValueId id, Segment& segment, std::map<ValueId, ValueId>& ids) const {
    Program& made = segment.fragment.program;
    Value value = program_.value(id);
    if (value.node >= 0) {
      value.kind = ValueKind::kInput;
      value.strides = KeptStrides(value);
    }
    value.node = -1;
    value.output_index = 0;
    ids[id] = static_cast<ValueId>(made.values.size());
    made.inputs.push_back(ids[id]);
    segment.inputs.push_back(id);
    made.values.push_back(std::move(value));
  }

  void AddNode(int32_t index, Program& made, std::map<ValueId, ValueId>& ids) const {
    Node node = program_.nodes[static_cast<size_t>(index)];
    const bool computes = Computes(node);
    for (Attr& argument : node.args) argument = Renumbered(argument, ids);
    for (ValueId& output : node.outputs) {
      if (output < 0) continue;
      Value value = program_.value(output);
      if (computes) value.strides = KeptStrides(value);
      value.node = static_cast<int32_t>(made.nodes.size());
      ids[output] = static_cast<ValueId>(made.values.size());
      output = ids[output];
      made.values.push_back(std::move(value));
    }
    made.nodes.push_back(std::move(node));
  }

  static Attr Renumbered(const Attr& attr, const std::map<ValueId, ValueId>& ids) {
    if (attr.IsValue()) return Attr(ValueRef{ids.at(attr.AsValue())});
    if (!attr.Is<AttrList>()) return attr;
    AttrList list = attr.AsList();
    for (Attr& element : list) element = Renumbered(element, ids);
    return Attr(std::move(list));
  }

  // Values of the segment that operators behind it read, through views too, or that the launcher returns.
  std::vector<ValueId> ReadBehind(const std::set<int32_t>& own, size_t end) const {
    std::set<ValueId> read = stored_;
    std::set<int32_t> behind(operators_.begin() + static_cast<ptrdiff_t>(end), operators_.end());
    for (int32_t n : WithViews(behind)) {
      for (ValueId input : program_.nodes[static_cast<size_t>(n)].Inputs()) read.insert(input);
    }
    std::vector<ValueId> results;
    for (int32_t n : own) {
      for (ValueId id : program_.nodes[static_cast<size_t>(n)].outputs) {
        if (id >= 0 && read.count(id) != 0) results.push_back(id);
      }
    }
    return results;
  }

  std::variant<StagePlan, std::string> Try(size_t begin, size_t end) const { return divide_(Extract(begin, end).fragment); }

  // ---- Its parts among the others'

  void Add(StagePlan piece, size_t begin, size_t end) {
    const Segment segment = Extract(begin, end);
    std::vector<int32_t> buffers(piece.whole.buffers.size(), -1);   // of the piece -> of the whole
    for (size_t i = 0; i < segment.results.size(); ++i) {
      const TensorRef& tensor = piece.whole.results[i].tensor;
      Require(tensor.kind == TensorRef::Kind::kBuffer, "a segment's result is computed");
      buffers[static_cast<size_t>(tensor.index)] = BufferOf(segment.results[i]);
    }
    for (size_t i = 0; i < buffers.size(); ++i) {
      if (buffers[i] >= 0) continue;   // a buffer between the piece's stages
      buffers[i] = static_cast<int32_t>(plan_.whole.buffers.size());
      plan_.whole.buffers.push_back(piece.whole.buffers[i]);
    }
    const auto moved = [&](TensorRef& tensor) {
      if (tensor.kind == TensorRef::Kind::kBuffer) {
        tensor.index = buffers[static_cast<size_t>(tensor.index)];
        return;
      }
      const ValueId id = segment.inputs[static_cast<size_t>(tensor.index)];
      tensor = program_.value(id).node < 0 ? TensorRef{TensorRef::Kind::kInput, InputIndex(id)}
                                           : TensorRef{TensorRef::Kind::kBuffer, BufferOf(id)};
    };
    for (Lowered& part : piece.parts) {
      part.fragment = &fragment_;
      for (LoweredNode& node : part.nodes) {
        if (node.kind == LoweredKind::kLoad) moved(node.access.tensor);
      }
      for (LoweredStore& store : part.stores) moved(store.access.tensor);
      plan_.whole.operators.insert(plan_.whole.operators.end(), part.operators.begin(), part.operators.end());
      plan_.parts.push_back(std::move(part));
    }
  }

  const Fragment& fragment_;
  const Program& program_;
  const Divide& divide_;
  std::vector<int32_t> operators_;   // nodes of the Program, ascending
  std::set<ValueId> stored_;         // what the launcher returns or what it returns views of
  std::map<ValueId, int32_t> buffer_of_;
  StagePlan plan_;
};

}  // namespace

std::variant<StagePlan, std::string> CutIntoSegments(const Fragment& fragment, const Divide& divide) {
  return Segmenter(fragment, divide).Run();
}

}  // namespace drtriton
