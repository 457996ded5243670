#include "report/coverage_html.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include "report/html.h"
#include "report/report_style.h"

namespace drtriton {
namespace {

// Shades of the picture, from few to many.
constexpr std::array<double, 5> kShades = {0.2, 0.4, 0.6, 0.8, 1.0};

std::string Count(int64_t count) {
  std::string digits = std::to_string(count);
  for (size_t i = digits.size(); i > 3;) digits.insert(i -= 3, " ");
  return digits;
}

std::string Bar(double share) {
  if (share <= 0) return "";
  const std::string tenths = std::to_string(std::lround(80 * share));  // of a rem
  return "<span class=\"bar ours\" style=\"width:calc(" + tenths + "rem/10)\"></span>";
}

std::string Fact(const std::string& name, const std::string& value) {
  return "<div><dt>" + name + "</dt><dd>" + Escape(value) + "</dd></div>";
}

// The operators, by kind and then by name: the order of the table and of the picture.
struct Operators {
  std::vector<std::string> names;
  std::unordered_map<std::string, size_t> places;
  std::vector<std::string> kinds;  // by place
  std::vector<int64_t> counts;
  int64_t total = 0;
};

Operators ReadOperators(const Json& coverage) {
  Operators operators;
  for (const auto& [name, count] : coverage.at("operators").items()) operators.names.push_back(name);
  const Json& kinds = coverage.at("kinds");
  const auto key = [&](const std::string& name) { return std::pair(kinds.at(name).get<std::string>(), name); };
  std::sort(operators.names.begin(), operators.names.end(),
            [&](const std::string& a, const std::string& b) { return key(a) < key(b); });
  for (const std::string& name : operators.names) {
    operators.places[name] = operators.kinds.size();
    operators.kinds.push_back(kinds.at(name));
    operators.counts.push_back(coverage.at("operators").at(name));
    operators.total += operators.counts.back();
  }
  return operators;
}

std::string FactsHtml(const Json& coverage, const Operators& operators) {
  const size_t met = operators.names.size() - coverage.at("never").size();
  return "<dl>" + Fact("programs", Count(coverage.at("programs"))) + Fact("operators each", std::to_string(coverage.at("ops").get<int>())) +
         Fact("law", coverage.at("law")) + Fact("sizes", coverage.at("size")) + Fact("seed", coverage.at("seed").dump()) +
         Fact("operators met", std::to_string(met) + " of " + std::to_string(operators.names.size())) +
         Fact("pairs met", Count(static_cast<int64_t>(coverage.at("pairs").size()))) + "</dl>";
}

std::string OperatorsHtml(const Operators& operators) {
  const int64_t most = operators.counts.empty() ? 0 : *std::max_element(operators.counts.begin(), operators.counts.end());
  std::string rows = Row({"operator", "kind", "times", "share", ""}, "th", 2);
  for (size_t i = 0; i < operators.names.size(); ++i) {
    const double share = static_cast<double>(operators.counts[i]) / static_cast<double>(std::max<int64_t>(operators.total, 1));
    const double of_most = static_cast<double>(operators.counts[i]) / static_cast<double>(std::max<int64_t>(most, 1));
    rows += Row({"<code>" + Escape(operators.names[i]) + "</code>", operators.kinds[i], Count(operators.counts[i]),
                 Percent(share), Bar(of_most)},
                "td", 2);
  }
  return Table(rows);
}

// A square for each pair that occurs, producers from top to bottom, consumers from left to right; darker is more often.
std::string PairsPicture(const Json& coverage, const Operators& operators) {
  int64_t most = 1;
  for (const Json& pair : coverage.at("pairs")) most = std::max(most, pair.at(2).get<int64_t>());
  std::array<std::string, kShades.size()> paths;
  for (const Json& pair : coverage.at("pairs")) {
    const double share = std::log1p(pair.at(2).get<double>()) / std::log1p(static_cast<double>(most));
    const size_t shade = std::min(static_cast<size_t>(share * kShades.size()), kShades.size() - 1);
    paths[shade] += "M" + std::to_string(4 * operators.places.at(pair.at(1))) + " " +
                    std::to_string(4 * operators.places.at(pair.at(0))) + "h4v4h-4z";
  }
  const std::string side = std::to_string(4 * std::max<size_t>(operators.names.size(), 1));
  std::string svg = "<svg class=\"pairs\" viewBox=\"0 0 " + side + " " + side + "\" width=\"" + side +
                    "\" role=\"img\" aria-label=\"which operator feeds which\"><rect width=\"" + side + "\" height=\"" + side +
                    "\" fill=\"none\" stroke=\"var(--line)\"/>";
  for (size_t i = 0; i < paths.size(); ++i) {
    if (paths[i].empty()) continue;
    svg += "<path fill=\"var(--ours)\" opacity=\"" + std::to_string(kShades[i]).substr(0, 3) + "\" d=\"" + paths[i] + "\"/>";
  }
  return svg + "</svg>";
}

std::string KindPairsHtml(const Json& coverage, const Operators& operators) {
  std::map<std::string, std::map<std::string, int64_t>> table;
  std::map<std::string, bool> kinds;
  for (const std::string& kind : operators.kinds) kinds[kind] = true;
  for (const Json& pair : coverage.at("pairs")) {
    const auto kind_of = [&](size_t i) { return operators.kinds[operators.places.at(pair.at(i))]; };
    table[kind_of(0)][kind_of(1)] += pair.at(2).get<int64_t>();
  }
  std::vector<std::string> head = {"producer ↓ consumer →"};
  for (const auto& [kind, unused] : kinds) head.push_back(kind);
  std::string rows = Row(head, "th", 1);
  for (const auto& [producer, unused] : kinds) {
    std::vector<std::string> cells = {producer};
    for (const auto& [consumer, also_unused] : kinds) cells.push_back(Count(table[producer][consumer]));
    rows += Row(cells, "td", 1);
  }
  return Table(rows);
}

std::string HistogramHtml(const Json& coverage, const std::string& name, const std::string& title) {
  const Json& histogram = coverage.at(name);
  int64_t total = 0, most = 0;
  for (const auto& [value, count] : histogram.items()) {
    total += count.get<int64_t>();
    most = std::max(most, count.get<int64_t>());
  }
  if (total == 0) return "";
  std::string rows;
  for (const auto& [value, count] : histogram.items()) {
    const double part = count.get<double>();
    rows += Row({Escape(value), Count(count), Percent(part / static_cast<double>(total)), Bar(part / static_cast<double>(most))},
                "td", 1);
  }
  return "<h3>" + title + "</h3>" + Table(rows);
}

}  // namespace

std::string CoverageHtml(const Json& coverage) {
  const Operators operators = ReadOperators(coverage);
  std::string html =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>Sampled programs</title><style>";
  html += kReportStyle;
  html += "</style></head><body><h1>What the sampled programs cover</h1>" + FactsHtml(coverage, operators);
  html += "<h2>Pairs</h2><p class=\"soft\">Which operator's result feeds which: a row a producer, a column a consumer, both in the "
          "order of the table below; darker is more often. Glue is looked through.</p>" +
          PairsPicture(coverage, operators) + "<h3>By kind</h3>" + KindPairsHtml(coverage, operators);
  html += "<h2>Operators</h2>" + OperatorsHtml(operators) + "<h2>Shapes and sizes</h2>";
  const std::array<std::array<const char*, 2>, 11> histograms = {{{"ranks", "Ranks of tensors"},
                                                                  {"dtypes", "Dtypes of tensors"},
                                                                  {"depth", "Depth: operators on the longest path"},
                                                                  {"width", "Width: most operators at one distance from the inputs"},
                                                                  {"inputs", "Inputs of a program"},
                                                                  {"parameters", "Parameters and buffers of a program"},
                                                                  {"results", "Results of a program"},
                                                                  {"largest", "Elements of the largest tensor, this many up to four times as many"},
                                                                  {"roofline_us", "Roofline time in µs, this much up to four times as much"},
                                                                  {"glue", "Glue"},
                                                                  {"splits", "Parts"}}};
  for (const auto& [name, title] : histograms) html += HistogramHtml(coverage, name, title);
  return html + "</body></html>\n";
}

}  // namespace drtriton
