// The text of a proposal: kernels and the launcher, collected piece by piece and printed as one Python file.
//
// A KernelSource gathers what one @triton.jit function needs: pointer parameters, constexpr parameters with their values,
// body lines, helpers.  A ModuleSource owns the kernels, allocates the buffers in `launch`, and launches.  All run-time
// arguments of a kernel are tensors; every size, stride and scalar is a constexpr or a literal.
#ifndef DRTRITON_TEMPLATES_SOURCE_H_
#define DRTRITON_TEMPLATES_SOURCE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "templates/expression.h"
#include "templates/lowered.h"

namespace drtriton {

class KernelSource {
 public:
  // `names` is where pointer names come from: one launcher-wide name a tensor.
  KernelSource(std::string name, const std::vector<std::string>& input_names, const std::vector<std::string>& buffer_names)
      : name_(std::move(name)), input_names_(input_names), buffer_names_(buffer_names) {}

  const std::string& name() const { return name_; }

  // The pointer parameter for a tensor ("x_ptr"), added on first use; parameters appear in order of first use.
  std::string Pointer(const TensorRef& tensor);
  // A tensor-descriptor parameter ("x_desc"), added on first use.  `made_by` is the launcher's expression that makes it:
  // "TensorDescriptor.from_tensor(x, [128, 64])"; equal text is one parameter.
  std::string Descriptor(const TensorRef& tensor, const std::string& made_by);
  // A constexpr parameter with its value, added on first use.  The same name with another value gets a number behind.
  std::string Constant(const std::string& name, int64_t value);
  // A variable name not used before in this kernel, nor a parameter: `base`, else base_2, base_3 ...
  std::string Fresh(const std::string& base);

  void Doc(std::string line) { doc_.push_back(std::move(line)); }   // docstring, line by line
  void Line(const std::string& text);                               // at the current indentation
  void Comment(const std::string& text) { Line("# " + text); }
  void Indent() { ++indent_; }
  void Dedent() { --indent_; }
  // A loop: `header` ("for start in range(0, N, BLOCK_N):"), then an indented body.  Names that Fresh() gives inside are
  // free again behind it.
  void BeginLoop(const std::string& header);
  void EndLoop();
  HelperSet& helpers() { return helpers_; }

  std::string Text() const;   // "@triton.jit\ndef name(...): ..."
  const std::vector<TensorRef>& pointers() const { return pointers_; }
  // Name and expression of each; they follow the pointers among the parameters.
  const std::vector<std::pair<std::string, std::string>>& descriptors() const { return descriptors_; }
  const std::vector<std::pair<std::string, int64_t>>& constants() const { return constants_; }

 private:
  std::string name_;
  const std::vector<std::string>& input_names_;
  const std::vector<std::string>& buffer_names_;
  std::vector<TensorRef> pointers_;
  std::vector<std::pair<std::string, std::string>> descriptors_;
  std::vector<std::pair<std::string, int64_t>> constants_;
  std::set<std::string> taken_;
  std::vector<std::set<std::string>> outer_taken_;   // one an open loop
  std::vector<std::string> doc_;
  std::vector<std::string> body_;
  int indent_ = 1;
  HelperSet helpers_;
};

class ModuleSource {
 public:
  explicit ModuleSource(const Lowered& lowered);   // `lowered` must outlive it
  ModuleSource(const ModuleSource&) = delete;
  ModuleSource& operator=(const ModuleSource&) = delete;

  // A new kernel named after operators, made unique: "softmax_kernel".  Lives as long as this.
  KernelSource& AddKernel(const std::string& name);
  // A buffer beyond the results' (partial sums), contiguous.  Use its TensorRef with KernelSource::Pointer.
  TensorRef AddScratch(const std::string& name, DType dtype, const Shape& shape);
  // Launches kernels in the order of these calls.  Grid entries are Python text over the kernel's constants' values:
  // numbers ("4096") or "triton.cdiv(4096, 64)".  One to three entries.
  void Launch(const KernelSource& kernel, std::vector<std::string> grid, int num_warps, int num_stages);

  // Names of the launcher's tensors, also those of pointers without "_ptr".
  const std::string& NameOf(const TensorRef& tensor) const;

  // The whole file.  `summary` is the module docstring.
  std::string Text(const std::string& summary) const;

 private:
  struct LaunchLine {
    const KernelSource* kernel;
    std::vector<std::string> grid;
    int num_warps;
    int num_stages;
  };
  std::string LaunchText() const;
  std::string ResultText(const ResultView& result) const;

  const Lowered& lowered_;
  std::vector<std::string> input_names_;
  std::vector<std::string> buffer_names_;   // results' buffers, then scratch
  std::vector<BufferSpec> scratch_;
  std::vector<std::unique_ptr<KernelSource>> kernels_;
  std::vector<LaunchLine> launches_;
};

// A kernel name from operator names: {"linear", "gelu"} -> "linear_gelu_kernel", shortened to at most 48 characters.
std::string KernelName(const std::vector<std::string>& operators);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_SOURCE_H_
