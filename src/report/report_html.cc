// The HTML report: a summary, the graph, the roofline, then one section a kernel.  No script, no external resource.
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>

#include "report/graph_svg.h"
#include "report/html.h"
#include "report/report.h"
#include "report/roofline_svg.h"

namespace drtriton {
namespace {

constexpr const char* kStyle = R"(
:root{--ink:#1b1f24;--soft:#5b6570;--paper:#fff;--card:#f5f7f9;--line:#d8dee4;--ours:#0b7a4b;--ours-bg:#e3f5ec;--torch-bg:#eceff3}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa7b4;--paper:#0f1419;--card:#182029;--line:#303b46;--ours:#4fd39a;--ours-bg:#12352a;--torch-bg:#232d38}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
.outcome{font-size:1.05rem;padding:.7rem .9rem;border-radius:8px;background:var(--torch-bg)}
.outcome.good{background:var(--ours-bg)}
.soft{color:var(--soft);font-size:.9rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;margin:.4rem 0}
th,td{text-align:left;padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
section.kernel{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.4rem 1rem 1rem;margin:1rem 0}
pre{overflow-x:auto;font:13px/1.45 ui-monospace,monospace;background:var(--paper);border:1px solid var(--line);border-radius:6px;padding:.7rem;margin:.4rem 0}
summary{cursor:pointer}
svg{max-width:100%;height:auto;display:block}
svg.graph{width:30rem}svg.roofline{width:40rem}
svg text{font:11px system-ui,sans-serif;fill:var(--ink)}svg text.name{font-weight:600}
.graph rect{fill:var(--torch-bg);stroke:var(--line)}.graph .ours rect{fill:var(--ours-bg);stroke:var(--ours)}
.graph .view rect{fill:none;stroke-dasharray:3 3}.graph path{fill:none;stroke:var(--soft);stroke-width:1.2}
.roofline .grid{stroke:var(--line)}.roofline .roof{stroke:var(--soft);stroke-width:1.5}.roofline circle{fill:var(--ours)}
a{color:var(--ours)}
)";

std::string Row(const std::vector<std::string>& cells, const char* tag = "td", size_t first_number = 1) {
  std::string row = "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    row += "<" + std::string(tag) + (i >= first_number ? " class=\"n\">" : ">") + cells[i] + "</" + tag + ">";
  }
  return row + "</tr>";
}

std::string Table(const std::string& rows) { return "<div class=\"scroll\"><table>" + rows + "</table></div>"; }

std::string Number(const std::optional<double>& value, const char* format) {
  if (!value) return "–";
  char text[48];
  std::snprintf(text, sizeof text, format, *value);
  return text;
}

std::string Time(const std::optional<double>& ms) { return ms ? Milliseconds(*ms) : "–"; }

std::string TimingTable(const ConversionReport& report) {
  if (report.timings.empty()) return "<p class=\"soft\">Untimed: no GPU was used.</p>";
  std::optional<double> ours;
  for (const Timing& timing : report.timings) {
    if (timing.name == "drtriton") ours = timing.device_ms;
  }
  std::string rows = Row({"", "device time", "± (95%)", "ours is", "time of a call"}, "th");
  for (const Timing& timing : report.timings) {
    if (!timing.device_ms) {
      rows += Row({Escape(timing.name), Escape(timing.failure), "", "", ""}, "td", 2);
      continue;
    }
    std::string ratio = ours && timing.name != "drtriton" ? Number(*timing.device_ms / *ours, "%.2f×") : "";
    std::optional<double> wall_ms = timing.wall_us ? std::optional<double>(*timing.wall_us / 1000) : std::nullopt;
    rows += Row({Escape(timing.name), Time(timing.device_ms), Time(timing.device_ci_ms), ratio, Time(wall_ms)});
  }
  return Table(rows) +
         "<p class=\"soft\">Device time: median of CUDA graph replays with the L2 cache flushed, the sides interleaved in "
         "one run. Time of a call: what a Python caller waits for until the call returns, GPU idle.</p>";
}

std::string PlanTable(const Proposal& proposal) {
  std::string rows = Row({"kernel", "family", "fuses", "tile", "warps", "stages", "numerics"}, "th", 9);
  std::string whys;
  for (const KernelPlan& kernel : proposal.kernels) {
    std::string fuses;
    for (const std::string& op : kernel.fuses) fuses += (fuses.empty() ? "" : ", ") + op;
    std::string tile;
    for (const auto& [name, size] : kernel.tile) tile += (tile.empty() ? "" : ", ") + name + "=" + std::to_string(size);
    rows += Row({Escape(kernel.name), Escape(kernel.family), Escape(fuses), Escape(tile),
                 std::to_string(kernel.num_warps), std::to_string(kernel.num_stages), Escape(kernel.numerics)},
                "td", 9);
    if (!kernel.why.empty()) whys += "<p>" + Escape(kernel.why) + "</p>";
  }
  return Table(rows) + whys;
}

std::string FactsTable(const KernelStep& step, const ConversionReport& report, double total_ms) {
  KernelFacts facts = FactsOf(step, report.device);
  std::string rows;
  if (facts.time_ms) {
    rows += Row({"time, alone and cold", Time(facts.time_ms) + (step.verdict.time_ci_ms ? " ± " + Time(step.verdict.time_ci_ms) : "")});
    rows += Row({"PyTorch's for the same operators", Time(step.verdict.eager_ms)});
    if (total_ms > 0) rows += Row({"share of our kernels' time", Percent(*facts.time_ms / total_ms)});
    rows += Row({"achieved bandwidth", ByteRate(*facts.bytes_per_us) + " of " + ByteRate(report.device.memory_bytes_per_us)});
    rows += Row({"achieved arithmetic", FlopRate(*facts.flops_per_us)});
    rows += Row({"share of the roofline", Percent(*facts.roofline_share)});
  }
  rows += Row({"memory traffic at least", Bytes(facts.bytes)});
  rows += Row({"error against float64", Number(step.verdict.rel_err, "%.2e")});
  rows += Row({"eager PyTorch's error", Number(step.verdict.ref_rel_err, "%.2e")});
  rows += Row({"proposed by", Escape(step.proposal.proposer)});
  return Table(rows);
}

std::string TriedTable(const std::string& fragment, const ConversionReport& report) {
  std::string rows;
  size_t count = 0;
  for (const TriedCandidate& tried : report.tried) {
    if (tried.fragment != fragment) continue;
    ++count;
    std::string tile;
    for (const KernelPlan& kernel : tried.proposal.kernels) {
      for (const auto& [name, size] : kernel.tile) tile += name + "=" + std::to_string(size) + " ";
      tile += "warps=" + std::to_string(kernel.num_warps) + " stages=" + std::to_string(kernel.num_stages) + " ";
    }
    const Verdict& verdict = tried.verdict;
    rows += Row({Escape(tile), Escape(Name(verdict.outcome)) + (verdict.accepted() ? "" : ": " + Escape(verdict.reason)),
                 Milliseconds(tried.proposal.estimated_us / 1000), Time(verdict.time_ms)},
                "td", 2);
  }
  if (count == 0) return "";
  return "<details><summary>" + std::to_string(count) + " candidates judged</summary>" +
         Table(Row({"schedule", "verdict", "estimated", "measured"}, "th", 2) + rows) + "</details>";
}

std::string KernelSection(const KernelStep& step, const ConversionReport& report, double total_ms) {
  std::string html = "<section class=\"kernel\" id=\"" + Escape(step.fragment.id) + "\"><h3>" + Escape(step.fragment.id) +
                     "</h3>" + PlanTable(step.proposal) + FactsTable(step, report, total_ms);
  if (step.verdict.reduced_shapes) html += "<p class=\"soft\">Verified at reduced shapes: same kernels, other constants.</p>";
  html += TriedTable(step.fragment.id, report);
  return html + "<details><summary>source</summary><pre>" + Escape(step.proposal.source) + "</pre></details></section>";
}

std::string KernelSections(const ConversionReport& report) {
  double total_ms = 0;
  std::vector<RooflinePoint> points;
  for (const CompositionStep& step : report.composition.steps) {
    const auto* kernel = std::get_if<KernelStep>(&step);
    if (kernel == nullptr || !kernel->verdict.time_ms) continue;
    total_ms += *kernel->verdict.time_ms;
    KernelFacts facts = FactsOf(*kernel, report.device);
    if (facts.flops > 0 && facts.bytes > 0) {
      points.push_back({kernel->fragment.id, facts.flops / facts.bytes, *facts.flops_per_us});
    }
  }
  std::string html;
  if (!points.empty()) html += "<h2>Roofline</h2>" + RooflineSvg(points, report.device);
  std::string sections;
  for (const CompositionStep& step : report.composition.steps) {
    if (const auto* kernel = std::get_if<KernelStep>(&step)) sections += KernelSection(*kernel, report, total_ms);
  }
  return html + (sections.empty() ? "" : "<h2>Kernels</h2>" + sections);
}

std::string RegionTable(const ConversionReport& report) {
  std::string rows;
  for (const RegionSummary& region : report.regions) {
    if (region.options.size() < 2 && region.why.empty()) continue;
    std::string options;
    for (const std::string& option : region.options) options += (options.empty() ? "" : " / ") + option;
    rows += Row({Escape(region.name), Escape(options), Escape(region.chosen), Escape(region.why)}, "td", 9);
  }
  if (rows.empty()) return "";
  return "<h2>Decisions</h2>" + Table(Row({"region", "between", "chosen", "figures"}, "th", 9) + rows);
}

std::string TorchTable(const ConversionReport& report) {
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const CompositionStep& step : report.composition.steps) {
    const auto* torch = std::get_if<TorchStep>(&step);
    if (torch == nullptr || torch->why == "view") continue;
    ++counts[{report.composition.program.nodes[torch->node].op, torch->why}];
  }
  if (counts.empty()) return "";
  std::string rows = Row({"operator", "times", "why"}, "th", 9);
  for (const auto& [key, count] : counts) {
    rows += Row({Escape(key.first), std::to_string(count), Escape(key.second)}, "td", 9);
  }
  return "<h2>Kept in PyTorch</h2>" + Table(rows);
}

std::string Facts(const ConversionReport& report) {
  std::string rows = Row({"device", Escape(report.device_name)}, "td", 9);
  rows += Row({"mode", report.mode + (report.strict ? ", strict" : ", hybrid")}, "td", 9);
  rows += Row({"seed", std::to_string(report.seed)}, "td", 9);
  for (const auto& [name, version] : report.versions) rows += Row({Escape(name), Escape(version)}, "td", 9);
  for (const auto& [name, seconds] : report.stages) rows += Row({Escape(name), Milliseconds(seconds * 1000)}, "td", 9);
  if (report.final_check) {
    rows += Row({"whole module, fresh process",
                 Escape(Name(report.final_check->outcome)) + ", error " + Number(report.final_check->rel_err, "%.2e") +
                     ", eager's " + Number(report.final_check->ref_rel_err, "%.2e")},
                "td", 9);
  }
  return "<h2>How it was made</h2>" + Table(rows);
}

}  // namespace

std::string ReportHtml(const ConversionReport& report) {
  std::string title = report.module_path.substr(report.module_path.find_last_of('/') + 1);
  std::string html = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
                     "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>" +
                     Escape(title) + " – DRTriton</title><style>" + kStyle + "</style></head><body><h1>" + Escape(title) +
                     "</h1><p class=\"outcome" + (report.written ? " good" : "") + "\">" + Escape(report.outcome) + "</p>";
  if (report.interrupted) html += "<p>The search was interrupted; this is the best that was found.</p>";
  if (report.reduced_shapes) {
    html += "<p>Some kernels were verified at reduced shapes, since no GPU was there to run the real ones in good time.</p>";
  }
  html += TimingTable(report);
  if (!report.composition.steps.empty()) {
    html += "<h2>Graph</h2><p class=\"soft\">Green: kernels of ours. Grey: PyTorch's. Dashed: views, which cost nothing on the "
            "GPU.</p>" +
            GraphSvg(report.composition);
  }
  html += KernelSections(report) + RegionTable(report) + TorchTable(report) + Facts(report);
  return html + "</body></html>\n";
}

}  // namespace drtriton
