// Tested in report_html_test.cc.
#include "report/kernel_sections.h"

#include <utility>

#include "base/join.h"
#include "report/html.h"
#include "report/python_html.h"
#include "report/roofline_svg.h"

namespace drtriton {
namespace {

constexpr size_t kIdsShown = 6;  // of the fragments that one kernel serves

std::string Title(const KernelGroup& group) {
  std::string title = std::to_string(group.number) + " · " + Join(group.Operators());
  if (group.steps.size() > 1) title += " (" + std::to_string(group.steps.size()) + "×)";
  return title;
}

double TotalMs(const std::vector<KernelGroup>& groups) {
  double total_ms = 0;
  for (const KernelGroup& group : groups) total_ms += group.TotalMs();
  return total_ms;
}

std::string Roofline(const ConversionReport& report, const std::vector<KernelGroup>& groups) {
  std::vector<RooflinePoint> points;
  for (const KernelGroup& group : groups) {
    KernelFacts facts = FactsOf(group.first(), report.device);
    if (!facts.flops_per_us || facts.flops <= 0 || facts.bytes <= 0) continue;
    RooflinePoint point{Clip(std::to_string(group.number) + " " + Join(group.Operators()), 24),
                        facts.flops / facts.bytes, *facts.flops_per_us, 0, group.anchor()};
    if (facts.roofline_share > 0) point.bound_flops_per_us = *facts.flops_per_us / *facts.roofline_share;
    points.push_back(point);
  }
  if (points.empty()) return "";
  return "<h2>Roofline</h2><p class=\"soft\">A dot for each kernel; the dotted line leads up to what this device's "
         "memory "
         "and arithmetic units allow it (float32 products run as three TF32 ones).</p>" +
         RooflineSvg(points, report.device);
}

std::string Overview(const ConversionReport& report, const std::vector<KernelGroup>& groups) {
  if (groups.size() < 2) return "";
  double total_ms = TotalMs(groups);
  if (total_ms <= 0) return "";
  std::string rows = Row({"kernel", "runs", "time of one", "PyTorch's", "of our time", "of the roofline"}, "th", 1);
  for (const KernelGroup& group : groups) {
    KernelFacts facts = FactsOf(group.first(), report.device);
    std::string name = std::to_string(group.number) + " · " + Join(group.Operators());
    rows +=
        Row({"<a href=\"#" + Escape(group.anchor()) + "\">" + Escape(name) + "</a>", std::to_string(group.steps.size()),
             Milliseconds(facts.time_ms), Milliseconds(group.first().verdict.eager_ms),
             Percent(group.TotalMs() / total_ms), facts.roofline_share ? Percent(*facts.roofline_share) : "–"},
            "td", 1);
  }
  return Table(rows);
}

std::string Plan(const KernelPlan& kernel) {
  std::vector<std::string> chips{"<code>" + Escape(kernel.name) + "</code>", Escape(kernel.family)};
  for (const auto& [name, size] : kernel.tile) chips.push_back(Escape(name) + " = " + std::to_string(size));
  chips.push_back(std::to_string(kernel.num_warps) + (kernel.num_warps == 1 ? " warp" : " warps"));
  chips.push_back(std::to_string(kernel.num_stages) + (kernel.num_stages == 1 ? " stage" : " stages"));
  if (!kernel.numerics.empty()) chips.push_back(Escape(kernel.numerics));
  std::string html = "<div class=\"chips\">";
  for (const std::string& chip : chips) html += "<span>" + chip + "</span>";
  html += "</div>";
  return kernel.why.empty() ? html : html + "<p>" + Escape(kernel.why) + "</p>";
}

std::string Fact(const char* name, const std::string& value) {
  return "<div><dt>" + std::string(name) + "</dt><dd>" + value + "</dd></div>";
}

std::string Facts(const KernelGroup& group, const ConversionReport& report, double total_ms) {
  const Verdict& verdict = group.first().verdict;
  KernelFacts facts = FactsOf(group.first(), report.device);
  std::string html = "<dl>";
  if (facts.time_ms) html += Fact("time, alone and cold", MillisecondsWithin(*facts.time_ms, verdict.time_ci_ms));
  if (verdict.eager_ms) {
    std::string faster;
    if (facts.time_ms > 0) faster = " (" + Ratio(*verdict.eager_ms / *facts.time_ms) + ")";
    html += Fact("PyTorch, same operators", Milliseconds(*verdict.eager_ms) + faster);
  }
  if (facts.roofline_share) {
    html += Fact("share of the roofline", Percent(*facts.roofline_share));
    html += Fact("bandwidth", ByteRate(*facts.bytes_per_us) + " of " + ByteRate(report.device.memory_bytes_per_us));
    html += Fact("arithmetic", FlopRate(*facts.flops_per_us));
    if (total_ms > 0) html += Fact("of our kernels' time", Percent(group.TotalMs() / total_ms));
  }
  html += Fact("memory traffic, at least", Bytes(facts.bytes)) + Fact("work", Flops(facts.flops));
  html += Fact("error against float64", Error(verdict.rel_err));
  html += Fact("eager PyTorch's error", Error(verdict.ref_rel_err));
  html += Fact("proposed by", Escape(group.first().proposal.proposer));
  return html + "</dl>";
}

std::string Schedule(const Proposal& proposal) {
  std::vector<std::string> kernels;
  for (const KernelPlan& kernel : proposal.kernels) {
    std::vector<std::string> parts;
    for (const auto& [name, size] : kernel.tile) parts.push_back(name + "=" + std::to_string(size));
    parts.push_back("warps=" + std::to_string(kernel.num_warps));
    parts.push_back("stages=" + std::to_string(kernel.num_stages));
    kernels.push_back((proposal.kernels.size() > 1 ? kernel.family + " " : "") + Join(parts, " "));
  }
  return Escape(Join(kernels, "; "));
}

std::string TriedRow(const TriedCandidate& tried, bool kept) {
  const Verdict& verdict = tried.verdict;
  std::string outcome = kept ? "<b class=\"good\">kept</b>" : Escape(Name(verdict.outcome));
  if (!verdict.accepted()) {
    outcome = "<div class=\"why\"><span class=\"bad\">" + outcome + "</span> <code>" + Escape(verdict.code) +
              "</code> " + Escape(verdict.reason) + "</div>";
  }
  return Row({"<code>" + Schedule(tried.proposal) + "</code>", Escape(tried.proposal.proposer), outcome,
              Error(verdict.rel_err), Milliseconds(tried.proposal.estimated_us / 1000), Milliseconds(verdict.time_ms)},
             "td", 3);
}

std::string Tried(const KernelGroup& group, const ConversionReport& report) {
  std::string rows;
  size_t count = 0;
  for (const TriedCandidate& tried : report.tried) {
    if (tried.kind != group.first().kind) continue;
    ++count;
    rows += TriedRow(tried, tried.verdict.accepted() && tried.proposal.source == group.first().proposal.source);
  }
  if (count == 0) return "";
  return "<details><summary>" + std::to_string(count) + (count == 1 ? " candidate judged" : " candidates judged") +
         "</summary>" + Table(Row({"schedule", "by", "verdict", "error", "estimated", "measured"}, "th", 3) + rows) +
         "</details>";
}

std::string Section(const KernelGroup& group, const ConversionReport& report, double total_ms, bool open) {
  std::vector<std::string> ids;
  for (const KernelStep* step : group.steps) {
    if (ids.size() < kIdsShown) ids.push_back("<code>" + Escape(step->fragment.id) + "</code>");
  }
  if (group.steps.size() > ids.size()) ids.push_back(std::to_string(group.steps.size() - ids.size()) + " more");
  std::string html = "<section class=\"kernel\" id=\"" + Escape(group.anchor()) + "\"><h3>" + Escape(Title(group)) +
                     "</h3><p class=\"soft\">" + Join(ids) + "</p>";
  for (const KernelPlan& kernel : group.first().proposal.kernels) html += Plan(kernel);
  html += Facts(group, report, total_ms);
  if (group.first().verdict.reduced_shapes) {
    html += "<p class=\"soft\">Verified at reduced shapes: same kernels, other constants.</p>";
  }
  return html + Tried(group, report) + "<details" + (open ? " open" : "") + "><summary>source</summary><pre>" +
         PythonHtml(group.first().proposal.source) + "</pre></details></section>";
}

}  // namespace

std::string KernelSections(const ConversionReport& report, const std::vector<KernelGroup>& groups) {
  if (groups.empty()) return "";
  std::string html = Roofline(report, groups) + "<h2>Kernels</h2>" + Overview(report, groups);
  for (const KernelGroup& group : groups) html += Section(group, report, TotalMs(groups), groups.size() == 1);
  return html;
}

}  // namespace drtriton
