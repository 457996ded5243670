// LaunchPlan <-> JSON.  The text comes from a process that ran a candidate's code, so the parser believes none of it:
// every index, size and offset is checked here, once, and everything behind the parser may rely on it.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/json_reader.h"
#include "core/launch_plan.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

constexpr const char* kFormat = "drtriton.plan/1";
// Far above real plans and devices, far below what could overflow or exhaust us.
constexpr int64_t kMostBytes = int64_t{1} << 46;
constexpr size_t kMostTextBytes = 4 << 20;
constexpr int64_t kMostItems = 1 << 20;
constexpr size_t kHighestRank = 64;
constexpr size_t kLongestName = 4096;
constexpr int64_t kMostGrid = (int64_t{1} << 31) - 1;
constexpr int64_t kMostGridYZ = 65535;

constexpr std::array<const char*, 16> kParamNames = {"pointer", "i1",  "i8",  "i16",  "i32",  "i64",  "u1",   "u8",
                                                     "u16",     "u32", "u64", "fp16", "bf16", "fp32", "fp64", "tensordesc"};

const char* Name(ParamType type) { return kParamNames.at(static_cast<size_t>(type)); }

bool IsReal(ParamType type) { return type >= ParamType::kF16 && type <= ParamType::kF64; }

// ---- writing -------------------------------------------------------------------------------------------------------

Json ToJson(const Buffer& buffer) {
  if (buffer.kind == BufferKind::kInput) return Json{{"kind", "input"}, {"input", buffer.input}, {"bytes", buffer.bytes}};
  return Json{{"kind", "allocated"}, {"bytes", buffer.bytes}};
}

Json ToJson(const TensorView& view) {
  return Json{{"buffer", view.buffer},
              {"dtype", drtriton::Name(view.dtype)},
              {"shape", view.shape},
              {"strides", view.strides},
              {"offset", view.offset}};
}

Json ToJson(const std::vector<TensorView>& views) {
  Json json = Json::array();
  for (const TensorView& view : views) json.push_back(ToJson(view));
  return json;
}

Json ToJson(const KernelImage& kernel) {
  Json params = Json::array();
  for (ParamType type : kernel.params) params.push_back(Name(type));
  Json arguments = Json::array();
  for (const KernelImage::Argument& argument : kernel.arguments) {
    Json entry{{"name", argument.name}};
    if (argument.constexpr_value) entry["constexpr"] = ToJson(argument.value);
    arguments.push_back(std::move(entry));
  }
  return Json{{"name", kernel.name},
              {"function", kernel.function},
              {"cubin", kernel.cubin_path},
              {"sha256", kernel.cubin_sha256},
              {"num_warps", kernel.num_warps},
              {"num_stages", kernel.num_stages},
              {"num_ctas", kernel.num_ctas},
              {"shared_bytes", kernel.shared_bytes},
              {"global_scratch_bytes", kernel.global_scratch_bytes},
              {"profile_scratch_bytes", kernel.profile_scratch_bytes},
              {"registers", kernel.registers},
              {"spills", kernel.spills},
              {"has_atomics", kernel.has_atomics},
              {"has_inline_assembly", kernel.has_inline_assembly},
              {"params", params},
              {"arguments", arguments},
              {"reads", kernel.reads},
              {"writes", kernel.writes},
              {"approximations", kernel.approximations},
              {"text", kernel.text}};
}

Json ToJson(const LaunchArg& arg) {
  if (const auto* pointer = std::get_if<PointerArg>(&arg)) {
    Json list = Json::array({pointer->buffer, pointer->byte_offset});
    if (pointer->dtype) list.push_back(drtriton::Name(*pointer->dtype));
    return Json{{"pointer", list}};
  }
  if (const auto* scalar = std::get_if<ScalarArg>(&arg)) {
    Json value = IsReal(scalar->type) ? ToJson(Attr(scalar->real)) : Json(scalar->integer);
    return Json{{Name(scalar->type), value}};
  }
  const auto& descriptor = std::get<DescriptorArg>(arg);
  return Json{{"descriptor", ToJson(descriptor.view)},
              {"block_shape", descriptor.block_shape},
              {"padding", descriptor.padding},
              {"box", descriptor.box},
              {"swizzle", descriptor.swizzle},
              {"element_type", descriptor.element_type},
              {"element_bytes", descriptor.element_bytes}};
}

Json ToJson(const PlanStep& step) {
  if (const auto* launch = std::get_if<LaunchStep>(&step)) {
    Json args = Json::array();
    for (const LaunchArg& arg : launch->args) args.push_back(ToJson(arg));
    return Json{{"launch", launch->kernel}, {"grid", launch->grid}, {"args", args}};
  }
  if (const auto* copy = std::get_if<CopyStep>(&step)) {
    return Json{{"copy", {{"source", ToJson(copy->source)}, {"target", ToJson(copy->target)}}}};
  }
  if (const auto* fill = std::get_if<FillStep>(&step)) {
    return Json{{"fill", {{"target", ToJson(fill->target)}, {"value", ToJson(fill->value)}}}};
  }
  const auto& vendor = std::get<VendorStep>(step);
  Json args = Json::array();
  for (const Attr& arg : vendor.args) args.push_back(ToJson(arg));
  return Json{{"vendor", vendor.op}, {"args", args}, {"tensors", ToJson(vendor.tensors)}, {"outputs", ToJson(vendor.outputs)}};
}

// ---- reading -------------------------------------------------------------------------------------------------------

size_t Count(const JsonReader& reader, int64_t most = kMostItems) {
  if (reader.Size() > static_cast<size_t>(most)) reader.Fail("has more than " + std::to_string(most) + " items");
  return reader.Size();
}

std::string Text(const JsonReader& reader) {
  const std::string& text = reader.String();
  if (text.size() > kLongestName) reader.Fail("is longer than " + std::to_string(kLongestName) + " bytes");
  return text;
}

DType DTypeOf(const JsonReader& reader) {
  const std::optional<DType> dtype = DTypeFromName(reader.String());
  if (!dtype) reader.Fail("is no dtype");
  return *dtype;
}

Shape ShapeOf(const JsonReader& reader) {
  Count(reader, kHighestRank);
  return reader.Ints(0, kMostBytes);
}

// Keeps everything that a later member is checked against.
class PlanReader {
 public:
  explicit PlanReader(const Json& json) : reader_(json, "plan") {}

  LaunchPlan Read() {
    if (reader_.At("format").String() != kFormat) reader_.At("format").Fail(std::string("is not \"") + kFormat + "\"");
    plan_.target = Text(reader_.At("target"));
    plan_.compile_ms = reader_.Has("compile_ms") ? reader_.At("compile_ms").Number() : 0;
    ReadBuffers(reader_.At("buffers"));
    const JsonReader kernels = reader_.At("kernels");
    for (size_t i = 0, n = Count(kernels); i < n; ++i) plan_.kernels.push_back(ReadKernel(kernels.At(i)));
    const JsonReader steps = reader_.At("steps");
    for (size_t i = 0, n = Count(steps); i < n; ++i) plan_.steps.push_back(ReadStep(steps.At(i)));
    plan_.results = ReadViews(reader_.At("results"));
    return std::move(plan_);
  }

 private:
  void ReadBuffers(const JsonReader& buffers) {
    int64_t total = 0;
    for (size_t i = 0, n = Count(buffers); i < n; ++i) {
      const JsonReader reader = buffers.At(i);
      Buffer buffer;
      const std::string kind = reader.At("kind").String();
      if (kind != "input" && kind != "allocated") reader.At("kind").Fail("is neither \"input\" nor \"allocated\"");
      buffer.kind = kind == "input" ? BufferKind::kInput : BufferKind::kAllocated;
      if (buffer.kind == BufferKind::kInput) buffer.input = reader.At("input").Int32(0, static_cast<int32_t>(kMostItems));
      buffer.bytes = reader.At("bytes").Int(0, kMostBytes);
      total += buffer.bytes;
      if (total > kMostBytes) reader.Fail("brings all buffers together above any memory");
      plan_.buffers.push_back(buffer);
    }
  }

  int32_t ReadBufferIndex(const JsonReader& reader) const {
    if (plan_.buffers.empty()) reader.Fail("names a buffer but the plan has none");
    return reader.Int32(0, static_cast<int32_t>(plan_.buffers.size()) - 1);
  }

  TensorView ReadView(const JsonReader& reader) const {
    TensorView view;
    view.buffer = ReadBufferIndex(reader.At("buffer"));
    view.dtype = DTypeOf(reader.At("dtype"));
    view.shape = ShapeOf(reader.At("shape"));
    view.strides = ShapeOf(reader.At("strides"));
    view.offset = reader.At("offset").Int(0, kMostBytes);
    if (view.shape.size() != view.strides.size()) reader.Fail("has a stride count that differs from its rank");
    CheckExtent(reader, view);
    return view;
  }

  // The last element lies inside the buffer.  Every product is bounded before it is formed.
  void CheckExtent(const JsonReader& reader, const TensorView& view) const {
    const int64_t room = plan_.buffers[static_cast<size_t>(view.buffer)].bytes / ElementBytes(view.dtype);
    if (view.offset > room) reader.Fail("starts behind the end of its buffer");
    if (std::find(view.shape.begin(), view.shape.end(), 0) != view.shape.end()) return;
    int64_t last = view.offset;
    int64_t elements = 1;
    for (size_t i = 0; i < view.shape.size(); ++i) {
      const int64_t steps = view.shape[i] - 1;
      if (steps > 0 && view.strides[i] > kMostBytes / steps) reader.Fail("leaves its buffer");
      last += steps * view.strides[i];
      if (last >= room) reader.Fail("leaves its buffer");
      if (elements > kMostBytes / view.shape[i]) reader.Fail("has more elements than any memory");  // by expansion
      elements *= view.shape[i];
    }
    if (last >= room) reader.Fail("leaves its buffer");
  }

  std::vector<TensorView> ReadViews(const JsonReader& reader) const {
    std::vector<TensorView> views;
    for (size_t i = 0, n = Count(reader); i < n; ++i) views.push_back(ReadView(reader.At(i)));
    return views;
  }

  static KernelImage ReadKernel(const JsonReader& reader) {
    KernelImage kernel;
    kernel.name = Text(reader.At("name"));
    kernel.function = Text(reader.At("function"));
    kernel.cubin_path = Text(reader.At("cubin"));
    const bool leaves_folder = kernel.cubin_path.find_first_of("/\\") != std::string::npos || kernel.cubin_path == "..";
    if (leaves_folder || kernel.cubin_path.find('\0') != std::string::npos) reader.At("cubin").Fail("is no plain file name");
    kernel.cubin_sha256 = Text(reader.At("sha256"));
    kernel.num_warps = reader.At("num_warps").Int32(1, 32);
    if (kernel.num_warps & (kernel.num_warps - 1)) reader.At("num_warps").Fail("is no power of two");
    kernel.num_stages = reader.At("num_stages").Int32(0, 64);
    kernel.num_ctas = reader.At("num_ctas").Int32(1, 16);
    kernel.shared_bytes = reader.At("shared_bytes").Int(0, 1 << 24);
    kernel.global_scratch_bytes = reader.At("global_scratch_bytes").Int(0, int64_t{1} << 32);
    kernel.profile_scratch_bytes = reader.At("profile_scratch_bytes").Int(0, int64_t{1} << 32);
    kernel.registers = reader.At("registers").Int32(0, 1 << 20);
    kernel.spills = reader.At("spills").Int32(0, 1 << 30);
    kernel.has_atomics = reader.At("has_atomics").Bool();
    kernel.has_inline_assembly = reader.At("has_inline_assembly").Bool();
    const JsonReader params = reader.At("params");
    for (size_t i = 0, n = Count(params, 4096); i < n; ++i) kernel.params.push_back(ReadParamType(params.At(i)));
    ReadArguments(reader.At("arguments"), kernel);
    kernel.reads = ReadPositions(reader, "reads", kernel.params);
    kernel.writes = ReadPositions(reader, "writes", kernel.params);
    if (reader.Has("approximations")) {
      const JsonReader names = reader.At("approximations");
      for (size_t i = 0, n = Count(names, 64); i < n; ++i) kernel.approximations.push_back(Text(names.At(i)));
    }
    if (reader.Has("text")) kernel.text = reader.At("text").String();
    if (kernel.text.size() > kMostTextBytes) reader.At("text").Fail("is longer than any kernel");
    return kernel;
  }

  // Every pointer where the plan does not say.
  static std::vector<int32_t> ReadPositions(const JsonReader& kernel, const char* member, const std::vector<ParamType>& params) {
    std::vector<int32_t> positions;
    if (!kernel.Has(member)) {
      for (size_t i = 0; i < params.size(); ++i) {
        if (params[i] == ParamType::kPointer || params[i] == ParamType::kTensorDesc) positions.push_back(static_cast<int32_t>(i));
      }
      return positions;
    }
    const JsonReader reader = kernel.At(member);
    for (size_t i = 0, n = Count(reader, 4096); i < n; ++i) positions.push_back(reader.At(i).Int32(0, static_cast<int32_t>(params.size()) - 1));
    return positions;
  }

  static ParamType ReadParamType(const JsonReader& reader) {
    const std::string& name = reader.String();
    for (size_t i = 0; i < kParamNames.size(); ++i) {
      if (name == kParamNames[i]) return static_cast<ParamType>(i);
    }
    reader.Fail("is no parameter type");
  }

  static void ReadArguments(const JsonReader& reader, KernelImage& kernel) {
    for (size_t i = 0, n = Count(reader, 4096); i < n; ++i) {
      const JsonReader entry = reader.At(i);
      KernelImage::Argument argument;
      argument.name = Text(entry.At("name"));
      argument.constexpr_value = entry.Has("constexpr");
      if (argument.constexpr_value) argument.value = AttrFromJson(entry.At("constexpr").json());
      kernel.arguments.push_back(std::move(argument));
    }
  }

  PlanStep ReadStep(const JsonReader& reader) const {
    if (reader.Has("launch")) return ReadLaunch(reader);
    if (reader.Has("copy")) return ReadCopy(reader.At("copy"));
    if (reader.Has("fill")) {
      const JsonReader fill = reader.At("fill");
      FillStep step{ReadView(fill.At("target")), AttrFromJson(fill.At("value").json())};
      if (!step.value.IsNumber()) fill.At("value").Fail("is no number");
      return step;
    }
    if (reader.Has("vendor")) return ReadVendor(reader);
    reader.Fail("is no launch, copy, fill or vendor step");
  }

  LaunchStep ReadLaunch(const JsonReader& reader) const {
    LaunchStep step;
    if (plan_.kernels.empty()) reader.Fail("launches a kernel but the plan has none");
    step.kernel = reader.At("launch").Int32(0, static_cast<int32_t>(plan_.kernels.size()) - 1);
    const JsonReader grid = reader.At("grid");
    if (grid.Size() != 3) grid.Fail("does not have three sizes");
    step.grid = {grid.At(size_t{0}).Int(0, kMostGrid), grid.At(1).Int(0, kMostGridYZ), grid.At(2).Int(0, kMostGridYZ)};
    const std::vector<ParamType>& params = plan_.kernels[static_cast<size_t>(step.kernel)].params;
    const JsonReader args = reader.At("args");
    if (args.Size() != params.size()) args.Fail("does not fit the kernel, which takes " + std::to_string(params.size()));
    for (size_t i = 0; i < params.size(); ++i) step.args.push_back(ReadArg(args.At(i), params[i]));
    return step;
  }

  LaunchArg ReadArg(const JsonReader& reader, ParamType type) const {
    if (type == ParamType::kPointer) return ReadPointer(reader.At("pointer"));
    if (type == ParamType::kTensorDesc) return ReadDescriptor(reader);
    if (!reader.Has(Name(type))) reader.Fail(std::string("is not of its parameter's type ") + Name(type));
    ScalarArg scalar;
    scalar.type = type;
    const JsonReader value = reader.At(Name(type));
    if (IsReal(type)) {
      const Attr number = AttrFromJson(value.json());
      if (!number.IsNumber()) value.Fail("is not a number");
      scalar.real = number.AsDouble();
    } else {
      const auto [least, most] = Range(type);
      scalar.integer = value.Int(least, most);
    }
    return scalar;
  }

  static std::pair<int64_t, int64_t> Range(ParamType type) {
    switch (type) {
      case ParamType::kI1:
      case ParamType::kU1: return {0, 1};
      case ParamType::kI8: return {INT8_MIN, INT8_MAX};
      case ParamType::kI16: return {INT16_MIN, INT16_MAX};
      case ParamType::kI32: return {INT32_MIN, INT32_MAX};
      case ParamType::kU8: return {0, UINT8_MAX};
      case ParamType::kU16: return {0, UINT16_MAX};
      case ParamType::kU32: return {0, UINT32_MAX};
      case ParamType::kU64: return {0, INT64_MAX};
      default: return {INT64_MIN, INT64_MAX};
    }
  }

  PointerArg ReadPointer(const JsonReader& reader) const {
    if (reader.Size() != 2 && reader.Size() != 3) reader.Fail("is not a buffer, a byte offset and perhaps a dtype");
    PointerArg pointer;
    pointer.buffer = ReadBufferIndex(reader.At(size_t{0}));
    pointer.byte_offset = reader.At(1).Int(0, plan_.buffers[static_cast<size_t>(pointer.buffer)].bytes);
    if (reader.Size() == 3) pointer.dtype = DTypeOf(reader.At(2));
    return pointer;
  }

  DescriptorArg ReadDescriptor(const JsonReader& reader) const {
    DescriptorArg descriptor;
    descriptor.view = ReadView(reader.At("descriptor"));
    const size_t rank = descriptor.view.shape.size();
    if (rank < 1 || rank > 5) reader.At("descriptor").Fail("has a rank outside 1..5");
    if (descriptor.view.strides.back() != 1) reader.At("descriptor").Fail("is not contiguous in its last dimension");
    const JsonReader block = reader.At("block_shape");
    descriptor.block_shape = ShapeOf(block);
    if (descriptor.block_shape.size() != rank) block.Fail("has another rank than its tensor");
    for (int64_t size : descriptor.block_shape) {
      if (size < 1 || size > (1 << 20)) block.Fail("has a size outside 1..2^20");
    }
    descriptor.padding = reader.At("padding").Int32(0, 1);
    descriptor.element_type = reader.At("element_type").Int32(-1, 64);
    if (descriptor.element_type < 0) return descriptor;  // compiled without TMA
    const JsonReader box = reader.At("box");
    if (box.Size() != rank) box.Fail("has another rank than its tensor");
    descriptor.box = box.Ints(1, 256);
    descriptor.swizzle = reader.At("swizzle").Int32(0, 16);
    descriptor.element_bytes = reader.At("element_bytes").Int32(1, 16);
    return descriptor;
  }

  CopyStep ReadCopy(const JsonReader& reader) const {
    CopyStep step{ReadView(reader.At("source")), ReadView(reader.At("target"))};
    if (step.source.shape != step.target.shape) reader.Fail("has a source and a target of different shapes");
    return step;
  }

  VendorStep ReadVendor(const JsonReader& reader) const {
    VendorStep step;
    step.op = Text(reader.At("vendor"));
    step.tensors = ReadViews(reader.At("tensors"));
    step.outputs = ReadViews(reader.At("outputs"));
    const JsonReader args = reader.At("args");
    for (size_t i = 0, n = Count(args, 4096); i < n; ++i) {
      step.args.push_back(AttrFromJson(args.At(i).json()));
      CheckTensorIndices(args.At(i), step.args.back(), step.tensors.size());
    }
    return step;
  }

  static void CheckTensorIndices(const JsonReader& reader, const Attr& attr, size_t tensors) {
    if (attr.IsValue() && (attr.AsValue() < 0 || static_cast<size_t>(attr.AsValue()) >= tensors)) {
      reader.Fail("names a tensor that the step does not list");
    }
    if (!attr.Is<AttrList>()) return;
    for (const Attr& item : attr.AsList()) CheckTensorIndices(reader, item, tensors);
  }

  JsonReader reader_;
  LaunchPlan plan_;
};

}  // namespace

Json ToJson(const LaunchPlan& plan) {
  Json buffers = Json::array();
  for (const Buffer& buffer : plan.buffers) buffers.push_back(ToJson(buffer));
  Json kernels = Json::array();
  for (const KernelImage& kernel : plan.kernels) kernels.push_back(ToJson(kernel));
  Json steps = Json::array();
  for (const PlanStep& step : plan.steps) steps.push_back(ToJson(step));
  return Json{{"format", kFormat},   {"target", plan.target}, {"compile_ms", plan.compile_ms},
              {"buffers", buffers},  {"kernels", kernels},    {"steps", steps},
              {"results", ToJson(plan.results)}};
}

LaunchPlan LaunchPlanFromJson(const Json& json) { return PlanReader(json).Read(); }

}  // namespace drtriton
