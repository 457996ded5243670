#include "report/graph_svg.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "report/html.h"

namespace drtriton {
namespace {

constexpr int kWidth = 360;
constexpr int kLeft = 60;        // room for arcs
constexpr int kLine = 15;        // height of a line of text
constexpr int kGap = 12;         // between boxes
constexpr size_t kCharacters = 44;  // that fit into a box

struct Box {
  const char* style = "torch";   // CSS class: "ours", "torch", "view"
  std::string link;
  std::vector<std::string> lines;
  std::vector<int32_t> nodes;
  int y = 0;
  int height = 0;
};

std::string OperatorName(const std::string& op) {
  return op.rfind("aten.", 0) == 0 ? op.substr(5, op.rfind('.') - 5) : op;
}

// "linear, silu, mul" over as few lines as fit.
std::vector<std::string> Wrap(const std::vector<std::string>& words) {
  std::vector<std::string> lines(1);
  for (size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i] + (i + 1 < words.size() ? ", " : "");
    if (!lines.back().empty() && lines.back().size() + word.size() > kCharacters) lines.emplace_back();
    lines.back() += word;
  }
  return lines;
}

std::string ShapeText(const Value& value) {
  std::string text = std::string(ShortName(value.dtype)) + "[";
  for (size_t i = 0; i < value.shape.size(); ++i) text += (i ? "×" : "") + std::to_string(value.shape[i]);
  return text + "]";
}

Box KernelBox(const KernelStep& step) {
  Box box{"ours", step.fragment.id, {step.fragment.id}, step.fragment.nodes, 0, 0};
  std::vector<std::string> names;
  for (const Node& node : step.fragment.program.nodes) names.push_back(OperatorName(node.op));
  for (std::string& line : Wrap(names)) box.lines.push_back(std::move(line));
  std::vector<std::string> results;
  for (ValueId id : step.fragment.Results()) results.push_back(ShapeText(step.fragment.program.value(id)));
  std::string facts = "→ " + Wrap(results).front();
  if (step.verdict.time_ms) facts += ", " + Milliseconds(*step.verdict.time_ms);
  box.lines.push_back(facts);
  return box;
}

Box TorchBox(const Program& program, const TorchStep& step) {
  const Node& node = program.nodes[step.node];
  bool view = step.why == "view";
  Box box{view ? "view" : "torch", "", {OperatorName(node.op)}, {step.node}, 0, 0};
  for (ValueId id : node.outputs) {
    if (id >= 0) box.lines[0] += " → " + ShapeText(program.value(id));
  }
  box.lines[0] = box.lines[0].substr(0, 3 * kCharacters / 2);
  return box;
}

std::vector<Box> Boxes(const Composition& composition) {
  std::vector<Box> boxes;
  int y = kGap;
  for (const CompositionStep& step : composition.steps) {
    const auto* kernel = std::get_if<KernelStep>(&step);
    boxes.push_back(kernel != nullptr ? KernelBox(*kernel) : TorchBox(composition.program, std::get<TorchStep>(step)));
    boxes.back().y = y;
    boxes.back().height = static_cast<int>(boxes.back().lines.size()) * kLine + 8;
    y += boxes.back().height + kGap;
  }
  return boxes;
}

std::set<std::pair<size_t, size_t>> Edges(const Composition& composition, const std::vector<Box>& boxes) {
  std::map<int32_t, size_t> box_of;
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (int32_t node : boxes[i].nodes) box_of[node] = i;
  }
  std::set<std::pair<size_t, size_t>> edges;
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (int32_t node : boxes[i].nodes) {
      for (ValueId input : composition.program.nodes[node].Inputs()) {
        const Value& value = composition.program.value(input);
        if (value.kind != ValueKind::kNode || box_of.count(value.node) == 0) continue;
        if (box_of[value.node] != i) edges.insert({box_of[value.node], i});
      }
    }
  }
  return edges;
}

std::string BoxSvg(const Box& box) {
  std::string svg = "<g class=\"" + std::string(box.style) + "\">";
  svg += "<rect x=\"" + std::to_string(kLeft) + "\" y=\"" + std::to_string(box.y) + "\" width=\"" +
         std::to_string(kWidth - kLeft - 4) + "\" height=\"" + std::to_string(box.height) + "\" rx=\"5\"/>";
  for (size_t i = 0; i < box.lines.size(); ++i) {
    svg += "<text x=\"" + std::to_string(kLeft + 8) + "\" y=\"" + std::to_string(box.y + 16 + static_cast<int>(i) * kLine) +
           "\"" + (i == 0 ? " class=\"name\"" : "") + ">" + Escape(box.lines[i]) + "</text>";
  }
  svg += "</g>";
  return box.link.empty() ? svg : "<a href=\"#" + Escape(box.link) + "\">" + svg + "</a>";
}

std::string EdgeSvg(const Box& from, const Box& to, size_t distance) {
  int y0 = from.y + from.height;
  if (distance == 1) {
    std::string x = std::to_string(kLeft + 24);
    return "<path d=\"M" + x + " " + std::to_string(y0) + "V" + std::to_string(to.y) + "\"/>";
  }
  int reach = std::min<int>(kLeft - 6, 8 + 5 * static_cast<int>(distance));
  y0 = from.y + from.height / 2;
  int y1 = to.y + to.height / 2;
  std::string x = std::to_string(kLeft);
  std::string bend = std::to_string(kLeft - reach);
  return "<path d=\"M" + x + " " + std::to_string(y0) + "C" + bend + " " + std::to_string(y0) + " " + bend + " " +
         std::to_string(y1) + " " + x + " " + std::to_string(y1) + "\"/>";
}

}  // namespace

std::string GraphSvg(const Composition& composition) {
  std::vector<Box> boxes = Boxes(composition);
  int height = boxes.empty() ? kGap : boxes.back().y + boxes.back().height + kGap;
  std::string svg = "<svg class=\"graph\" viewBox=\"0 0 " + std::to_string(kWidth) + " " + std::to_string(height) +
                    "\" role=\"img\" aria-label=\"graph of the module\">";
  for (const auto& [from, to] : Edges(composition, boxes)) {
    svg += EdgeSvg(boxes[from], boxes[to], to > from ? to - from : 1);
  }
  for (const Box& box : boxes) svg += BoxSvg(box);
  return svg + "</svg>";
}

}  // namespace drtriton
