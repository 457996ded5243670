#include "graph/registry_doc.h"

#include <vector>

#include "graph/call_text.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

std::string Escaped(std::string text) {
  for (size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.replace(at, 1, "\\|");
  return text;
}

// The first form, with every optional part; arguments stand for themselves.
std::string FormText(const OperatorInfo& info) {
  if (info.form.empty()) return "torch.ops." + info.name + "(...)";
  const Form& form = FormsOf(info)[0];
  if (form.callable.starts_with('.')) return info.schema.arguments[0].name + form.callable + "(...)";
  if (!form.callable.empty()) return form.callable + "(...)";
  std::string text;
  for (const FormPiece& piece : form.pieces) {
    const bool hole = piece.argument >= 0;
    text += (hole && piece.splat ? "*" : "") +
            (hole ? info.schema.arguments[static_cast<size_t>(piece.argument)].name : piece.text);
  }
  return text;
}

std::string Facts(const OperatorInfo& info) {
  std::string facts;
  const auto add = [&facts](const char* fact) { facts += (facts.empty() ? "" : ", ") + std::string(fact); };
  if (info.glue) add("glue");
  if (info.view != nullptr) add("view");
  if (info.kind == OpKind::kRandom) add(info.schema.Find("train") >= 0 ? "random in training" : "random");
  if (info.fetches) add("reads what it fetches");
  return facts;
}

}  // namespace

std::string OperatorsMarkdown() {
  const std::vector<OperatorInfo>& all = AllOperators();
  std::string text = "# Operators\n\nThe registry (`src/graph/operators_*.cc`), one row an operator overload: " +
                     std::to_string(all.size()) +
                     " rows.  An operator that is not listed is carried through as it is.\n\n"
                     "This file is generated: `operators_doc_test --update` writes it.  Rules, dtypes, strides and the "
                     "written form of every row are\n"
                     "compared with PyTorch's meta kernels by `operator_cases_test`, FLOPs with its counter, and all "
                     "with the samples of PyTorch's own\n"
                     "tests ([operator samples](operator_samples.md)).  *Glue* does not count as an operator of a "
                     "program; a *view* shares memory with\n"
                     "its input when strides allow.\n";
  for (int k = 0; k < kOpKindCount; ++k) {
    const OpKind kind = static_cast<OpKind>(k);
    std::string rows;
    for (const OperatorInfo& info : all) {
      if (info.kind != kind) continue;
      rows += "| `" + info.name + "` | `" + Escaped(FormText(info)) + "` | " + Facts(info) + " |\n";
    }
    if (rows.empty()) continue;
    std::string title(Name(kind));
    title[0] = static_cast<char>(title[0] - 'a' + 'A');
    text += "\n## " + title + "\n\n| operator | written | |\n|---|---|---|\n" + rows;
  }
  return text;
}

}  // namespace drtriton
