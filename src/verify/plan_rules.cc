#include "verify/plan_rules.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "graph/registry.h"

namespace drtriton {
namespace {

// What the contents of a buffer come from.
struct Origin {
  bool kernel = false;  // a launch wrote it, or a copy of what one wrote
  bool vendor = false;
  bool leaf = false;    // it depends on an input of the fragment

  void Add(const Origin& other) {
    kernel |= other.kernel;
    vendor |= other.vendor;
    leaf |= other.leaf;
  }
};

bool CoversBuffer(const TensorView& view, const Buffer& buffer) {
  if (ElementCount(view.shape) * ElementBytes(view.dtype) < buffer.bytes) return false;
  return std::none_of(view.strides.begin(), view.strides.end(), [](int64_t stride) { return stride == 0; });
}

// Where every buffer's contents come from after all steps.
class Flow {
 public:
  explicit Flow(const LaunchPlan& plan) : plan_(plan), origins_(plan.buffers.size()) {
    for (size_t i = 0; i < plan.buffers.size(); ++i) origins_[i].leaf = plan.buffers[i].kind == BufferKind::kInput;
    for (const PlanStep& step : plan.steps) std::visit([&](const auto& one) { Take(one); }, step);
  }

  const Origin& Of(const TensorView& view) const { return At(view.buffer); }

 private:
  const Origin& At(int32_t buffer) const { return origins_.at(static_cast<size_t>(buffer)); }
  Origin& At(int32_t buffer) { return origins_.at(static_cast<size_t>(buffer)); }

  void Write(const TensorView& target, const Origin& origin) {
    if (CoversBuffer(target, plan_.buffers.at(static_cast<size_t>(target.buffer)))) {
      At(target.buffer) = origin;
    } else {
      At(target.buffer).Add(origin);
    }
  }

  static int32_t BufferOf(const LaunchArg& arg) {
    if (const auto* pointer = std::get_if<PointerArg>(&arg)) return pointer->buffer;
    if (const auto* descriptor = std::get_if<DescriptorArg>(&arg)) return descriptor->view.buffer;
    return -1;
  }

  // Buffers behind the arguments at `positions`.
  static std::set<int32_t> BuffersAt(const LaunchStep& step, const std::vector<int32_t>& positions) {
    std::set<int32_t> buffers;
    for (int32_t position : positions) {
      if (position < 0 || static_cast<size_t>(position) >= step.args.size()) continue;
      if (int32_t buffer = BufferOf(step.args[static_cast<size_t>(position)]); buffer >= 0) buffers.insert(buffer);
    }
    return buffers;
  }

  void Take(const LaunchStep& step) {
    const KernelImage& kernel = plan_.kernels.at(static_cast<size_t>(step.kernel));
    Origin read;
    for (int32_t buffer : BuffersAt(step, kernel.reads)) read.Add(At(buffer));
    read.kernel = true;
    for (int32_t buffer : BuffersAt(step, kernel.writes)) At(buffer).Add(read);
  }
  void Take(const CopyStep& step) { Write(step.target, Of(step.source)); }
  void Take(const FillStep& step) { Write(step.target, Origin{}); }
  void Take(const VendorStep& step) {
    Origin read;
    for (const TensorView& tensor : step.tensors) read.Add(Of(tensor));
    read.vendor = true;
    for (const TensorView& output : step.outputs) Write(output, read);
  }

  const LaunchPlan& plan_;
  std::vector<Origin> origins_;
};

// What the fragment asks of each of its values.
class Needs {
 public:
  explicit Needs(const Program& program) : program_(program) {
    CollectAliases(program.result);
    CollectFacts();
    for (const Mutation& mutation : program.mutations) mutated_by_[mutation.value] = mutation.target;
  }

  // Whether something is computed on the way to the value, beyond moving data.
  bool Computes(ValueId id) const { return facts_.at(static_cast<size_t>(id)).computes; }
  bool DependsOnLeaves(ValueId id) const { return facts_.at(static_cast<size_t>(id)).leaves; }

  ValueId AliasOf(ValueId id) const {
    const auto found = aliases_.find(id);
    return found == aliases_.end() ? -1 : found->second;
  }
  // The input or buffer whose new contents the value is; -1: none.
  ValueId Mutates(ValueId id) const {
    const auto found = mutated_by_.find(id);
    return found == mutated_by_.end() ? -1 : found->second;
  }

 private:
  struct Facts {
    bool computes = false;
    bool leaves = false;
  };

  // Nodes stand in evaluation order: one pass knows all values.
  void CollectFacts() {
    facts_.resize(program_.values.size());
    for (size_t i = 0; i < program_.values.size(); ++i) facts_[i].leaves = program_.values[i].node < 0 && program_.values[i].Elements() > 0;
    for (const Node& node : program_.nodes) {
      const OperatorInfo* info = FindOperator(node.op);
      const OpKind kind = info == nullptr ? OpKind::kOther : info->kind;
      Facts facts;
      facts.computes = kind != OpKind::kView && kind != OpKind::kMovement && kind != OpKind::kCreation;
      for (ValueId input : node.Inputs()) {
        facts.computes |= facts_[static_cast<size_t>(input)].computes;
        facts.leaves |= facts_[static_cast<size_t>(input)].leaves && kind != OpKind::kCreation;
      }
      for (ValueId output : node.outputs) {
        if (output >= 0) facts_[static_cast<size_t>(output)] = facts;
      }
    }
  }

  void CollectAliases(const Tree& tree) {
    if (tree.kind == Tree::Kind::kValue && tree.alias_of >= 0) aliases_[tree.value] = tree.alias_of;
    for (const Tree& child : tree.children) CollectAliases(child);
  }

  const Program& program_;
  std::map<ValueId, ValueId> aliases_;
  std::map<ValueId, ValueId> mutated_by_;
  std::vector<Facts> facts_;
};

class Rules {
 public:
  Rules(const LaunchPlan& plan, const Fragment& fragment)
      : plan_(plan), fragment_(fragment), flow_(plan), needs_(fragment.program), results_(fragment.Results()) {
    for (const PlanStep& step : plan.steps) launches_ |= std::holds_alternative<LaunchStep>(step);
  }

  std::optional<CompileFailure> Broken(bool strict) {
    if (strict) {
      for (const PlanStep& step : plan_.steps) {
        if (const auto* vendor = std::get_if<VendorStep>(&step)) {
          return Failure(Stage::kRules, "torch_compute", "PyTorch computes " + vendor->op + ", which --strict refuses and --hybrid allows");
        }
      }
    }
    if (plan_.results.size() != results_.size()) {
      return Failure(Stage::kRun, "wrong_result_count",
                     "the launcher returns " + std::to_string(plan_.results.size()) + " results, " + std::to_string(results_.size()) + " are needed");
    }
    for (size_t i = 0; i < results_.size(); ++i) {
      if (std::optional<CompileFailure> failure = BrokenBy(i)) return failure;
    }
    if (computed_ && !by_kernel_) return WithoutKernel("no result depends on a kernel");
    return std::nullopt;
  }

 private:
  static CompileFailure Failure(Stage stage, const char* code, std::string reason) { return {stage, code, std::move(reason)}; }

  CompileFailure WithoutKernel(const std::string& what) const {
    return launches_ ? Failure(Stage::kRules, "unused_kernel", what + ", although one is launched")
                     : Failure(Stage::kRules, "no_kernel", what + "; the candidate launches none");
  }

  // The value whose memory a buffer is; -1: the plan's own.
  ValueId LeafOf(int32_t buffer) const {
    const Buffer& found = plan_.buffers.at(static_cast<size_t>(buffer));
    if (found.kind != BufferKind::kInput) return -1;
    const auto position = static_cast<size_t>(found.input);
    return position < fragment_.Inputs().size() ? fragment_.Inputs()[position] : -1;
  }

  std::optional<CompileFailure> BrokenBy(size_t index) {
    const ValueId id = results_[index];
    const Value& value = fragment_.program.value(id);
    const TensorView& view = plan_.results[index];
    const Origin& origin = flow_.Of(view);
    if (value.Elements() == 0) return std::nullopt;
    const bool moves = !needs_.Computes(id) && !origin.kernel && !origin.vendor;
    if (value.node < 0 || needs_.AliasOf(id) >= 0 || moves) return BrokenAlias(index);
    computed_ = true;
    by_kernel_ |= origin.kernel;
    if (!origin.kernel && !origin.vendor && needs_.Mutates(id) >= 0) {
      return Failure(Stage::kNumerics, "wrong_mutation", fragment_.program.value(needs_.Mutates(id)).name + " is not changed by any kernel, the module changes it");
    }
    if (!origin.kernel && !origin.vendor) return WithoutKernel("result " + value.name + " is not written by any kernel");
    if (!origin.leaf && needs_.DependsOnLeaves(id)) {
      return Failure(Stage::kRules, "unused_kernel", "result " + value.name + " does not depend on any input");
    }
    return BrokenAlias(index);
  }

  std::optional<CompileFailure> BrokenAlias(size_t index) const {
    const ValueId id = results_[index];
    const Value& value = fragment_.program.value(id);
    const int32_t buffer = plan_.results[index].buffer;
    const ValueId held = LeafOf(buffer);
    const ValueId wanted = value.node < 0 ? id : needs_.AliasOf(id);
    const auto failure = [&](const std::string& what) { return Failure(Stage::kNumerics, "wrong_alias", "result " + value.name + " " + what); };
    if (needs_.Mutates(id) >= 0 && (held < 0 || held == needs_.Mutates(id))) return std::nullopt;
    if (wanted >= 0 && fragment_.program.value(wanted).node < 0) {
      if (held == wanted) return std::nullopt;
      return failure("does not share memory with " + fragment_.program.value(wanted).name + " as the module's does");
    }
    if (held >= 0) return failure("shares memory with " + fragment_.program.value(held).name + ", the module's does not");
    if (wanted >= 0) {
      const auto other = std::find(results_.begin(), results_.end(), wanted);
      if (other != results_.end() && plan_.results[static_cast<size_t>(other - results_.begin())].buffer != buffer) {
        return failure("does not share memory with " + fragment_.program.value(wanted).name + " as the module's does");
      }
    }
    return std::nullopt;
  }

  const LaunchPlan& plan_;
  const Fragment& fragment_;
  const Flow flow_;
  const Needs needs_;
  const std::vector<ValueId> results_;
  bool launches_ = false;
  bool computed_ = false;
  bool by_kernel_ = false;
};

}  // namespace

std::optional<CompileFailure> BrokenRule(const LaunchPlan& plan, const Fragment& fragment, bool strict) {
  return Rules(plan, fragment).Broken(strict);
}

}  // namespace drtriton
