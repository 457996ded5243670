// See lower.h.  The operators are in lower_*.cc.  Tested by lower_test.cc.
#include "templates/lower.h"

#include <algorithm>
#include <map>

#include "graph/registry.h"
#include "graph/strides.h"
#include "templates/draft.h"
#include "templates/lower_ops.h"
#include "templates/lower_view.h"

namespace drtriton {
namespace {

const HandlerTable& Handlers() {
  static const HandlerTable* table = [] {
    auto* made = new HandlerTable;
    LowerPointwise(*made);
    LowerActivations(*made);
    LowerReductions(*made);
    LowerNormalizations(*made);
    LowerProducts(*made);
    LowerWindows(*made);
    LowerMovement(*made);
    LowerResampling(*made);
    LowerRearrangement(*made);
    LowerLookups(*made);
    LowerScatters(*made);
    LowerOrder(*made);
    LowerEinsum(*made);
    LowerScans(*made);
    LowerAttention(*made);
    LowerFunctions(*made);
    LowerLosses(*made);
    return made;
  }();
  return *table;
}

// "aten.linear.default" -> "linear"
std::string ShortOperator(const std::string& op) {
  size_t start = op.find('.') + 1;
  return op.substr(start, op.find('.', start) - start);
}

void RequireDtypes(const Program& program) {
  for (const Value& value : program.values) {
    if (value.dtype == DType::kComplex64 || value.dtype == DType::kComplex128) throw Refusal{"complex numbers"};
    if (value.Elements() == 0) throw Refusal{"an empty tensor (" + value.name + ")"};
  }
}

void LowerNodes(Draft& draft, std::vector<std::string>& operators) {
  for (const Node& node : draft.program().nodes) {
    for (ValueId id : node.outputs) {
      if (id < 0) continue;
      draft.SetName(draft.value(id).name);
      break;
    }
    if (IsRelabelling(node.op)) {
      LowerView(draft, node);
      continue;
    }
    auto handler = Handlers().find(node.op);
    if (handler == Handlers().end()) throw Refusal{"no template covers " + node.op};
    if (!node.op.starts_with("aten.clone")) operators.push_back(ShortOperator(node.op));
    handler->second(OpCall(draft, node));
  }
}

// Collects what has to be stored, and how each result looks at it.
class ResultPlan {
 public:
  explicit ResultPlan(Draft& draft) : draft_(draft) {}

  void Add(ValueId id) {
    const Program& program = draft_.program();
    const Value& value = program.value(id);
    StoredAt at = FollowViews(program, id);
    ResultView view;
    view.shape = value.shape;
    view.strides = value.strides;
    view.offset = at.offset;
    view.whole = at.base == id;
    if (program.value(at.base).node < 0) {
      auto position = std::find(program.inputs.begin(), program.inputs.end(), at.base);
      view.tensor = {TensorRef::Kind::kInput, static_cast<int32_t>(position - program.inputs.begin())};
    } else {
      view.tensor = {TensorRef::Kind::kBuffer, BufferFor(at.base)};
    }
    results.push_back(std::move(view));
  }

  std::vector<BufferSpec> buffers;
  std::vector<Term> stored;
  std::vector<ResultView> results;

 private:
  int32_t BufferFor(ValueId base) {
    auto [entry, added] = buffer_of_.try_emplace(base, static_cast<int32_t>(buffers.size()));
    if (!added) return entry->second;
    const Value& value = draft_.value(base);
    if (!IsDense(value.shape, value.strides)) throw Refusal{"the result " + value.name + " has gaps or overlaps"};
    std::string name = buffers.empty() ? "out" : "out_" + std::to_string(buffers.size());
    buffers.push_back({name, value.dtype, value.shape, value.strides});
    stored.push_back(draft_.Get(base));
    return entry->second;
  }

  Draft& draft_;
  std::map<ValueId, int32_t> buffer_of_;
};

Lowered LowerOrRefuse(const Fragment& fragment, LeafReading reading) {
  Draft draft(fragment, reading);
  RequireDtypes(fragment.program);
  if (fragment.Inputs().empty()) throw Refusal{"it reads nothing"};
  std::vector<std::string> operators;
  LowerNodes(draft, operators);
  ResultPlan plan(draft);
  for (ValueId id : fragment.Results()) plan.Add(id);
  if (plan.buffers.empty()) throw Refusal{"nothing is computed"};
  return draft.Finish(plan.buffers, plan.stored, std::move(plan.results), std::move(operators));
}

}  // namespace

std::variant<Lowered, std::string> Lower(const Fragment& fragment, LeafReading reading) {
  try {
    return LowerOrRefuse(fragment, reading);
  } catch (const Refusal& refusal) {
    return refusal.reason;
  }
}

bool CanLower(const std::string& op) { return IsRelabelling(op) || Handlers().count(op) != 0; }

}  // namespace drtriton
