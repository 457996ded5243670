// The file from top to bottom: a header comment, the user's source untouched, the kernels, a launcher for each fragment,
// the guard and the fast path, ModelNew, and the support code that is the same everywhere.  Names of ours begin with
// _drt_ so that they meet none of the user's; kernels keep their names where those are free.
#include "emit/emit.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "base/error.h"
#include "emit/guard.h"
#include "emit/kernel_sources.h"
#include "emit/launcher.h"
#include "emit/python_text.h"
#include "emit/run.h"
#include "emit/support_text.h"

namespace drtriton {
namespace {

constexpr size_t kLargestConstant = 16u << 20;

constexpr const char* kRule =
    "# =====================================================================================================================\n";

// Lines that Python wants first: a #! line and an encoding.
size_t FirstLines(const std::string& source) {
  size_t end = 0;
  for (int line = 0; line < 2; ++line) {
    const size_t stop = source.find('\n', end);
    if (stop == std::string::npos) break;
    const std::string text = source.substr(end, stop - end);
    const bool coding = !text.empty() && text[0] == '#' && text.find("coding") != std::string::npos;
    if (text.rfind("#!", 0) != 0 && !coding) break;
    end = stop + 1;
  }
  return end;
}

// Whether a top-level statement of the user's binds `name` to something else than `import` would.
bool IsBoundOtherwise(const std::vector<TopLevel>& statements, const std::string& name, const std::string& import) {
  for (const TopLevel& statement : statements) {
    if (statement.kind != TopLevel::Kind::kImport) {
      if (statement.name == name) return true;
      continue;
    }
    const std::string text = statement.text.substr(0, statement.text.find('\n'));
    const bool renamed = text.size() > name.size() + 4 && text.rfind(" as " + name) == text.size() - name.size() - 4;
    if (renamed && text != import && import + " as " + name != text) return true;
  }
  return false;
}

std::string Base64(const std::string& bytes) {
  static const char* const kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string CommentLines(const std::string& text) {
  std::string lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines += "# " + line + "\n";
  return lines;
}

class Emitter {
 public:
  Emitter(const Composition& composition, const EmitOptions& options)
      : composition_(composition), options_(options), statements_(SplitTopLevel(options.module_source)),
        taken_(Identifiers(options.module_source)) {
    taken_.insert({"ModelNew", "torch", "triton", "tl"});
    PickAlias("torch", "import torch");
    PickAlias("triton", "import triton");
    PickAlias("tl", "import triton.language as tl");
  }

  std::string Write() {
    KernelSources kernels(taken_, aliases_);
    std::string launchers = WriteLaunchers(kernels);
    const RunText run = EmitRun(composition_, launcher_names_, aliases_.at("torch"));
    const std::string guard = EmitGuard(composition_, aliases_.at("torch"));
    std::string text = Original() + "\n\n" + kRule +
                       "# Written by DRTriton: verified kernels for the module above, and ModelNew at the end of the file.\n" +
                       kRule + Imports(kernels, run.modules) + kernels.text() + "\n\n";
    text += "# ---- One launcher a fragment " + std::string(90, '-') + "\n" + launchers + "\n\n";
    text += "# ---- The fast path " + std::string(100, '-') + "\n\n\n" + run.function + "\n\n" + guard + "\n\n" + Settings(run.graph_safe) + "\n\n";
    text += Rename(SupportText(), aliases_) + "\n\n# ---- Every launch with what is fixed about it, and the module " + std::string(56, '-') + "\n\n";
    text += "_DRT_KERNELS = {\n" + launches_ + "}\n\n\n" + Class();
    return text;
  }

 private:
  void PickAlias(const std::string& name, const std::string& import) {
    aliases_[name] = IsBoundOtherwise(statements_, name, import) ? "_drt_" + name : name;
  }

  std::string Original() const {
    std::string source = options_.module_source;
    if (source.rfind("\xef\xbb\xbf", 0) == 0) source.erase(0, 3);
    if (source.empty() || source.back() != '\n') source += '\n';
    const size_t first = FirstLines(source);
    return source.substr(0, first) + Header() + source.substr(first);
  }

  std::string Header() const {
    std::string text = "# " + options_.module_name + " with verified Triton kernels, written by DRTriton.  ModelNew, at the end, is Model made\n" +
                       "# faster: same constructor, parameters, buffers and results.  Where it cannot run its kernels (gradients, other\n" +
                       "# shapes, dtypes, devices or modes) it runs the original code, which follows unchanged.\n#\n" +
                       "# Kernels: for " + options_.device.name + " (sm_" + std::to_string(options_.device.capability) + ").\n";
    if (options_.untimed) text += "# Untimed: no GPU was there, the cost model chose the kernels.\n";
    if (options_.reduced_shapes) {
      text += "# Verified at reduced shapes under Triton's interpreter: the same kernels with other constants.\n";
    }
    for (const std::string& note : options_.notes) text += CommentLines(note);
    return text + "\n";
  }

  std::string Imports(const KernelSources& kernels, std::vector<std::string> modules) const {
    auto import = [&](const std::string& module, const std::string& name) {
      const std::string& alias = aliases_.at(name);
      return "import " + module + (alias == module ? "" : " as " + alias) + "\n";
    };
    std::string text = import("torch", "torch") + "import torch.nn.modules.module as _drt_hooks\n" + import("triton", "triton") +
                       import("triton.language", "tl");
    for (const std::string& line : kernels.imports()) text += line;
    std::sort(modules.begin(), modules.end());
    modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
    for (const std::string& module : modules) text += "import " + module + "\n";
    return text;
  }

  std::string WriteLaunchers(KernelSources& kernels) {
    std::string text;
    std::set<std::string> launch_names;
    for (const CompositionStep& step : composition_.steps) {
      const auto* kernel = std::get_if<KernelStep>(&step);
      if (kernel == nullptr) continue;
      kernels.Add(*kernel);
      LauncherContext context;
      context.function_name = kernels.Claim("_drt_" + kernel->fragment.id);
      context.kernel_name = [&](const std::string& function) { return kernels.NameOf(function); };
      context.claim_launch = [&](const std::string& wanted) {
        std::string name = wanted;
        for (int i = 2; !launch_names.insert(name).second || IsDeviceMember(name); ++i) name = wanted + "_" + std::to_string(i);
        return name;
      };
      context.aliases = aliases_;
      const LauncherText launcher = EmitLauncher(*kernel, context);
      launcher_names_.push_back(context.function_name);
      text += "\n\n" + launcher.function;
      launches_ += launcher.launches;
    }
    return text;
  }

  // Launches become attributes of _DrtDevice.
  static bool IsDeviceMember(const std::string& name) {
    static const std::set<std::string> kMembers = {"index", "why", "torch", "constants", "stream", "is_current", "alone",
                                                "empty", "unfit", "first"};
    return kMembers.count(name) > 0;
  }

  std::string Settings(bool graph_safe) const {
    const RunContext& context = composition_.program.context;
    auto text = [](bool value) { return value ? "True" : "False"; };
    return std::string("_DRT_TRITON = \"3.6\"\n") + "_DRT_CAPABILITY = " + std::to_string(options_.device.capability) +
           "\n_DRT_TRAINING = " + text(context.training) + "\n_DRT_MATMUL_TF32 = " + text(context.matmul_tf32) +
           "\n_DRT_CUDNN_TF32 = " + text(context.cudnn_tf32) + "\n_DRT_GRAPH_SAFE = " + text(graph_safe) + "\n_DRT_MUTATED = " + Mutated() + "\n" + Constants();
  }

  // Which of the tensors that _drt_guard gives are written to, in the order of the Program's mutations.
  std::string Mutated() const {
    const std::vector<ValueId> leaves = LeafOrder(composition_.program);
    std::vector<int64_t> positions;
    for (const Mutation& mutation : composition_.program.mutations) {
      positions.push_back(1 + (std::find(leaves.begin(), leaves.end(), mutation.target) - leaves.begin()));
    }
    return PythonTuple(positions);
  }

  std::string Constants() const {
    std::string text = "_DRT_CONSTANTS = {\n";
    for (const Value& value : composition_.program.values) {
      const auto found = options_.constants.find(value.name);
      if (value.kind != ValueKind::kConstant || found == options_.constants.end()) continue;
      // What torch.export lifted out of forward(); any other name is an attribute, read from the module in each call.
      if (value.target.rfind("lifted_tensor_", 0) != 0 && value.target.rfind("_tensor_constant", 0) != 0) continue;
      const ConstantData& data = found->second;
      if (data.bytes.size() > kLargestConstant) continue;  // read from the module, or the original code runs
      text += "    " + PythonString(value.target) + ": (" + TorchName(data.dtype, aliases_.at("torch")) + ", " +
              PythonTuple(data.shape) + ", \"" + Base64(data.bytes) + "\"),\n";
    }
    return text + "}\n";
  }

  // A method that the user's class does not have.
  std::string Method(const std::string& wanted) const { return taken_.count(wanted) ? "drtriton_" + wanted : wanted; }

  std::string Class() const {
    const std::string graph = Method("use_cuda_graph");
    return "class ModelNew(Model):\n"
           "    \"\"\"Model with verified Triton kernels: same constructor, parameters, buffers and results.\n\n"
           "    A call runs the kernels when everything is as it was verified, else the original forward().\n"
           "    ModelNew." + Method("acceleration") + "() says how often each happened, and why the kernels did not run.\n"
           "    \"\"\"\n\n"
           "    _drt_use_graph = False\n\n"
           "    def __init__(self, *args, **kwargs):\n"
           "        super().__init__(*args, **kwargs)\n"
           "        self._drt_built = _drt_fingerprint(self) if _drt_is_verified_construction(args, kwargs) else None\n\n"
           "    def __call__(self, *args, **kwargs):\n"
           "        if not _drt_is_compiling():\n"
           "            try:\n"
           "                found = _drt_quick(self, args, kwargs)\n"
           "            except Exception:  # forward() finds out why\n"
           "                found = None\n"
           "            if found is not None:\n"
           "                try:\n"
           "                    result = _drt_graph_call(self, *found) if self._drt_use_graph else _drt_run(*found)\n"
           "                    _DRT_STATUS[\"accelerated\"] += 1\n"
           "                    return result\n"
           "                except _DrtUnusable:\n"
           "                    pass\n"
           "        return super().__call__(*args, **kwargs)\n\n"
           "    def forward(self, *args, **kwargs):\n"
           "        if _drt_is_compiling():  # what compiles or exports this module sees the original code\n"
           "            return super().forward(*args, **kwargs)\n"
           "        try:\n"
           "            found = _drt_guard(self, args, kwargs)\n"
           "        except Exception as error:\n"
           "            found = f\"the call does not fit: {type(error).__name__}: {error}\"\n"
           "        if type(found) is tuple:\n"
           "            try:\n"
           "                if self._drt_use_graph or not found[0].is_current():\n"
           "                    result = _drt_run_otherwise(self, found)\n"
           "                else:\n"
           "                    result = _drt_run(*found)\n"
           "                _DRT_STATUS[\"accelerated\"] += 1\n"
           "                return result\n"
           "            except _DrtUnusable as problem:\n"
           "                found = str(problem)\n"
           "        _DRT_STATUS[\"original\"] += 1\n"
           "        _DRT_STATUS[\"why\"] = found\n"
           "        return super().forward(*args, **kwargs)\n\n"
           "    def " + graph + "(self, on=True):\n"
           "        \"\"\"Replays a call as a CUDA graph: less work for the host, under these rules.\n\n"
           "        The result is overwritten by the next call.  A graph belongs to the addresses of inputs and parameters: keep\n"
           "        inputs in the same memory (x.copy_(new)); eight sets of addresses are kept, calls with others run without a\n"
           "        graph.  Modules that write to their inputs or return them always run without.\n"
           "        \"\"\"\n"
           "        self._drt_use_graph = bool(on) and _DRT_GRAPH_SAFE\n"
           "        return self\n\n"
           "    @staticmethod\n"
           "    def " + Method("acceleration") + "():\n"
           "        \"\"\"Calls in this process: {\"accelerated\": ..., \"original\": ..., \"why\": reason of the last original one}.\"\"\"\n"
           "        return {name: _DRT_STATUS[name] for name in (\"accelerated\", \"original\", \"why\")}\n\n\n"
           "if Model.__call__ is not _DRT_MODULE_CALL:  # the user's own, which decides what a call is\n"
           "    del ModelNew.__call__\n";
  }

  const Composition& composition_;
  const EmitOptions& options_;
  const std::vector<TopLevel> statements_;
  std::set<std::string> taken_;
  std::map<std::string, std::string> aliases_;
  std::vector<std::string> launcher_names_;
  std::string launches_;
};

}  // namespace

std::string EmitModule(const Composition& composition, const EmitOptions& options) {
  return Emitter(composition, options).Write();
}

}  // namespace drtriton
