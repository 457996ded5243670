// WindowTile: the kernel in which every lane owns one element of the result and walks over its window.
//
// The tile is positions x channels.  Used where windows are not matrix products: depthwise and small-group convolutions,
// float64, pooling.  A reader gives the body:
//
//   WindowTile tile(problem, schedule, kernel);
//   tile.Begin();          // p, c, their masks, where each window starts
//   tile.BeginTaps();      // the loop over taps; `inside` says which lanes are in the operand
//   std::string x = tile.Input("");
//   tile.EndTaps();
#ifndef DRTRITON_TEMPLATES_WINDOW_TILE_H_
#define DRTRITON_TEMPLATES_WINDOW_TILE_H_

#include <string>
#include <vector>

#include "core/device.h"
#include "templates/source.h"
#include "templates/tile.h"
#include "templates/window_problem.h"

namespace drtriton {

struct WindowSchedule {
  bool channels_last = false;   // the tile's fastest dimension: channels, else positions
  int64_t block_p = 256;        // positions
  int64_t block_c = 1;          // channels
  int num_warps = 4;
  double estimated_us = 0;
};

// Best estimate first.  `taps_cost` is what one tap of one element costs beside its load, in float32 instructions.
std::vector<WindowSchedule> WindowSchedules(const WindowProblem& problem, const DeviceSpec& device, double taps_cost);

// "d", "h", "w": the name of spatial dimension `index` of `count`.
const char* SpatialName(size_t count, size_t index);

// The part of a row-major index that runs over `size` with `inner` elements inside: "p // 49 % 7".  `outermost`: nothing
// is outside of it.
std::string PartText(const std::string& index, int64_t inner, int64_t size, bool outermost);

class WindowTile {
 public:
  WindowTile(const WindowProblem& problem, const WindowSchedule& schedule, KernelSource& kernel);

  void Begin();
  void BeginTaps();
  void EndTaps();
  std::vector<std::string> Grid() const;

  // The operand at the current tap; `channel` is the index within the group, empty where there is one.  0 outside of
  // the operand.
  std::string Input(const std::string& channel);
  // The same with another text for what is outside.
  std::string InputOr(const std::string& otherwise);
  std::string Weight(const std::string& channel);
  // Which lanes are inside at the current tap; empty: all.
  const std::string& inside() const { return inside_; }
  // The current tap's place in the operand, row-major over the spatial dimensions.
  std::string PlaceText() const;
  // How many of its taps each window has in the operand; with `padded` those in the padding too.  A number or a variable.
  std::string CountText(bool padded);

  std::string ShapeText() const { return schedule_.channels_last ? "(BLOCK_P, BLOCK_C)" : "(BLOCK_C, BLOCK_P)"; }
  std::string AccumulatorType() const { return problem_.dtype == DType::kFloat64 ? "tl.float64" : "tl.float32"; }
  // Dimensions of the result of one of the problem's windows.
  std::vector<TileDim> ResultDims(const Window& window) const;

 private:
  struct Spatial {
    std::string name;    // "h"
    std::string index;   // the variable for the place in the operand
    std::string start;   // where the window starts; of a transposed convolution the result's place plus padding
    std::string first;   // transposed: the first tap
    std::string tap;     // the current one
  };
  void Starts();
  void StartOf(size_t i, const std::string& position);
  void TapOf(size_t i, const std::string& tap);
  bool LoadMasks() const;

  const WindowProblem& problem_;
  const WindowSchedule& schedule_;
  KernelSource& kernel_;
  TileDim positions_, channels_;
  std::string image_, group_, inside_;
  std::vector<Spatial> spatial_;
};

// Binds the windows' results and writes all stores; `texts` is one a node of the problem.
void StoreWindows(const WindowProblem& problem, const WindowTile& tile, std::vector<std::string> texts,
                  KernelSource& kernel);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_WINDOW_TILE_H_
