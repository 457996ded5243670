// See source.h.  Tested by source_test.cc.
#include "templates/source.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/join.h"

namespace drtriton {
namespace {

const std::set<std::string>& Reserved() {
  static const auto* names = new std::set<std::string>{
      "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except", "False",
      "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "None", "nonlocal", "not", "or", "pass",
      "raise", "return", "True", "try", "while", "with", "yield", "tl", "triton", "torch", "launch", "range", "float", "int",
      "min", "max", "sum", "abs", "round", "print", "len",
      // helpers of helpers.cc that a value's name could hide
      "accurate_exp", "log1p", "expm1", "tanh", "softplus", "log_sigmoid", "mish", "truncate", "power", "multiply",
      "first_of_max", "first_of_min", "last_of_max", "last_of_min", "log_add_exp", "log2_add_exp2", "libdevice",
      "digamma", "trigamma", "zeta", "log_ndtr", "greatest_divisor", "least_multiple", "int_power", "bessel_i0", "bessel_i0e",
      "bessel_i1", "bessel_i1e", "round_tf32"};
  return *names;
}

std::string TupleText(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string Unique(const std::string& base, std::set<std::string>& taken) {
  std::string name = base;
  for (int i = 2; Reserved().count(name) != 0 || !taken.insert(name).second; ++i) name = base + "_" + std::to_string(i);
  return name;
}

// "head(a, b, c)" broken after commas so that lines stay within 100 columns.
std::string CallText(const std::string& head, const std::vector<std::string>& arguments, const std::string& tail,
                     int indent) {
  std::string line = std::string(static_cast<size_t>(indent), ' ') + head + "(";
  std::string continuation(line.size() > 40 ? static_cast<size_t>(indent) + 4 : line.size(), ' ');
  std::string text;
  if (line.size() > 40) {
    text = line + "\n";
    line = continuation;
  }
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string piece = arguments[i] + (i + 1 < arguments.size() ? "," : "");
    if (line.size() + piece.size() + 1 > 100 && line != continuation) {
      text += line + "\n";
      line = continuation;
    } else if (i > 0 && line != continuation) {
      line += " ";
    }
    line += piece;
  }
  return text + line + ")" + tail + "\n";
}

// "p_fc_weight" of a parameter reads better as "fc_weight".
std::string TensorName(const Value& value) {
  std::string name = value.name;
  bool prefixed = name.size() > 2 && name[1] == '_' && (name[0] == 'p' || name[0] == 'b' || name[0] == 'c');
  if (value.kind != ValueKind::kInput && value.kind != ValueKind::kNode && prefixed) name.erase(0, 2);
  return name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) ? "t_" + name : name;
}

}  // namespace

std::string KernelName(const std::vector<std::string>& operators) {
  std::string name;
  for (size_t i = 0; i < operators.size(); ++i) {
    if (i > 0 && operators[i] == operators[i - 1]) continue;
    std::string part = operators[i];
    while (!part.empty() && part.front() == '_') part.erase(0, 1);
    if (name.size() + part.size() > 40) {
      name += "_and_more";
      break;
    }
    name += (name.empty() ? "" : "_") + part;
  }
  return (name.empty() ? "copy" : name) + "_kernel";
}

std::string KernelSource::Pointer(const TensorRef& tensor) {
  const std::vector<std::string>& names = tensor.kind == TensorRef::Kind::kInput ? input_names_ : buffer_names_;
  std::string name = names.at(static_cast<size_t>(tensor.index)) + "_ptr";
  if (std::find(pointers_.begin(), pointers_.end(), tensor) == pointers_.end()) {
    pointers_.push_back(tensor);
    taken_.insert(name);
  }
  return name;
}

std::string KernelSource::Descriptor(const TensorRef& tensor, const std::string& made_by) {
  for (const auto& [name, text] : descriptors_) {
    if (text == made_by) return name;
  }
  const auto& names = tensor.kind == TensorRef::Kind::kInput ? input_names_ : buffer_names_;
  descriptors_.emplace_back(Fresh(names.at(static_cast<size_t>(tensor.index)) + "_desc"), made_by);
  return descriptors_.back().first;
}

std::string KernelSource::Constant(const std::string& name, int64_t value) {
  for (int i = 1;; ++i) {
    std::string candidate = i == 1 ? name : name + "_" + std::to_string(i);
    auto known = std::find_if(constants_.begin(), constants_.end(), [&](const auto& entry) { return entry.first == candidate; });
    if (known != constants_.end()) {
      if (known->second == value) return candidate;
    } else if (taken_.insert(candidate).second) {
      constants_.emplace_back(candidate, value);
      return candidate;
    }
  }
}

std::string KernelSource::Fresh(const std::string& base) { return Unique(base, taken_); }

void KernelSource::Line(const std::string& text) {
  body_.push_back(text.empty() ? "" : std::string(static_cast<size_t>(indent_) * 4, ' ') + text);
}

void KernelSource::BeginLoop(const std::string& header) {
  Line(header);
  Indent();
  outer_taken_.push_back(taken_);
}

void KernelSource::EndLoop() {
  Dedent();
  taken_ = std::move(outer_taken_.back());
  outer_taken_.pop_back();
  for (const auto& constant : constants_) taken_.insert(constant.first);
  for (const TensorRef& tensor : pointers_) {
    const auto& names = tensor.kind == TensorRef::Kind::kInput ? input_names_ : buffer_names_;
    taken_.insert(names[static_cast<size_t>(tensor.index)] + "_ptr");
  }
}

std::string KernelSource::Text() const {
  std::vector<std::string> parameters;
  for (const TensorRef& tensor : pointers_) {
    const auto& names = tensor.kind == TensorRef::Kind::kInput ? input_names_ : buffer_names_;
    parameters.push_back(names[static_cast<size_t>(tensor.index)] + "_ptr");
  }
  for (const auto& descriptor : descriptors_) parameters.push_back(descriptor.first);
  for (const auto& constant : constants_) parameters.push_back(constant.first + ": tl.constexpr");
  std::string text = "@triton.jit\n" + CallText("def " + name_, parameters, ":", 0);
  for (size_t i = 0; i < doc_.size(); ++i) {
    text += (i == 0 ? "    \"\"\"" : doc_[i].empty() ? "" : "    ") + doc_[i] + (i + 1 == doc_.size() ? "\"\"\"\n" : "\n");
  }
  return text + Join(body_, "\n") + "\n";
}

ModuleSource::ModuleSource(const Lowered& lowered) : lowered_(lowered) {
  std::set<std::string> taken;
  for (size_t i = 0; i < lowered.fragment->Inputs().size(); ++i) {
    input_names_.push_back(Unique(TensorName(lowered.InputValue(static_cast<int32_t>(i))), taken));
  }
  for (const BufferSpec& buffer : lowered.buffers) buffer_names_.push_back(Unique(buffer.name, taken));
  // Scratch is added later; names given out as references must not move.
  buffer_names_.reserve(buffer_names_.size() + 64);
}

KernelSource& ModuleSource::AddKernel(const std::string& name) {
  std::string unique = name;
  auto used = [&] {
    return std::any_of(kernels_.begin(), kernels_.end(), [&](const auto& kernel) { return kernel->name() == unique; });
  };
  for (int i = 2; used(); ++i) unique = name + "_" + std::to_string(i);
  kernels_.push_back(std::make_unique<KernelSource>(unique, input_names_, buffer_names_));
  return *kernels_.back();
}

TensorRef ModuleSource::AddScratch(const std::string& name, DType dtype, const Shape& shape) {
  std::set<std::string> taken(input_names_.begin(), input_names_.end());
  taken.insert(buffer_names_.begin(), buffer_names_.end());
  buffer_names_.push_back(Unique(name, taken));
  scratch_.push_back({buffer_names_.back(), dtype, shape, ContiguousStrides(shape)});
  return {TensorRef::Kind::kBuffer, static_cast<int32_t>(buffer_names_.size() - 1)};
}

void ModuleSource::Launch(const KernelSource& kernel, std::vector<std::string> grid, int num_warps, int num_stages) {
  launches_.push_back({&kernel, std::move(grid), num_warps, num_stages});
}

const std::string& ModuleSource::NameOf(const TensorRef& tensor) const {
  const auto& names = tensor.kind == TensorRef::Kind::kInput ? input_names_ : buffer_names_;
  return names.at(static_cast<size_t>(tensor.index));
}

std::string ModuleSource::ResultText(const ResultView& result) const {
  const std::string& name = NameOf(result.tensor);
  if (result.whole) return name;
  return "torch.as_strided(" + name + ", " + TupleText(result.shape) + ", " + TupleText(result.strides) + ", " +
         std::to_string(result.offset) + ")";
}

std::string ModuleSource::LaunchText() const {
  std::string text = "def launch(" + Join(input_names_, ", ") + "):\n";
  std::string device = input_names_.empty() ? "\"cuda\"" : input_names_.front() + ".device";
  std::vector<BufferSpec> allocated = lowered_.buffers;
  allocated.insert(allocated.end(), scratch_.begin(), scratch_.end());
  for (size_t i = 0; i < allocated.size(); ++i) {
    const BufferSpec& buffer = allocated[i];
    bool contiguous = buffer.strides == ContiguousStrides(buffer.shape);
    text += "    " + buffer_names_[i] + " = torch." + (contiguous ? "empty(" : "empty_strided(") + TupleText(buffer.shape) +
            (contiguous ? "" : ", " + TupleText(buffer.strides)) + ", dtype=torch." + std::string(Name(buffer.dtype)) +
            ", device=" + device + ")\n";
  }
  for (const LaunchLine& line : launches_) {
    std::vector<std::string> arguments;
    for (const TensorRef& tensor : line.kernel->pointers()) arguments.push_back(NameOf(tensor));
    for (const auto& [name, made_by] : line.kernel->descriptors()) arguments.push_back(made_by);
    for (const auto& [name, value] : line.kernel->constants()) arguments.push_back(name + "=" + std::to_string(value));
    arguments.push_back("num_warps=" + std::to_string(line.num_warps));
    arguments.push_back("num_stages=" + std::to_string(line.num_stages));
    std::string grid = "(" + Join(line.grid, ", ") + (line.grid.size() == 1 ? ",)" : ")");
    text += CallText(line.kernel->name() + "[" + grid + "]", arguments, "", 4);
  }
  text += "    return (";
  for (const ResultView& result : lowered_.results) text += ResultText(result) + (lowered_.results.size() == 1 ? "," : ", ");
  if (lowered_.results.size() > 1) text.erase(text.size() - 2);
  return text + ")\n";
}

std::string ModuleSource::Text(const std::string& summary) const {
  HelperSet helpers;
  std::string kernels, imports = "import torch\nimport triton\nimport triton.language as tl\n";
  for (const auto& kernel : kernels_) {
    helpers.merge(HelperSet(kernel->helpers()));
    kernels += kernel->Text() + "\n\n";
  }
  const std::string helper_text = HelperSource(helpers);
  if ((helper_text + kernels).find("libdevice.") != std::string::npos) imports += "from triton.language.extra import libdevice\n";
  for (const auto& kernel : kernels_) {
    if (kernel->descriptors().empty()) continue;
    imports += "from triton.tools.tensor_descriptor import TensorDescriptor\n";
    break;
  }
  return "\"\"\"" + summary + "\"\"\"\n" + imports + "\n\n" + helper_text + kernels + LaunchText();
}

}  // namespace drtriton
