#include "emit/launcher.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/error.h"
#include "emit/names.h"
#include "emit/python_text.h"

namespace drtriton {
namespace {

bool SameLayout(const TensorView& a, const TensorView& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.strides == b.strides && a.offset == b.offset;
}

int64_t ExtentBytes(const TensorView& view) {
  return StorageExtent(view.shape, view.strides) * ElementBytes(view.dtype);
}

class Launcher {
 public:
  Launcher(const KernelStep& step, const LauncherContext& context)
      : step_(step), plan_(step.plan), context_(context), torch_(context.aliases.at("torch")),
        names_({"device", "stream", "_drt_reinterpret", torch_}) {}

  LauncherText Write() {
    NameInputs();
    NameBuffers();
    const std::string head = "def " + context_.function_name + "(";
    Line(head + WrappedList(Parameters(), head.size(), head.size()) + "):", 0);
    Line("\"\"\"" + Summary() + "\"\"\"", 1);
    Allocate();
    for (const PlanStep& step : plan_.steps) WriteStep(step);
    WriteReturn();
    return {std::move(text_), std::move(launches_)};
  }

 private:
  void Line(const std::string& line, int depth = 1) { text_ += std::string(static_cast<size_t>(depth) * 4, ' ') + line + "\n"; }

  std::string Summary() const {
    std::string text;
    for (const Node& node : step_.fragment.program.nodes) {
      const size_t begin = node.op.find('.') + 1;
      text += (text.empty() ? "" : ", ") + node.op.substr(begin, node.op.rfind('.') - begin);
    }
    return text;
  }

  std::vector<std::string> Parameters() const {
    std::vector<std::string> parameters = {"device", "stream"};
    parameters.insert(parameters.end(), inputs_.begin(), inputs_.end());
    return parameters;
  }

  void NameInputs() {
    for (ValueId id : step_.fragment.Inputs()) inputs_.push_back(names_.Claim(step_.fragment.program.value(id).name));
  }

  // A buffer that one result covers is that result; others are bytes.
  void NameBuffers() {
    const std::vector<ValueId> results = step_.fragment.Results();
    Require(results.size() == plan_.results.size(), "a launch plan has another number of results than its fragment");
    buffers_.resize(plan_.buffers.size());
    main_.resize(plan_.buffers.size());
    for (size_t b = 0; b < plan_.buffers.size(); ++b) {
      const Buffer& buffer = plan_.buffers[b];
      if (buffer.kind == BufferKind::kInput) {
        Require(buffer.input >= 0 && static_cast<size_t>(buffer.input) < inputs_.size(), "a launch plan reads an unknown input");
        const Value& value = step_.fragment.program.value(step_.fragment.Inputs()[static_cast<size_t>(buffer.input)]);
        buffers_[b] = inputs_[static_cast<size_t>(buffer.input)];
        main_[b] = TensorView{static_cast<int32_t>(b), value.dtype, value.shape, value.strides, 0};
        continue;
      }
      for (size_t r = 0; r < plan_.results.size() && !main_[b]; ++r) {
        const TensorView& view = plan_.results[r];
        if (view.buffer != static_cast<int32_t>(b) || view.offset != 0 || ExtentBytes(view) != buffer.bytes) continue;
        main_[b] = view;
        buffers_[b] = names_.Claim(step_.fragment.program.value(results[r]).name);
      }
      if (!main_[b]) buffers_[b] = names_.Claim("bytes_" + std::to_string(b));
    }
  }

  void Allocate() {
    for (size_t b = 0; b < plan_.buffers.size(); ++b) {
      const Buffer& buffer = plan_.buffers[b];
      if (buffer.kind == BufferKind::kInput) continue;
      const std::string what = main_[b] ? PythonTuple(main_[b]->shape) + ", " + PythonTuple(main_[b]->strides) + ", " +
                                              TorchName(main_[b]->dtype, torch_)
                                        : PythonTuple({buffer.bytes}) + ", (1,), " + torch_ + ".uint8";
      Line(buffers_[b] + " = device.empty(" + what + ")");
    }
  }

  std::string View(const TensorView& view) const {
    const size_t b = static_cast<size_t>(view.buffer);
    if (main_[b] && SameLayout(*main_[b], view)) return buffers_[b];
    return "_drt_reinterpret(" + buffers_[b] + ", " + TorchName(view.dtype, torch_) + ", " + PythonTuple(view.shape) + ", " +
           PythonTuple(view.strides) + ", " + std::to_string(view.offset * ElementBytes(view.dtype)) + ")";
  }

  std::string Address(int32_t buffer, int64_t byte_offset) const {
    const std::string address = buffers_[static_cast<size_t>(buffer)] + ".data_ptr()";
    return byte_offset == 0 ? address : address + " + " + std::to_string(byte_offset);
  }

  DType PointerType(const PointerArg& pointer) const {
    if (pointer.dtype) return *pointer.dtype;
    const std::optional<TensorView>& main = main_[static_cast<size_t>(pointer.buffer)];
    if (!main) throw InternalError("the launch plan of " + step_.fragment.id + " does not say what a pointer points at");
    return main->dtype;
  }

  void WriteStep(const PlanStep& step) {
    if (const auto* launch = std::get_if<LaunchStep>(&step)) {
      WriteLaunch(*launch);
    } else if (const auto* copy = std::get_if<CopyStep>(&step)) {
      Line(View(copy->target) + ".copy_(" + View(copy->source) + ")");
    } else if (const auto* fill = std::get_if<FillStep>(&step)) {
      Line(View(fill->target) + ".fill_(" + PythonLiteral(fill->value, torch_) + ")");
    } else {
      WriteVendor(std::get<VendorStep>(step));
    }
  }

  // The call, and the entry that fixes everything about it but pointers.
  void WriteLaunch(const LaunchStep& launch) {
    const KernelImage& kernel = plan_.kernels.at(static_cast<size_t>(launch.kernel));
    const std::string function = context_.kernel_name(kernel.function);
    const std::string key = context_.claim_launch(function);
    std::vector<std::string> arguments = {"stream"};  // without the constants at the end, for which nothing is passed
    size_t last = 0;
    std::vector<std::string> pointers, constants, descriptors;
    size_t next = 0;
    for (const KernelImage::Argument& argument : kernel.arguments) {
      const std::string quoted = PythonString(argument.name);
      if (argument.constexpr_value) {
        arguments.push_back("None");
        constants.push_back(quoted + ": " + Constant(argument.value));
        continue;
      }
      Require(next < launch.args.size(), "a launch has fewer arguments than its kernel");
      const LaunchArg& given = launch.args[next++];
      if (const auto* pointer = std::get_if<PointerArg>(&given)) {
        arguments.push_back(Address(pointer->buffer, pointer->byte_offset));
        pointers.push_back(quoted + ": " + TorchName(PointerType(*pointer), torch_));
      } else if (const auto* scalar = std::get_if<ScalarArg>(&given)) {
        const bool real = scalar->type >= ParamType::kF16 && scalar->type <= ParamType::kF64;
        arguments.push_back(PythonLiteral(real ? Attr(scalar->real) : Attr(scalar->integer), torch_));
      } else {
        const auto& descriptor = std::get<DescriptorArg>(given);
        arguments.push_back(Address(descriptor.view.buffer, descriptor.view.offset * ElementBytes(descriptor.view.dtype)));
        descriptors.push_back(quoted + ": " + Descriptor(descriptor));
      }
      last = arguments.size();
    }
    Require(next == launch.args.size(), "a kernel that takes tuples cannot be emitted");
    arguments.resize(std::max<size_t>(last, 1));
    const std::string call = "device." + key + "(";
    Line(call + WrappedList(arguments, call.size() + 4, call.size() + 4) + ")");
    launches_ += "    " + PythonString(key) + ": _DrtKernel(\n        " + function + ", " +
                 PythonTuple({launch.grid[0], launch.grid[1], launch.grid[2]}) + ",\n        pointers={" + WrappedList(pointers, 18, 18) +
                 "},\n        constants={" + WrappedList(constants, 19, 19) + "}," +
                 (descriptors.empty() ? "" : "\n        descriptors={" + WrappedList(descriptors, 21, 21) + "},") +
                 "\n        num_warps=" + std::to_string(kernel.num_warps) + ", num_stages=" + std::to_string(kernel.num_stages) +
                 (kernel.num_ctas == 1 ? "" : ", num_ctas=" + std::to_string(kernel.num_ctas)) + "),\n";
  }

  std::string Descriptor(const DescriptorArg& descriptor) const {
    const TensorView& view = descriptor.view;
    const Shape blocks = descriptor.block_shape;
    return "(" + TorchName(view.dtype, torch_) + ", " + List(view.shape) + ", " + List(view.strides) + ", " + List(blocks) +
           ", " + (descriptor.padding ? "\"nan\"" : "\"zero\"") + ")";
  }

  static std::string List(const Shape& values) { return PythonLiteral(Attr::Ints(values)); }

  // A compile-time value.  A dtype or a function is recorded as its Python text.
  std::string Constant(const Attr& value) const {
    if (!value.Is<std::string>()) return PythonLiteral(value, torch_);
    const std::string& text = value.AsString();
    const std::string head = text.substr(0, text.find('.'));
    if (head != text && context_.aliases.count(head)) return Rename(text, context_.aliases);
    for (const TopLevel& statement : SplitTopLevel(step_.proposal.source)) {
      if (statement.kind == TopLevel::Kind::kFunction && statement.name == text) return context_.kernel_name(text);
    }
    return PythonString(text);
  }

  void WriteVendor(const VendorStep& vendor) {
    std::string arguments;
    for (const Attr& arg : vendor.args) arguments += (arguments.empty() ? "" : ", ") + VendorArgument(arg, vendor);
    const std::string call = torch_ + ".ops." + vendor.op + "(" + arguments + ")";
    if (vendor.outputs.size() == 1) {
      Line(View(vendor.outputs[0]) + ".copy_(" + call + ")");
      return;
    }
    const std::string made = names_.Claim("made");
    Line(made + " = " + call);
    for (size_t i = 0; i < vendor.outputs.size(); ++i) {
      Line(View(vendor.outputs[i]) + ".copy_(" + made + "[" + std::to_string(i) + "])");
    }
  }

  std::string VendorArgument(const Attr& arg, const VendorStep& vendor) const {
    if (arg.IsValue()) return View(vendor.tensors.at(static_cast<size_t>(arg.AsValue())));
    if (!arg.Is<AttrList>()) return PythonLiteral(arg, torch_);
    std::string text = "[";
    for (size_t i = 0; i < arg.AsList().size(); ++i) text += (i ? ", " : "") + VendorArgument(arg.AsList()[i], vendor);
    return text + "]";
  }

  void WriteReturn() {
    std::string text;
    for (const TensorView& view : plan_.results) text += (text.empty() ? "" : ", ") + View(view);
    Line("return " + text);
  }

  const KernelStep& step_;
  const LaunchPlan& plan_;
  const LauncherContext& context_;
  const std::string torch_;
  Names names_;
  std::vector<std::string> inputs_;
  std::vector<std::string> buffers_;                 // Python variable of each buffer
  std::vector<std::optional<TensorView>> main_;      // what that variable is, when it is a typed tensor
  std::string text_;
  std::string launches_;
};

}  // namespace

LauncherText EmitLauncher(const KernelStep& step, const LauncherContext& context) { return Launcher(step, context).Write(); }

}  // namespace drtriton
