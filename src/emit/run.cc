#include "emit/run.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "emit/guard.h"
#include "emit/names.h"
#include "emit/operator_call.h"
#include "emit/python_text.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

class Run {
 public:
  Run(const Composition& composition, const std::vector<std::string>& launchers, const std::string& torch)
      : composition_(composition), program_(composition.program), launchers_(launchers), torch_(torch),
        names_({"device", "stream", "_", torch}) {}

  RunText Write() {
    std::vector<std::string> parameters = {"device"};
    for (ValueId id : LeafOrder(program_)) {
      names_.Set(id, names_.Claim(program_.value(id).name));
      parameters.push_back(names_.Of(id));
    }
    FindLive();
    FindLastUses();
    text_ = "def _drt_run(" + WrappedList(parameters, 13, 13) + "):\n    stream = device.stream()\n";
    size_t launcher = 0;
    for (size_t i = 0; i < composition_.steps.size(); ++i) {
      if (!live_[i]) continue;
      if (const auto* kernel = std::get_if<KernelStep>(&composition_.steps[i])) {
        WriteKernel(*kernel, launchers_.at(launcher++));
      } else {
        WriteTorch(std::get<TorchStep>(composition_.steps[i]));
      }
      DropDead(i);
    }
    WriteMutations();
    Line("return " + TreeText(program_.result));
    return {std::move(text_), IsGraphSafe(), std::move(modules_)};
  }

 private:
  void Line(const std::string& line) { text_ += "    " + line + "\n"; }

  const std::string& NameOf(ValueId id) const {
    if (!names_.Has(id)) throw InternalError("the composition reads " + program_.value(id).name + " before it is computed");
    return names_.Of(id);
  }

  std::string NewName(ValueId id) {
    names_.Set(id, names_.Claim(program_.value(id).name));
    return names_.Of(id);
  }

  // Steps of PyTorch's that nothing needs are left out: views that only name an alias, say.
  void FindLive() {
    std::set<ValueId> needed;
    for (const Mutation& mutation : program_.mutations) needed.insert(mutation.value);
    NeedResults(program_.result, needed);
    live_.assign(composition_.steps.size(), true);
    for (size_t i = composition_.steps.size(); i-- > 0;) {
      if (const auto* torch = std::get_if<TorchStep>(&composition_.steps[i])) {
        const std::vector<ValueId> written = Writes(composition_.steps[i]);
        const bool read = std::any_of(written.begin(), written.end(), [&](ValueId id) { return needed.count(id) > 0; });
        live_[i] = read || IsRandom(program_.nodes.at(static_cast<size_t>(torch->node)));
      }
      if (!live_[i]) continue;
      for (ValueId id : Reads(composition_.steps[i])) needed.insert(id);
    }
  }

  void NeedResults(const Tree& tree, std::set<ValueId>& needed) const {
    for (const Tree& child : tree.children) NeedResults(child, needed);
    if (tree.kind != Tree::Kind::kValue) return;
    if (tree.alias_of < 0) {
      needed.insert(tree.value);
      return;
    }
    needed.insert(tree.alias_of);
    for (ValueId id = tree.value; program_.value(id).kind == ValueKind::kNode && id != tree.alias_of;) {
      const std::vector<ValueId> inputs = program_.nodes[static_cast<size_t>(program_.value(id).node)].Inputs();
      if (inputs.empty()) break;
      needed.insert(inputs.begin() + 1, inputs.end());  // what the views take beside the memory they share
      id = inputs.front();
    }
  }

  // Values die where nothing reads them any more, so that memory is not held longer than PyTorch would.
  void FindLastUses() {
    for (size_t i = 0; i < composition_.steps.size(); ++i) {
      if (!live_[i]) continue;
      for (ValueId id : Reads(composition_.steps[i])) last_use_[id] = i;
      for (ValueId id : Writes(composition_.steps[i])) last_use_.emplace(id, i);
    }
    for (ValueId id : program_.Results()) last_use_[id] = composition_.steps.size();
    for (const Mutation& mutation : program_.mutations) last_use_[mutation.value] = composition_.steps.size();
    KeepAliases(program_.result);
  }

  void KeepAliases(const Tree& tree) {
    if (tree.kind == Tree::Kind::kValue && tree.alias_of >= 0) last_use_[tree.alias_of] = composition_.steps.size();
    for (const Tree& child : tree.children) KeepAliases(child);
  }

  std::vector<ValueId> Reads(const CompositionStep& step) const {
    if (const auto* kernel = std::get_if<KernelStep>(&step)) return kernel->fragment.parent_inputs;
    return program_.nodes.at(static_cast<size_t>(std::get<TorchStep>(step).node)).Inputs();
  }

  std::vector<ValueId> Writes(const CompositionStep& step) const {
    if (const auto* kernel = std::get_if<KernelStep>(&step)) return kernel->fragment.parent_results;
    return program_.nodes.at(static_cast<size_t>(std::get<TorchStep>(step).node)).outputs;
  }

  void DropDead(size_t step) {
    std::set<ValueId> candidates;
    for (ValueId id : Reads(composition_.steps[step])) candidates.insert(id);
    for (ValueId id : Writes(composition_.steps[step])) candidates.insert(id);
    std::vector<std::string> dead;
    for (ValueId id : candidates) {
      if (id < 0 || program_.value(id).kind != ValueKind::kNode || last_use_.at(id) != step) continue;
      dead.push_back(names_.Of(id));
    }
    if (!dead.empty()) Line("del " + WrappedList(dead, 8, 8));
  }

  void WriteKernel(const KernelStep& step, const std::string& launcher) {
    std::string arguments = "device, stream";
    for (ValueId id : step.fragment.parent_inputs) arguments += ", " + KernelInput(id);
    std::string results;
    for (ValueId id : step.fragment.parent_results) results += (results.empty() ? "" : ", ") + NewName(id);
    Line(results + " = " + launcher + "(" + arguments + ")");
  }

  // What PyTorch computed may start anywhere and, from a library, have other strides than expected.
  std::string KernelInput(ValueId id) const {
    const Value& value = program_.value(id);
    if (!from_torch_.count(id)) return NameOf(id);
    return "_drt_aligned(" + NameOf(id) + ", " + PythonTuple(value.shape) + ", " + PythonTuple(value.strides) + ")";
  }

  CallStyle Style() const {
    return {torch_, "device.torch", [this](ValueId id) { return NameOf(id); }};
  }

  void WriteTorch(const TorchStep& step) {
    const Node& node = program_.nodes.at(static_cast<size_t>(step.node));
    const std::string call = OperatorCall(program_, node, Style());
    const std::string pattern = ResultPattern(node, [this](ValueId id) { return NewName(id); });
    from_torch_.insert(node.outputs.begin(), node.outputs.end());
    Line(pattern + " = " + call);
  }

  // The leaf whose memory a value computed by PyTorch may be, or the value itself.
  ValueId MemoryOf(ValueId id) const {
    while (program_.value(id).kind == ValueKind::kNode && from_torch_.count(id)) {
      const Node& node = program_.nodes[static_cast<size_t>(program_.value(id).node)];
      if (!MayShareMemory(node.op) || node.Inputs().empty()) break;
      id = node.Inputs().front();
    }
    return id;
  }

  bool IsTarget(ValueId id) const {
    return std::any_of(program_.mutations.begin(), program_.mutations.end(),
                       [&](const Mutation& mutation) { return mutation.target == id; });
  }

  void WriteMutations() {
    for (const Mutation& mutation : program_.mutations) {  // before anything is overwritten
      if (mutation.value == mutation.target || !IsTarget(MemoryOf(mutation.value))) continue;
      const std::string kept = names_.Claim(NameOf(mutation.value) + "_kept");
      Line(kept + " = " + NameOf(mutation.value) + ".clone()");
      kept_[mutation.value] = kept;
    }
    for (const Mutation& mutation : program_.mutations) {
      if (mutation.value == mutation.target) continue;
      const auto kept = kept_.find(mutation.value);
      Line(NameOf(mutation.target) + ".copy_(" + (kept == kept_.end() ? NameOf(mutation.value) : kept->second) + ")");
    }
  }

  std::string TreeText(const Tree& tree) {
    if (tree.kind == Tree::Kind::kValue) return LeafText(tree);
    if (tree.kind == Tree::Kind::kLiteral) return PythonLiteral(tree.literal, torch_);
    std::vector<std::string> items;
    for (const Tree& child : tree.children) items.push_back(TreeText(child));
    if (tree.kind == Tree::Kind::kDict) return DictText(tree, items);
    std::string joined;
    for (size_t i = 0; i < items.size(); ++i) joined += (i ? ", " : "") + items[i];
    if (tree.kind == Tree::Kind::kList) return "[" + joined + "]";
    if (!tree.class_name) return "(" + joined + (items.size() == 1 ? ",)" : ")");
    NoteModule(*tree.class_name);
    const bool sequence = tree.class_name->rfind("torch.return_types:", 0) == 0;  // takes one sequence
    const std::string inner = sequence ? "(" + joined + (items.size() == 1 ? ",)" : ")") : joined;
    return ClassExpression(*tree.class_name) + "(" + inner + ")";
  }

  std::string DictText(const Tree& tree, const std::vector<std::string>& items) {
    const bool fields = tree.class_name && tree.class_name->rfind("collections:", 0) != 0;  // a dataclass: by keyword
    std::string joined;
    for (size_t i = 0; i < items.size(); ++i) {
      joined += (i ? ", " : "") + (fields ? tree.keys[i] + "=" : PythonString(tree.keys[i]) + ": ") + items[i];
    }
    if (!tree.class_name) return "{" + joined + "}";
    NoteModule(*tree.class_name);
    return ClassExpression(*tree.class_name) + (fields ? "(" + joined + ")" : "({" + joined + "})");
  }

  void NoteModule(const std::string& class_name) {
    const std::string module = ClassModule(class_name);
    if (!module.empty() && module != "builtins") modules_.push_back(module);
  }

  // An output that shares memory is taken as a view of the very tensor it shares it with.
  std::string LeafText(const Tree& leaf) {
    if (leaf.alias_of < 0 || leaf.alias_of == leaf.value) return NameOf(leaf.value);
    const auto written = aliases_.find(leaf.value);
    if (written != aliases_.end()) return written->second;
    const std::string name = names_.Claim(program_.value(leaf.value).name + "_out");
    const std::string text = AliasText(leaf.value, leaf.alias_of);
    if (text == NameOf(leaf.alias_of)) return text;
    Line(name + " = " + text);
    aliases_[leaf.value] = name;
    return name;
  }

  // `value` as views of `base`: the views that lead from base, or from what base holds after the call, to value.
  std::string AliasText(ValueId value, ValueId base) const {
    ValueId root = base;
    for (const Mutation& mutation : program_.mutations) {
      if (mutation.target == base) root = mutation.value;
    }
    if (value == base || value == root) return NameOf(base);
    const Value& made = program_.value(value);
    if (made.kind == ValueKind::kNode) {
      const Node& node = program_.nodes[static_cast<size_t>(made.node)];
      if (MayShareMemory(node.op) && node.outputs.size() == 1 && !node.Inputs().empty()) {
        const ValueId inner = node.Inputs().front();
        CallStyle style = Style();
        style.value = [&](ValueId id) { return id == inner ? AliasText(inner, base) : NameOf(id); };
        return OperatorCall(program_, node, style);
      }
    }
    const Value& target = program_.value(base);
    if (made.shape == target.shape && made.strides == target.strides && made.dtype == target.dtype) return NameOf(base);
    throw InternalError("no views lead from " + target.name + " to the output " + made.name + " that shares its memory");
  }

  bool IsGraphSafe() const {
    for (const Mutation& mutation : program_.mutations) {
      if (program_.value(mutation.target).kind == ValueKind::kInput) return false;
    }
    return SharesNoInput(program_.result);
  }

  bool SharesNoInput(const Tree& tree) const {
    if (tree.kind == Tree::Kind::kValue) {
      const ValueId base = tree.alias_of >= 0 ? tree.alias_of : tree.value;
      return program_.value(base).kind == ValueKind::kNode;
    }
    return std::all_of(tree.children.begin(), tree.children.end(), [this](const Tree& child) { return SharesNoInput(child); });
  }

  const Composition& composition_;
  const Program& program_;
  const std::vector<std::string>& launchers_;
  const std::string torch_;
  Names names_;
  std::set<ValueId> from_torch_;
  std::vector<bool> live_;                 // a step's results are needed
  std::map<ValueId, size_t> last_use_;
  std::map<ValueId, std::string> kept_;
  std::map<ValueId, std::string> aliases_;
  std::vector<std::string> modules_;
  std::string text_;
};

}  // namespace

RunText EmitRun(const Composition& composition, const std::vector<std::string>& launchers, const std::string& torch) {
  return Run(composition, launchers, torch).Write();
}

}  // namespace drtriton
