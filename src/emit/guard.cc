#include "emit/guard.h"

#include <map>
#include <set>
#include <sstream>

#include "base/error.h"
#include "emit/names.h"
#include "emit/python_text.h"

namespace drtriton {
namespace {

const char* KindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kParameter: return "parameter";
    case ValueKind::kBuffer: return "buffer";
    case ValueKind::kConstant: return "constant";
    default: return "input";
  }
}

class Guard {
 public:
  Guard(const Composition& composition, const std::string& torch)
      : program_(composition.program), torch_(torch), leaves_(LeafOrder(program_)),
        names_(Reserved(torch)) {
    for (ValueId id : leaves_) names_.Set(id, names_.Claim(program_.value(id).name));
    for (const CompositionStep& step : composition.steps) {
      if (const auto* kernel = std::get_if<KernelStep>(&step)) {
        aligned_.insert(kernel->fragment.parent_inputs.begin(), kernel->fragment.parent_inputs.end());
      }
    }
  }

  std::string Write() {
    text_ << "def _drt_guard(model, args, kwargs):\n"
          << "    \"\"\"What _drt_run takes, or the reason why this call must not be accelerated.\"\"\"\n"
          << "    if model.training is not " << (program_.context.training ? "True" : "False") << ":\n"
          << "        return \"the module is in " << (program_.context.training ? "eval" : "training") << " mode\"\n"
          << "    watch = model.__dict__.get(\"_drt_watch\")\n"
          << "    if watch is None or watch.changed(model):\n"
          << "        watch = _DrtWatch(model)\n"
          << "    if watch.why is not None:\n"
          << "        return watch.why\n"
          << "    why = _drt_state()\n"
          << "    if why is not None:\n"
          << "        return why\n";
    TakeArguments();
    FetchTargets();
    TakeDevice();
    FetchConstants();
    for (ValueId id : leaves_) CheckTensor(id);
    CheckDistinct();
    CheckGradients();
    text_ << "    return watch.remember((device, " << LeafNames(35, 12) << "))\n";
    return text_.str();
  }

  // The same for a call like one that was accelerated before: its tensors are compared with those by one call of C code.
  std::string WriteQuick() {
    quick_ = true;
    text_ << "def _drt_quick(model, args, kwargs):\n"
          << "    \"\"\"What _drt_guard gives, for a call that differs from an accelerated one only in addresses and values; else None.\"\"\"\n"
          << "    watch = model.__dict__[\"_drt_watch\"]\n"
          << "    device = watch.device\n"
          << "    if (device is None or device.why is not None or not (device.alone or device.is_current())\n"
          << "            or _drt_is_state_other(watch) or watch.changed(model)):\n"
          << "        return None\n";
    TakeArguments();
    FetchTargets();
    FetchConstants();
    text_ << "    if not watch.check(" << LeafNames(23, 23) << "):\n        return None\n";
    std::vector<std::string> addresses;
    for (ValueId id : leaves_) {
      if (aligned_.count(id)) addresses.push_back(names_.Of(id) + ".data_ptr()");
    }
    if (!addresses.empty()) {
      text_ << "    if (";
      for (size_t i = 0; i < addresses.size(); ++i) text_ << (i == 0 ? "" : i % 6 == 0 ? "\n            | " : " | ") << addresses[i];
      text_ << ") & 15:\n        return None\n";
    }
    CheckDistinct();
    text_ << "    return (device, " << LeafNames(20, 12) << ")\n";
    return text_.str();
  }

 private:
  static std::set<std::string> Reserved(const std::string& torch) {
    return {"model", "args", "kwargs", "watch", "given", "device", "index", "written", "tensor", "type", "len", "any", "None", torch};
  }

  void Refuse(const std::string& condition, const std::string& why) {
    text_ << "    if " << condition << ":\n        return " << (quick_ ? "None" : PythonString(why)) << "\n";
  }

  // The arguments however they were passed, then the tensors among them.
  void TakeArguments() {
    const Tree& tree = program_.arguments;
    const std::string count = std::to_string(tree.children.size());
    std::vector<std::string> names, values;
    for (const std::string& key : tree.keys) {
      names.push_back(PythonString(key));
      values.push_back("kwargs.get(" + PythonString(key) + ")");
    }
    const bool by_name = tree.kind == Tree::Kind::kDict;
    if (quick_) {
      Refuse(by_name ? "args or len(kwargs) != " + count : "kwargs or len(args) != " + count, "");
      text_ << "    given = " << (by_name ? "(" + WrappedList(values, 13, 13) + ",)" : "args") << "\n";
    } else if (by_name) {
      text_ << "    if not args and len(kwargs) == " << count << ":\n        given = (" << WrappedList(values, 17, 17) << ",)\n"
            << "    else:\n        given = _drt_arguments(model, args, kwargs, (" << WrappedList(names, 52, 17) << ",))\n";
    } else {
      text_ << "    given = args if not kwargs else _drt_arguments(model, args, kwargs)\n";
    }
    if (!quick_) Refuse("given is None or len(given) != " + count, "other arguments were passed than those verified");
    for (size_t i = 0; i < tree.children.size(); ++i) {
      TakeTree(tree.children[i], "given[" + std::to_string(i) + "]", "argument " + std::to_string(i + 1));
    }
  }

  void TakeTree(const Tree& tree, const std::string& expression, const std::string& where) {
    if (tree.kind == Tree::Kind::kValue) {
      text_ << "    " << names_.Of(tree.value) << " = " << expression << "\n";
    } else if (tree.kind == Tree::Kind::kLiteral) {
      const std::string literal = PythonLiteral(tree.literal, torch_);
      const bool same = tree.literal.IsNone() || tree.literal.Is<bool>();
      Refuse(same ? expression + " is not " + literal
                  : "type(" + expression + ") is not type(" + literal + ") or " + expression + " != " + literal,
             where + " is another than the verified " + literal);
    } else {
      TakeContainer(tree, expression, where);
    }
  }

  void TakeContainer(const Tree& tree, const std::string& expression, const std::string& where) {
    const bool dict = tree.kind == Tree::Kind::kDict;
    std::string type = tree.class_name ? ClassExpression(*tree.class_name) : dict ? "dict" : tree.kind == Tree::Kind::kList ? "list" : "tuple";
    Refuse("type(" + expression + ") is not " + type + " or len(" + expression + ") != " + std::to_string(tree.children.size()),
           where + " has another structure than the verified one");
    for (size_t i = 0; i < tree.children.size(); ++i) {
      const std::string index = dict ? PythonString(tree.keys[i]) : std::to_string(i);
      TakeTree(tree.children[i], expression + "[" + index + "]", where);
    }
  }

  // Parameters and buffers from where the module keeps them now; a shared prefix is walked once.
  void FetchTargets() {
    for (ValueId id : leaves_) {
      const Value& value = program_.value(id);
      if (value.kind == ValueKind::kParameter || value.kind == ValueKind::kBuffer) {
        const size_t point = value.target.rfind('.');
        const std::string owner = point == std::string::npos ? "" : value.target.substr(0, point);
        const std::string name = point == std::string::npos ? value.target : value.target.substr(point + 1);
        const std::string table = value.kind == ValueKind::kParameter ? "._parameters[" : "._buffers[";
        const std::string module = ModuleVariable(owner);
        text_ << "    " << names_.Of(id) << " = " << module << table << PythonString(name) << "]\n";
      }
    }
  }

  std::string ModuleVariable(const std::string& path) {
    if (path.empty()) return "model";
    auto found = modules_.find(path);
    if (found != modules_.end()) return found->second;
    const size_t point = path.rfind('.');
    const std::string parent = ModuleVariable(point == std::string::npos ? "" : path.substr(0, point));
    const std::string name = point == std::string::npos ? path : path.substr(point + 1);
    const bool plain = !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == std::string::npos;
    const std::string variable = names_.Claim("m_" + (plain ? name : "part"));
    text_ << "    " << variable << " = " << parent << "._modules[" << PythonString(name) << "]\n";
    modules_.emplace(path, variable);
    return variable;
  }

  void TakeDevice() {
    Require(!leaves_.empty(), "a program without inputs, parameters and buffers cannot be emitted");
    text_ << "    index = " << names_.Of(leaves_.front()) << ".get_device()\n"
          << "    device = _DRT_DEVICES.get(index) or _drt_device(index)\n"
          << "    if device.why is not None:\n"
          << "        return device.why\n";
  }

  void FetchConstants() {
    for (ValueId id : leaves_) {
      const Value& value = program_.value(id);
      if (value.kind != ValueKind::kConstant) continue;
      text_ << "    " << names_.Of(id) << " = _drt_constant(model, " << PythonString(value.target) << ", device)\n";
    }
  }

  void CheckTensor(ValueId id) {
    const Value& value = program_.value(id);
    const std::string& name = names_.Of(id);
    const std::string type = torch_ + (value.kind == ValueKind::kParameter ? ".nn.Parameter" : ".Tensor");
    text_ << "    if (type(" << name << ") is not " << type << " or " << name << ".dtype is not "
          << TorchName(value.dtype, torch_) << "\n            or " << name << ".shape != " << PythonTuple(value.shape) << " or "
          << name << ".stride() != " << PythonTuple(value.strides) << "\n            or " << name << ".get_device() != index";
    if (aligned_.count(id)) text_ << " or " << name << ".data_ptr() & 15";
    if (value.kind == ValueKind::kInput) text_ << " or " << name << ".is_neg()";
    text_ << "):\n        return "
          << PythonString("the " + std::string(KindName(value.kind)) + " " +
                          (value.target.empty() ? value.name : value.target) +
                          " has another type, dtype, shape, stride, device or alignment than the verified one")
          << "\n";
  }

  // What the call writes to must be apart from everything else that the caller passes.
  void CheckDistinct() {
    std::set<ValueId> written;
    for (const Mutation& mutation : program_.mutations) {
      if (program_.value(mutation.target).Elements() > 0) written.insert(mutation.target);
    }
    if (written.empty()) return;
    auto storage = [&](ValueId id) { return names_.Of(id) + ".untyped_storage().data_ptr()"; };
    std::vector<std::string> items;
    for (ValueId id : written) items.push_back(storage(id));
    text_ << "    written = {" << WrappedList(items, 15, 15) << "}\n";
    std::string shared = "len(written) != " + std::to_string(written.size());
    for (ValueId id : program_.inputs) {
      if (!written.count(id)) shared += " or " + storage(id) + " in written";
    }
    Refuse(shared, "tensors share memory that the call writes to");
  }

  void CheckGradients() {
    text_ << "    if " << torch_ << ".is_grad_enabled() and any(tensor.requires_grad for tensor in (\n            "
          << LeafNames(12, 12) << ",)):\n        return _drt_gradients()\n";
  }

  std::string LeafNames(size_t column, size_t indent) const {
    std::vector<std::string> items;
    for (ValueId id : leaves_) items.push_back(names_.Of(id));
    return WrappedList(items, column, indent);
  }

  const Program& program_;
  const std::string torch_;
  const std::vector<ValueId> leaves_;
  Names names_;
  std::set<ValueId> aligned_;                    // read by kernels, which assume 16-byte alignment
  std::map<std::string, std::string> modules_;   // path -> variable
  bool quick_ = false;
  std::ostringstream text_;
};

}  // namespace

std::vector<ValueId> LeafOrder(const Program& program) {
  std::vector<ValueId> order = program.inputs;
  std::vector<ValueId> constants;
  for (ValueId id : program.Leaves()) {
    const ValueKind kind = program.value(id).kind;
    if (kind == ValueKind::kConstant) constants.push_back(id);
    if (kind == ValueKind::kParameter || kind == ValueKind::kBuffer) order.push_back(id);
  }
  order.insert(order.end(), constants.begin(), constants.end());
  return order;
}

std::string EmitGuard(const Composition& composition, const std::string& torch) {
  return Guard(composition, torch).WriteQuick() + "\n\n" + Guard(composition, torch).Write();
}

std::string ClassModule(const std::string& class_name) { return class_name.substr(0, class_name.find(':')); }

std::string ClassExpression(const std::string& class_name) {
  const size_t colon = class_name.find(':');
  const std::string module = ClassModule(class_name);
  const std::string name = colon == std::string::npos ? class_name : class_name.substr(colon + 1);
  return module.empty() || module == "builtins" ? name : module + "." + name;
}

}  // namespace drtriton
