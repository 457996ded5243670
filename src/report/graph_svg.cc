#include "report/graph_svg.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <utility>

#include "base/join.h"
#include "report/html.h"

namespace drtriton {
namespace {

constexpr int kBoxWidth = 300;
constexpr int kLine = 15;           // height of a line of text
constexpr int kGap = 14;            // between boxes
constexpr int kLane = 8;            // between lanes
constexpr size_t kLanes = 12;       // more would leave no room for the boxes; the last is shared then
constexpr size_t kCharacters = 44;  // that fit into a box
constexpr size_t kBoldCharacters = 38;
constexpr double kScale = 1.25;  // CSS pixels for one of ours, where there is room

struct Box {
  const char* style = "torch";  // CSS class: "ours", "torch", "view", "ends"
  std::string link = {};
  std::string title = {};  // shown under the pointer
  std::vector<std::string> lines = {};
  std::string note = {};  // at the right end of the last line
  double share = 0;       // of our kernels' time
  std::vector<ValueId> reads = {};
  std::vector<ValueId> makes = {};
  int y = 0;
  int Height() const { return static_cast<int>(lines.size()) * kLine + 9; }
};

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

std::string ShapesText(const Program& program, const std::vector<ValueId>& values, size_t characters) {
  std::vector<std::string> shapes;
  for (ValueId id : values) {
    if (id >= 0) shapes.push_back(ShapeText(program.value(id)));
  }
  return shapes.empty() ? "" : Clip("→ " + Join(shapes), characters);
}

Box KernelBox(const KernelStep& step, const KernelGroup& group, double total_ms) {
  Box box{.style = "ours", .link = group.anchor(), .title = step.fragment.id};
  std::vector<std::string> operators = group.Operators();
  operators.front() = std::to_string(group.number) + " · " + operators.front();
  box.lines = Wrap(operators);
  box.lines.push_back(ShapesText(step.fragment.program, step.fragment.Results(), kCharacters - 10));
  if (step.verdict.time_ms) {
    box.note = Milliseconds(*step.verdict.time_ms);
    if (total_ms > 0) box.share = *step.verdict.time_ms / total_ms;
  }
  box.reads = step.fragment.parent_inputs;
  box.makes = step.fragment.parent_results;
  return box;
}

// Steps of PyTorch's from `steps[at]` on that share a box: one, or as many views as follow each other.
Box TorchBox(const Composition& composition, size_t at, size_t& end) {
  Box box;
  std::vector<std::string> names;
  for (end = at; end < composition.steps.size(); ++end) {
    const auto* step = std::get_if<TorchStep>(&composition.steps[end]);
    if (step == nullptr || (end > at && (step->why != "view" || box.style == std::string("torch")))) break;
    box.style = step->why == "view" ? "view" : "torch";
    const Node& node = composition.program.nodes[step->node];
    names.push_back(OperatorName(node.op));
    for (ValueId id : node.Inputs()) box.reads.push_back(id);
    box.makes.insert(box.makes.end(), node.outputs.begin(), node.outputs.end());
    if (step->why != "view") box.title = step->why;
    if (end == at || names.size() > 1) box.lines = Wrap(names);
    if (names.size() == 1) {
      std::string result = ShapesText(composition.program, node.outputs, kBoldCharacters);
      if (names[0].size() + result.size() < kBoldCharacters) {
        box.lines.back() += " " + result;
      } else {
        box.lines.push_back(result);
      }
    }
  }
  return box;
}

// Inputs of the module above (`makes`), its results below (`reads`).
Box EndBox(const Program& program, const char* what, const std::vector<ValueId>& values, bool above) {
  Box box{.style = "ends"};
  std::vector<std::string> words{what};
  for (ValueId id : values) {
    if (id < 0 || (above && program.value(id).kind != ValueKind::kInput)) continue;
    words.push_back((above ? program.value(id).name + " " : "") + ShapeText(program.value(id)));
    (above ? box.makes : box.reads).push_back(id);
  }
  if (words.size() > 1) words[1] = words[0] + " " + words[1], words.erase(words.begin());
  box.lines = Wrap(words);
  return box;
}

std::vector<Box> Boxes(const Composition& composition, const std::vector<KernelGroup>& groups) {
  std::map<const KernelStep*, const KernelGroup*> group_of;
  double total_ms = 0;
  for (const KernelGroup& group : groups) {
    for (const KernelStep* step : group.steps) group_of[step] = &group;
    total_ms += group.TotalMs();
  }
  std::vector<Box> boxes{EndBox(composition.program, "inputs", composition.program.inputs, true)};
  for (size_t i = 0; i < composition.steps.size();) {
    if (const auto* kernel = std::get_if<KernelStep>(&composition.steps[i])) {
      boxes.push_back(KernelBox(*kernel, *group_of.at(kernel), total_ms));
      ++i;
    } else {
      boxes.push_back(TorchBox(composition, i, i));
    }
  }
  boxes.push_back(EndBox(composition.program, "results", composition.program.Results(), false));
  int y = 2;
  for (Box& box : boxes) {
    box.y = y;
    y += box.Height() + kGap;
  }
  return boxes;
}

using Readers = std::map<size_t, std::set<size_t>>;  // by the box that makes a value: those that read it

Readers ReadersOf(const std::vector<Box>& boxes) {
  std::map<ValueId, size_t> maker;
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (ValueId id : boxes[i].makes) maker[id] = i;
  }
  Readers readers;
  for (size_t i = 0; i < boxes.size(); ++i) {
    for (ValueId id : boxes[i].reads) {
      auto place = maker.find(id);
      if (place != maker.end() && place->second < i) readers[place->second].insert(i);
    }
  }
  return readers;
}

// The lane of every box whose results are read further below than by the next box: the innermost that is free.
std::map<size_t, size_t> Lanes(const Readers& readers) {
  std::map<size_t, size_t> lanes;
  std::vector<size_t> busy_until;
  for (const auto& [from, to] : readers) {
    if (*to.rbegin() == from + 1) continue;
    size_t lane = 0;
    while (lane < busy_until.size() && busy_until[lane] > from && lane + 1 < kLanes) ++lane;
    if (lane == busy_until.size()) busy_until.push_back(0);
    busy_until[lane] = std::max(busy_until[lane], *to.rbegin());
    lanes[from] = lane;
  }
  return lanes;
}

std::string Text(int x, int y, const char* style, const std::string& text) {
  return "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\" class=\"" + style + "\">" +
         Escape(text) + "</text>";
}

std::string Rect(int x, int y, int width, int height, const char* style) {
  char text[160];
  std::snprintf(text, sizeof text, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"%s\" rx=\"%d\"/>", x, y,
                width, height, style, height > 6 ? 5 : 1);
  return text;
}

std::string BoxSvg(const Box& box, int left) {
  std::string svg = "<g class=\"" + std::string(box.style) + "\">";
  if (!box.title.empty()) svg += "<title>" + Escape(box.title) + "</title>";
  svg += Rect(left, box.y, kBoxWidth, box.Height(), "box");
  int share = static_cast<int>(box.share * (kBoxWidth - 4));
  if (share > 0) svg += Rect(left + 2, box.y + box.Height() - 4, share, 3, "share");
  for (size_t i = 0; i < box.lines.size(); ++i) {
    bool last_of_ours = box.style == std::string("ours") && i + 1 == box.lines.size();
    svg += Text(left + 8, box.y + 16 + static_cast<int>(i) * kLine, last_of_ours ? "plain" : "name", box.lines[i]);
  }
  if (!box.note.empty()) {
    svg += Text(left + kBoxWidth - 8, box.y + 1 + static_cast<int>(box.lines.size()) * kLine, "note", box.note);
  }
  svg += "</g>";
  return box.link.empty() ? svg : "<a href=\"#" + Escape(box.link) + "\">" + svg + "</a>";
}

std::string Path(const std::string& moves) { return "<path d=\"" + moves + "\"/>"; }
std::string Point(int x, int y) { return std::to_string(x) + " " + std::to_string(y); }

std::string DownArrow(const Box& from, const Box& to, int x) {
  return Path("M" + Point(x, from.y + from.Height()) + "V" + std::to_string(to.y - 1) + "m-3 -4l3 4l3 -4");
}

// Out of the box on the left, down the lane, and into each reader.
std::string LaneSvg(const std::vector<Box>& boxes, size_t from, const std::set<size_t>& to, int left, int x) {
  std::string svg;
  int start = boxes[from].y + boxes[from].Height() - 7;
  for (size_t reader : to) {
    int end = boxes[reader].y + 8;
    svg += Path("M" + Point(left, start) + "H" + std::to_string(x + 4) + "q-4 0 -4 4V" + std::to_string(end - 4) +
                "q0 4 4 4H" + std::to_string(left - 1) + "m-4 -3l4 3l-4 3");
  }
  return svg;
}

}  // namespace

std::string GraphSvg(const Composition& composition, const std::vector<KernelGroup>& groups) {
  std::vector<Box> boxes = Boxes(composition, groups);
  Readers readers = ReadersOf(boxes);
  std::map<size_t, size_t> lanes = Lanes(readers);
  size_t lane_count = 0;
  for (const auto& [from, lane] : lanes) lane_count = std::max(lane_count, lane + 1);
  int left = lane_count == 0 ? 2 : 14 + kLane * static_cast<int>(lane_count);
  int width = left + kBoxWidth + 2;
  int height = boxes.back().y + boxes.back().Height() + 2;
  char head[200];
  std::snprintf(head, sizeof head,
                "<svg class=\"graph\" viewBox=\"0 0 %d %d\" width=\"%.0f\" role=\"img\" aria-label=\"graph of the "
                "module\">",
                width, height, width * kScale);
  std::string svg = head;
  for (const auto& [from, to] : readers) {
    std::set<size_t> far = to;
    if (far.erase(from + 1) > 0) svg += DownArrow(boxes[from], boxes[from + 1], left + 24);
    if (far.empty()) continue;
    svg += LaneSvg(boxes, from, far, left, left - 12 - kLane * static_cast<int>(lanes.at(from)));
  }
  for (const Box& box : boxes) svg += BoxSvg(box, left);
  return svg + "</svg>";
}

}  // namespace drtriton
