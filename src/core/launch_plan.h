// LaunchPlan: what a candidate's source really does on the GPU, as data.
//
// A plan is recorded by running the candidate's launcher once on tensors without data (compile/), executed by a lean
// runner (execute/) and turned back into a launcher by emit/.  Steps run in order on one stream.  All memory is in
// `buffers`; a view never leaves its buffer (checked by the parser).  docs/formats.md specifies the JSON.
#ifndef DRTRITON_CORE_LAUNCH_PLAN_H_
#define DRTRITON_CORE_LAUNCH_PLAN_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "graph/attr.h"
#include "graph/program.h"

namespace drtriton {

enum class BufferKind : uint8_t { kInput, kAllocated };

struct Buffer {
  BufferKind kind = BufferKind::kAllocated;
  int32_t input = -1;   // position among the fragment's inputs, for kInput
  int64_t bytes = 0;
};

// A strided tensor inside a buffer.
struct TensorView {
  int32_t buffer = -1;
  DType dtype = DType::kFloat32;
  Shape shape;
  Shape strides;        // elements
  int64_t offset = 0;   // elements of dtype from the buffer's start
};

enum class ParamType : uint8_t { kPointer, kI1, kI8, kI16, kI32, kI64, kU1, kU8, kU16, kU32, kU64, kF16, kBF16, kF32, kF64, kTensorDesc };

struct KernelImage {
  std::string name;             // entry point in the cubin
  std::string function;         // the @triton.jit function in the source
  std::string cubin_path;       // file beside the plan, relative to it; empty under the interpreter
  std::string cubin_sha256;
  int num_warps = 4;
  int num_stages = 3;
  int num_ctas = 1;
  int64_t shared_bytes = 0;
  int64_t global_scratch_bytes = 0;   // for each program of the grid; 0: none
  int64_t profile_scratch_bytes = 0;
  int registers = 0;
  int spills = 0;
  bool has_atomics = false;           // from the compiled code
  bool has_inline_assembly = false;
  std::vector<ParamType> params;      // of the compiled entry point, without the scratch pointers Triton appends
  // Every parameter of the @triton.jit function in order: constexpr ones with their value, the rest with none.  A tuple
  // is one argument and several `params`.
  struct Argument {
    std::string name;
    bool constexpr_value = false;
    Attr value;                       // when constexpr_value; a dtype or function is its Python text as a string
  };
  std::vector<Argument> arguments;
  std::vector<int32_t> reads;   // positions among `params`: pointers and descriptors that the kernel may read through,
  std::vector<int32_t> writes;  // and write through; too many rather than too few
  std::vector<std::string> approximations;  // "tf32 dot", "bf16x3 dot", "ex2.approx", ...: from the compiled code
  std::string text;             // what Triton's interpreter runs (python/drtriton/kernel_text.py); may be empty
};

struct PointerArg {
  int32_t buffer = -1;
  int64_t byte_offset = 0;
  std::optional<DType> dtype;   // of the elements as the kernel was compiled for; emit/ compiles it again from source
};
struct ScalarArg {
  ParamType type = ParamType::kI32;
  int64_t integer = 0;   // for the integer types
  double real = 0;       // for the floating ones
};
// A host-side tensor descriptor (TMA).  It becomes a CUtensorMap of 128 bytes followed by one i32 a size and one i64 a
// stride of `view`, as Triton's own launcher expands it.  The members after `padding` come from the compiled kernel's
// `tensordesc_meta`; where the kernel was compiled without TMA (element_type -1) the descriptor becomes instead: base
// pointer, sizes (i64), strides (i64), padding (i1), sizes (i32), strides (i64).
struct DescriptorArg {
  TensorView view;
  Shape block_shape;
  int32_t padding = 0;        // 0: zeros, 1: NaN
  Shape box;                  // "block_size": what one TMA request moves, outermost first
  int32_t swizzle = 0;        // CUtensorMapSwizzle
  int32_t element_type = -1;  // "elem_type" as Triton's metadata has it (device numbering)
  int32_t element_bytes = 0;  // "elem_size"
};
using LaunchArg = std::variant<PointerArg, ScalarArg, DescriptorArg>;

struct LaunchStep {
  int32_t kernel = -1;
  std::array<int64_t, 3> grid{1, 1, 1};
  std::vector<LaunchArg> args;   // one for each KernelImage::params, in order
};
struct CopyStep {   // elementwise, converting dtype as aten::copy_ does; shapes are equal
  TensorView source;
  TensorView target;
};
struct FillStep {
  TensorView target;
  Attr value;
};
// An ATen operator kept as it is (hybrid).  ValueRefs among `args` index `tensors`; results are written to `outputs`.
struct VendorStep {
  std::string op;
  AttrList args;
  std::vector<TensorView> tensors;
  std::vector<TensorView> outputs;
};
using PlanStep = std::variant<LaunchStep, CopyStep, FillStep, VendorStep>;

struct LaunchPlan {
  std::string target = "sm_90";
  std::vector<Buffer> buffers;
  std::vector<KernelImage> kernels;
  std::vector<PlanStep> steps;
  std::vector<TensorView> results;   // the fragment's results in order
  double compile_ms = 0;

  bool HasVendorSteps() const;
  bool HasAtomics() const;
};

Json ToJson(const LaunchPlan& plan);
// Trusts nothing: throws UserError naming the first member that is missing, mistyped or out of range - a view that
// leaves its buffer, an argument list that does not fit its kernel, a cubin path with a folder in it, absurd sizes.
LaunchPlan LaunchPlanFromJson(const Json& json);

}  // namespace drtriton

#endif  // DRTRITON_CORE_LAUNCH_PLAN_H_
