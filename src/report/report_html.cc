// The HTML report: a summary, the graph, the roofline, then one section a kernel.  No script, no external resource.
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/join.h"
#include "report/graph_svg.h"
#include "report/html.h"
#include "report/kernel_sections.h"
#include "report/report.h"
#include "report/report_style.h"

namespace drtriton {
namespace {

const Timing* TimingOf(const ConversionReport& report, const std::string& name) {
  for (const Timing& timing : report.timings) {
    if (timing.name == name) return &timing;
  }
  return nullptr;
}

// How much faster ours is than `other`; marked where the confidence intervals do not tell the two apart.
std::string Speedup(const Timing& other, const Timing& ours) {
  double gap_ms = std::abs(*other.device_ms - *ours.device_ms);
  bool apart = gap_ms > other.device_ci_ms.value_or(0) + ours.device_ci_ms.value_or(0);
  return (apart ? "" : "≈ ") + Ratio(*other.device_ms / *ours.device_ms);
}

std::string TimingRow(const Timing& timing, const Timing* ours, double longest_ms) {
  if (!timing.device_ms) {
    return "<tr><td>" + Escape(timing.name) + "</td><td colspan=\"4\">" + Escape(timing.failure) + "</td></tr>";
  }
  bool is_ours = &timing == ours;
  std::string ratio = ours != nullptr && ours->device_ms && !is_ours ? Speedup(timing, *ours) : "";
  std::string row = Row({Escape(timing.name), MillisecondsWithin(*timing.device_ms, timing.device_ci_ms), ratio,
                         timing.wall_us ? Milliseconds(*timing.wall_us / 1000) : "–"},
                        "td", 1);
  std::string bar = "<td class=\"b\"><span class=\"bar" + std::string(is_ours ? " ours" : "") +
                    "\" style=\"width:" + Percent(*timing.device_ms / longest_ms) + "\"></span></td></tr>";
  return row.substr(0, row.size() - 5) + bar;
}

std::string TimingTable(const ConversionReport& report) {
  if (report.timings.empty()) return "<p class=\"soft\">Untimed: no GPU was used.</p>";
  const Timing* ours = TimingOf(report, "drtriton");
  double longest_ms = 0;
  for (const Timing& timing : report.timings) longest_ms = std::max(longest_ms, timing.device_ms.value_or(0));
  std::string rows = Row({"", "device time", "ours is faster", "a call takes"}, "th", 1);
  for (const Timing& timing : report.timings) rows += TimingRow(timing, ours, longest_ms);
  return Table(rows) +
         "<p class=\"soft\">Device time: median of CUDA graph replays with the L2 cache flushed, the sides interleaved "
         "in "
         "one run, ± half the 95% confidence interval; ≈ where the intervals overlap. A call takes what a Python "
         "caller "
         "waits for from an idle GPU until the result is there.</p>";
}

std::string Graph(const ConversionReport& report, const std::vector<KernelGroup>& groups) {
  const Composition& composition = report.composition;
  if (composition.steps.empty()) return "";
  return "<h2>Graph</h2><p class=\"soft\">Green: kernels of ours, numbered as below; the bar is the share of their "
         "time. "
         "Grey: PyTorch's. Dashed: views, which cost nothing on the GPU. Parameters are not drawn.</p><details open>"
         "<summary>" +
         std::to_string(composition.steps.size()) + (composition.steps.size() == 1 ? " step" : " steps") +
         "</summary>" + GraphSvg(composition, groups) + "</details>";
}

// "f03_linear_gelu" -> "linear_gelu".
std::string WithoutPosition(const std::string& name) {
  size_t end = name.find('_');
  return end == std::string::npos ? name : name.substr(end + 1);
}

// Regions of equal operators that were decided in the same way share a row.
std::string Decisions(const ConversionReport& report) {
  std::vector<std::vector<const RegionSummary*>> groups;
  std::map<std::tuple<std::string, std::vector<std::string>, std::string, std::string>, size_t> known;
  for (const RegionSummary& region : report.regions) {
    if (region.options.size() < 2 && region.why.empty()) continue;
    auto [place, fresh] =
        known.try_emplace({WithoutPosition(region.name), region.options, region.chosen, region.why}, groups.size());
    if (fresh) groups.emplace_back();
    groups[place->second].push_back(&region);
  }
  if (groups.empty()) return "";
  std::string rows = Row({"region", "ways considered, the chosen one bold", "why"}, "th");
  for (const auto& group : groups) {
    const RegionSummary& region = *group.front();
    std::vector<std::string> options;
    for (const std::string& option : region.options) {
      options.push_back(option == region.chosen ? "<b>" + Escape(option) + "</b>" : Escape(option));
    }
    std::string name = "<code>" + Escape(region.name) + "</code>";
    if (group.size() > 1) name += " and " + std::to_string(group.size() - 1) + " like it";
    rows += Row({name, Join(options, " · "), Escape(region.why)});
  }
  return "<h2>Decisions</h2>" + Table(rows);
}

std::string TorchTable(const ConversionReport& report) {
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const CompositionStep& step : report.composition.steps) {
    const auto* torch = std::get_if<TorchStep>(&step);
    if (torch == nullptr || torch->why == "view") continue;
    ++counts[{report.composition.program.nodes[torch->node].op, torch->why}];
  }
  if (counts.empty()) return "";
  std::string rows = Row({"operator", "times", "why"}, "th");
  for (const auto& [key, count] : counts) {
    rows += Row({"<code>" + Escape(key.first) + "</code>", std::to_string(count), Escape(key.second)});
  }
  return "<h2>Kept in PyTorch</h2>" + Table(rows);
}

std::string FinalCheck(const Verdict& verdict) {
  if (!verdict.accepted())
    return "<span class=\"bad\">" + Escape(Name(verdict.outcome) + ": " + verdict.reason) + "</span>";
  return "accepted; error against float64 " + Error(verdict.rel_err) + ", eager PyTorch's " +
         Error(verdict.ref_rel_err);
}

std::string HowItWasMade(const ConversionReport& report) {
  std::string rows;
  if (report.final_check) rows += Row({"checked as a whole", FinalCheck(*report.final_check)});
  rows += Row({"module", "<code>" + Escape(report.module_path) + "</code>"});
  if (report.written) rows += Row({"written", "<code>" + Escape(report.output_path) + "</code>"});
  rows += Row({"device", Escape(report.device_name)});
  rows += Row({"mode", Escape(report.mode) + (report.strict ? ", strict" : ", hybrid")});
  rows += Row({"seed", std::to_string(report.seed)});
  for (const auto& [name, version] : report.versions) rows += Row({Escape(name), Escape(version)});
  std::vector<std::string> stages;
  for (const auto& [name, seconds] : report.stages) stages.push_back(Escape(name) + " " + Milliseconds(seconds * 1000));
  rows += Row({"took", Milliseconds(report.seconds * 1000) + (stages.empty() ? "" : ": " + Join(stages))});
  return "<h2>How it was made</h2>" + Table(rows);
}

}  // namespace

std::string ReportHtml(const ConversionReport& report) {
  std::string title = report.module_path.substr(report.module_path.find_last_of('/') + 1);
  std::vector<KernelGroup> groups = GroupKernels(report.composition);
  std::string html =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>" +
      Escape(title) + " – DRTriton</title><style>" + kReportStyle + "</style></head><body><h1>" + Escape(title) +
      "</h1><p class=\"outcome" + (report.written ? " good" : "") + "\">" + Escape(report.outcome) + "</p>";
  if (report.interrupted) html += "<p>The search was interrupted; this is the best that was found.</p>";
  if (report.reduced_shapes) {
    html +=
        "<p>Some kernels were verified at reduced shapes, since no GPU was there to run the real ones in good "
        "time.</p>";
  }
  html += TimingTable(report) + Graph(report, groups) + KernelSections(report, groups) + Decisions(report) +
          TorchTable(report) + HowItWasMade(report);
  return html + "</body></html>\n";
}

}  // namespace drtriton
