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
  }
}

bool IsEmpty(const Draft& draft, ValueId id) { return draft.value(id).Elements() == 0; }

bool MakesNothing(const Draft& draft, const Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return id < 0 || IsEmpty(draft, id); });
}

bool ReadsNothing(const Draft& draft, const Node& node) {
  const std::vector<ValueId> inputs = node.Inputs();
  return std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return IsEmpty(draft, id); });
}

void LowerNodes(Draft& draft, std::vector<std::string>& operators) {
  for (const Node& node : draft.program().nodes) {
    for (ValueId id : node.outputs) {
      if (id < 0) continue;
      draft.SetName(draft.value(id).name);
      break;
    }
    if (MakesNothing(draft, node)) continue;
    if (IsRelabelling(node.op)) {
      LowerView(draft, node);
      continue;
    }
    auto handler = Handlers().find(node.op);
    if (handler == Handlers().end()) throw Refusal{"no template covers " + node.op};
    if (!node.op.starts_with("aten.clone")) operators.push_back(ShortOperator(node.op));
    const OpCall call(draft, node);
    if (!ReadsNothing(draft, node) || !LowerOfEmpty(call)) handler->second(call);
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
    stored.push_back(value.Elements() == 0 ? Term() : draft_.Get(base));   // what has no elements is only allocated
    return entry->second;
  }

  Draft& draft_;
  std::map<ValueId, int32_t> buffer_of_;
};

Lowered LowerOrRefuse(const Fragment& fragment, LeafReading reading) {
  Draft draft(fragment, reading);
  RequireDtypes(fragment.program);
  std::vector<std::string> operators;
  LowerNodes(draft, operators);
  ResultPlan plan(draft);
  for (ValueId id : fragment.Results()) plan.Add(id);
  if (std::all_of(plan.stored.begin(), plan.stored.end(), [](const Term& term) { return term.node < 0; })) throw Refusal{kNothingComputed};
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
