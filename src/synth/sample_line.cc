#include "synth/sample_line.h"

#include <charconv>

#include "synth/json_text.h"
#include "synth/module_sizes.h"
#include "synth/module_text.h"

namespace drtriton {
namespace {

void AppendName(std::string& out, std::string_view name) {
  out += out.back() == '{' ? "\"" : ",\"";
  out += name;
  out += "\":";
}

void AppendIntMember(std::string& out, std::string_view name, int64_t value) {
  AppendName(out, name);
  AppendInt(out, value);
}

void AppendUnsigned(std::string& out, uint64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
}

// Four significant digits are plenty for estimates; whole numbers stay whole.
void AppendEstimate(std::string& out, std::string_view name, double value) {
  AppendName(out, name);
  char buffer[32];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::general, 4).ptr);
}

void AppendDifficulty(std::string& out, const Difficulty& d) {
  AppendName(out, "difficulty");
  out += '{';
  AppendIntMember(out, "depth", d.depth);
  AppendIntMember(out, "width", d.width);
  AppendIntMember(out, "inputs", d.inputs);
  AppendIntMember(out, "parameters", d.parameters);
  AppendIntMember(out, "results", d.results);
  AppendIntMember(out, "flops", static_cast<int64_t>(d.flops));
  AppendIntMember(out, "bytes", static_cast<int64_t>(d.bytes));
  AppendIntMember(out, "largest", d.largest);
  AppendEstimate(out, "roofline_us", d.roofline_us);
  out += '}';
}

}  // namespace

std::string ExportedName(std::string_view op) {
  // What an import makes of these is another row of the registry.
  if (op == "aten._native_batch_norm_legit_no_training.default") return "aten.batch_norm";
  if (op == "aten._to_copy.default") return "aten.to.dtype";
  // torch.norm() calls another operator.
  if (op.starts_with("aten.norm.")) return "aten.linalg_vector_norm";
  if (op.ends_with(".default")) op.remove_suffix(std::string_view(".default").size());
  return std::string(op);
}

void AppendSampleLine(std::string& out, const Sample& sample, std::string_view id, Split split,
                      const Difficulty& difficulty) {
  out += '{';
  AppendName(out, "id");
  AppendJsonString(out, id);
  AppendIntMember(out, "ops", sample.ops);
  AppendName(out, "seed");
  AppendUnsigned(out, sample.seed);
  AppendName(out, "index");
  AppendUnsigned(out, sample.index);
  AppendName(out, "law");
  AppendJsonString(out, sample.law);
  AppendName(out, "log_weight");
  AppendJsonFloat(out, sample.log_weight);
  AppendName(out, "split");
  AppendJsonString(out, Name(split));
  AppendName(out, "operators");
  for (size_t i = 0; i < sample.operators.size(); ++i) {
    out += i == 0 ? '[' : ',';
    AppendJsonString(out, ExportedName(sample.operators[i]));
  }
  out += sample.operators.empty() ? "[]" : "]";
  AppendDifficulty(out, difficulty);
  AppendName(out, "source");
  AppendJsonString(out, WrittenModule(sample.program, sample.leaves));
  AppendName(out, "graph");
  AppendProgramJson(out, sample.program);
  out += '}';
}

}  // namespace drtriton
