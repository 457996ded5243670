#include "report/roofline_svg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "report/html.h"

namespace drtriton {
namespace {

constexpr double kWidth = 560, kHeight = 340, kLeft = 74, kRight = 14, kTop = 16, kBottom = 44;

// Decades that the plot spans.
struct Frame {
  double x0, x1, y0, y1;   // log10
  double X(double value) const { return kLeft + (std::log10(value) - x0) / (x1 - x0) * (kWidth - kLeft - kRight); }
  double Y(double value) const {
    return kHeight - kBottom - (std::log10(value) - y0) / (y1 - y0) * (kHeight - kTop - kBottom);
  }
};

Frame FrameOf(const std::vector<RooflinePoint>& points, const DeviceSpec& device) {
  double low_x = 0.1, high_x = 2 * device.bf16_flops_per_us / device.memory_bytes_per_us;
  double low_y = device.fp32_flops_per_us, high_y = 2 * device.bf16_flops_per_us;
  for (const RooflinePoint& point : points) {
    low_x = std::min(low_x, point.flops_per_byte);
    high_x = std::max(high_x, point.flops_per_byte);
    low_y = std::min(low_y, point.flops_per_us);
  }
  return {std::floor(std::log10(low_x)), std::ceil(std::log10(high_x)), std::floor(std::log10(low_y)),
          std::ceil(std::log10(high_y))};
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

std::string Axes(const Frame& frame) {
  std::string svg;
  for (double decade = frame.x0; decade <= frame.x1; ++decade) {
    double x = frame.X(std::pow(10, decade));
    char label[32];
    std::snprintf(label, sizeof label, "%g", std::pow(10, decade));
    svg += Line("grid", x, kTop, x, kHeight - kBottom) + Text(x, kHeight - kBottom + 16, "middle", label);
  }
  for (double decade = frame.y0; decade <= frame.y1; ++decade) {
    double y = frame.Y(std::pow(10, decade));
    svg += Line("grid", kLeft, y, kWidth - kRight, y) + Text(kLeft - 6, y + 4, "end", FlopRate(std::pow(10, decade)));
  }
  return svg + Text((kLeft + kWidth) / 2, kHeight - 8, "middle", "FLOP per byte of memory traffic");
}

// min(bandwidth * intensity, peak), as two lines that meet at the ridge.
std::string Ceiling(const Frame& frame, const DeviceSpec& device, double peak, const std::string& label) {
  double ridge = peak / device.memory_bytes_per_us;
  double right = std::pow(10, frame.x1);
  if (ridge > right) return "";
  return Line("roof", frame.X(ridge), frame.Y(peak), frame.X(right), frame.Y(peak)) +
         Text(frame.X(right) - 4, frame.Y(peak) - 4, "end", label);
}

}  // namespace

std::string RooflineSvg(const std::vector<RooflinePoint>& points, const DeviceSpec& device) {
  if (points.empty()) return "";
  Frame frame = FrameOf(points, device);
  char head[160];
  std::snprintf(head, sizeof head,
                "<svg class=\"roofline\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"roofline plot\">", kWidth,
                kHeight);
  std::string svg = head + Axes(frame);
  double left = std::max(std::pow(10, frame.x0), std::pow(10, frame.y0) / device.memory_bytes_per_us);
  double ridge = std::min(device.bf16_flops_per_us / device.memory_bytes_per_us, std::pow(10, frame.x1));
  svg += Line("roof", frame.X(left), frame.Y(left * device.memory_bytes_per_us), frame.X(ridge),
              frame.Y(ridge * device.memory_bytes_per_us));
  svg += Ceiling(frame, device, device.bf16_flops_per_us, "bf16 " + FlopRate(device.bf16_flops_per_us));
  svg += Ceiling(frame, device, device.tf32_flops_per_us, "tf32 " + FlopRate(device.tf32_flops_per_us));
  svg += Ceiling(frame, device, device.fp32_flops_per_us, "fp32 " + FlopRate(device.fp32_flops_per_us));
  svg += Text(frame.X(left) + 8, kTop + 12, "start", "memory " + ByteRate(device.memory_bytes_per_us));
  for (const RooflinePoint& point : points) {
    char dot[200];
    std::snprintf(dot, sizeof dot, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\">", frame.X(point.flops_per_byte),
                  frame.Y(point.flops_per_us));
    svg += dot + ("<title>" + Escape(point.label) + ": " + FlopRate(point.flops_per_us) + "</title></circle>");
  }
  return svg + "</svg>";
}

}  // namespace drtriton
