#include "report/roofline_svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "report/html.h"

namespace drtriton {
namespace {

constexpr double kWidth = 440, kHeight = 320, kLeft = 44, kRight = 10, kTop = 14, kBottom = 42;
constexpr double kTera = 1e6;  // FLOP/us in a TFLOP/s
constexpr double kCharacter = 6, kTextHeight = 12;

// What the axes span, as log10.
struct Frame {
  double x0, x1, y0, y1;
  double X(double value) const { return kLeft + (std::log10(value) - x0) / (x1 - x0) * (kWidth - kLeft - kRight); }
  double Y(double value) const {
    return kHeight - kBottom - (std::log10(value) - y0) / (y1 - y0) * (kHeight - kTop - kBottom);
  }
};

struct Rectangle {
  double x0, y0, x1, y1;
  bool Overlaps(const Rectangle& other) const {
    return x0 < other.x1 && other.x0 < x1 && y0 < other.y1 && other.y0 < y1;
  }
};

Frame FrameOf(const std::vector<RooflinePoint>& points, const DeviceSpec& device) {
  double low_x = 0.2, high_x = 10 * device.bf16_flops_per_us / device.memory_bytes_per_us;
  double low_y = device.fp32_flops_per_us / 4, high_y = 2 * device.bf16_flops_per_us;
  for (const RooflinePoint& point : points) {
    low_x = std::min(low_x, point.flops_per_byte / 2);
    high_x = std::max(high_x, point.flops_per_byte * 2);
    low_y = std::min(low_y, point.flops_per_us / 3);
    high_y = std::max(high_y, point.flops_per_us * 2);
  }
  return {std::log10(low_x), std::log10(high_x), std::log10(low_y), std::log10(high_y)};
}

std::string Text(double x, double y, const char* anchor, const std::string& text, const char* style = "") {
  char head[160];
  std::snprintf(head, sizeof head, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, style);
  return head + Escape(text) + "</text>";
}

std::string Line(const char* style, double x0, double y0, double x1, double y1) {
  char text[160];
  std::snprintf(text, sizeof text, "<path class=\"%s\" d=\"M%.1f %.1fL%.1f %.1f\"/>", style, x0, y0, x1, y1);
  return text;
}

std::string Tick(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string Axes(const Frame& frame) {
  std::string svg;
  for (double decade = std::ceil(frame.x0); decade <= frame.x1; ++decade) {
    double x = frame.X(std::pow(10, decade));
    svg += Line("grid", x, kTop, x, kHeight - kBottom) +
           Text(x, kHeight - kBottom + 15, "middle", Tick(std::pow(10, decade)), "tick");
  }
  for (double decade = std::ceil(frame.y0); decade <= frame.y1; ++decade) {
    double y = frame.Y(std::pow(10, decade));
    svg += Line("grid", kLeft, y, kWidth - kRight, y) +
           Text(kLeft - 5, y + 4, "end", Tick(std::pow(10, decade) / kTera), "tick");
  }
  char title[160];
  std::snprintf(title, sizeof title,
                "<text transform=\"translate(11 %.0f) rotate(-90)\" text-anchor=\"middle\" "
                "class=\"tick\">TFLOP/s</text>",
                (kTop + kHeight - kBottom) / 2);
  return svg + title + Text((kLeft + kWidth) / 2, kHeight - 8, "middle", "FLOP per byte of memory traffic", "tick");
}

// Places texts so that none covers another, nor a point.
class Labels {
 public:
  void Keep(const Rectangle& taken) { taken_.push_back(taken); }

  // Beside the point, or nowhere.
  std::string Place(double x, double y, const std::string& text) {
    double width = kCharacter * static_cast<double>(text.size());
    const double steps[] = {0, -14, 14, -28, 28, -42, 42, -56, 56};
    for (double dy : steps) {
      for (bool right : {true, false}) {
        double x0 = right ? x + 9 : x - 9 - width;
        Rectangle place{x0, y + dy - kTextHeight / 2, x0 + width, y + dy + kTextHeight / 2};
        if (!Free(place)) continue;
        taken_.push_back(place);
        std::string leader = dy == 0 ? "" : Line("leader", x, y, right ? x0 - 1 : x - 8, y + dy);
        return leader + Text(right ? x0 : x0 + width, y + dy + 4, right ? "start" : "end", text, "label");
      }
    }
    return "";
  }

 private:
  bool Free(const Rectangle& place) const {
    if (place.x0 < kLeft || place.x1 > kWidth || place.y0 < 0 || place.y1 > kHeight - kBottom) return false;
    return std::none_of(taken_.begin(), taken_.end(), [&](const Rectangle& other) { return place.Overlaps(other); });
  }
  std::vector<Rectangle> taken_;
};

// min(bandwidth * intensity, peak): the slope shared by all ceilings, and the flat part of each.
std::string Roofs(const Frame& frame, const DeviceSpec& device, Labels& labels) {
  double bandwidth = device.memory_bytes_per_us;
  double left = std::max(std::pow(10, frame.x0), std::pow(10, frame.y0) / bandwidth);
  double right = std::pow(10, frame.x1);
  double ridge = device.bf16_flops_per_us / bandwidth;
  std::string svg = Line("roof", frame.X(left), frame.Y(left * bandwidth), frame.X(ridge), frame.Y(ridge * bandwidth));
  const std::pair<const char*, double> peaks[] = {
      {"bf16", device.bf16_flops_per_us}, {"tf32", device.tf32_flops_per_us}, {"fp32", device.fp32_flops_per_us}};
  double last_y = -kHeight;
  for (const auto& [name, peak] : peaks) {
    double y = frame.Y(peak);
    svg += Line("roof", frame.X(peak / bandwidth), y, frame.X(right), y);
    if (y - last_y < kTextHeight) continue;
    svg += Text(frame.X(right) - 2, y - 4, "end", std::string(name) + " " + FlopRate(peak), "limit");
    labels.Keep({frame.X(right) - 110, y - 15, frame.X(right), y + 2});
    last_y = y;
  }
  // Along the slope, in its middle.
  double middle = std::sqrt(left * std::min(ridge, device.fp32_flops_per_us / bandwidth));
  double x = frame.X(middle), y = frame.Y(middle * bandwidth);
  // Text lies above the slope; labels keep clear of it.
  double angle = std::atan2(frame.Y(left * bandwidth) - frame.Y(ridge * bandwidth), frame.X(ridge) - frame.X(left));
  for (double along = -50; along <= 50; along += 10) {
    double at_x = x + along * std::cos(angle), at_y = y - along * std::sin(angle);
    labels.Keep({at_x - 12, at_y - 18, at_x + 4, at_y - 2});
  }
  char head[160];
  std::snprintf(head, sizeof head,
                "<text transform=\"translate(%.1f %.1f) rotate(%.1f) translate(0 -6)\" "
                "text-anchor=\"middle\" class=\"limit\">",
                x, y, -angle * 180 / 3.14159265358979);
  return svg + head + Escape("memory " + ByteRate(bandwidth)) + "</text>";
}

std::string Dot(const Frame& frame, const RooflinePoint& point) {
  double x = frame.X(point.flops_per_byte), y = frame.Y(point.flops_per_us);
  char dot[120];
  std::snprintf(dot, sizeof dot, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\">", x, y);
  std::string svg = dot + ("<title>" + Escape(point.label) + ": " + FlopRate(point.flops_per_us) + "</title></circle>");
  if (!point.link.empty()) svg = "<a href=\"#" + Escape(point.link) + "\">" + svg + "</a>";
  if (point.bound_flops_per_us <= point.flops_per_us) return svg;
  return Line("headroom", x, y, x, std::max(kTop, frame.Y(point.bound_flops_per_us))) + svg;
}

}  // namespace

std::string RooflineSvg(const std::vector<RooflinePoint>& points, const DeviceSpec& device) {
  if (points.empty()) return "";
  Frame frame = FrameOf(points, device);
  char head[200];
  std::snprintf(head, sizeof head,
                "<svg class=\"roofline\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" role=\"img\" aria-label=\"roofline "
                "plot\">",
                kWidth, kHeight, 1.35 * kWidth);
  Labels labels;
  std::string svg = head + Axes(frame) + Roofs(frame, device, labels);
  for (const RooflinePoint& point : points) {
    double x = frame.X(point.flops_per_byte), y = frame.Y(point.flops_per_us);
    labels.Keep({x - 5, y - 5, x + 5, y + 5});
    svg += Dot(frame, point);
  }
  for (const RooflinePoint& point : points) {
    svg += labels.Place(frame.X(point.flops_per_byte), frame.Y(point.flops_per_us), point.label);
  }
  return svg + "</svg>";
}

}  // namespace drtriton
