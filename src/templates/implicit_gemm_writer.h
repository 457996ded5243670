// GemmWriter: the main kernel of one implicit product, top down: which tile, where its windows start, the loop over channels
// and taps (implicit_gemm_writer.cc), the operands' tiles (implicit_gemm_operands.cc), and what follows the sum.
#ifndef DRTRITON_TEMPLATES_IMPLICIT_GEMM_WRITER_H_
#define DRTRITON_TEMPLATES_IMPLICIT_GEMM_WRITER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "templates/implicit_gemm.h"
#include "templates/blocks.h"
#include "templates/layout.h"
#include "templates/window_tile.h"

namespace drtriton {

inline std::string And(const std::string& a, const std::string& b) { return a.empty() ? b : b.empty() ? a : a + " & " + b; }
inline std::string Plus(const std::string& a, const std::string& b) { return a.empty() ? b : b.empty() ? a : a + " + " + b; }

// "h_tap * 56"; nothing where either factor is 0.
inline std::string Times(const std::string& index, int64_t factor) {
  if (index.empty() || index == "0" || factor == 0) return "";
  return factor == 1 ? index : index + " * " + std::to_string(factor);
}

inline std::string Parenthesised(const std::string& text) { return text.find(' ') == std::string::npos ? text : "(" + text + ")"; }

// A number or a variable as a factor or divisor.
struct Amount {
  std::string text;
  bool one = false;
};

class GemmWriter {
 public:
  GemmWriter(const WindowProblem& problem, const GemmSchedule& schedule, KernelSource& kernel, std::optional<ImageView> image, WeightView weight)
      : problem_(problem),
        window_(problem.window()),
        schedule_(schedule),
        kernel_(kernel),
        image_(std::move(image)),
        weight_(std::move(weight)),
        down_(schedule.positions_first ? "[:, None]" : "[None, :]"),
        across_(schedule.positions_first ? "[None, :]" : "[:, None]"),
        wide_(NeedsWideIndex(*problem.lowered) ? ".to(tl.int64)" : "") {
    for (size_t i = 0; i < window_.dims.size(); ++i) {
      dims_.push_back({.name = SpatialName(window_.dims.size(), i), .walk = WalkOf(window_, i)});
      phases_ *= dims_[i].walk.phases;
      positions_ *= dims_[i].walk.positions;
    }
    positions_ *= problem.images;
  }

  std::vector<std::string> Write();   // the grid

 private:
  struct Dim {
    std::string name;         // "h"
    WindowWalk walk;
    std::string start;        // variable: where the window starts, a position
    std::string out;          // variable: the place in the result, where phases make it differ from the position
    std::string first_tap;    // of this phase; a number or a variable
    Amount taps;
    std::string tap;          // the current one, counted within the phase
    std::string index;        // variable: the place in the operand
  };

  void Tile();
  void Phase();
  void PhaseOf(size_t i, const std::string& phase);
  void Starts();
  void Loop();
  void StepLoop(const std::string& taps);
  void FlatLoop();
  void Taps(const std::string& tap);
  void Places(bool blocks);
  std::string ImageTile(const std::string& c, const std::string& c_mask);
  std::string ComputedTile(const std::string& mask);
  std::string PlainTile(const std::string& c, const std::string& mask);
  std::string WeightTile(const std::string& c, const std::string& c_mask);
  std::string WeightTaps() const;
  void Dot(const std::string& image, const std::string& weight);
  void Squeeze();
  void Epilogue();
  std::string Upper(const std::string& text) const;
  std::string PairText(const std::string& m, const std::string& k) const { return schedule_.positions_first ? m + ", " + k : k + ", " + m; }

  const WindowProblem& problem_;
  const Window& window_;
  const GemmSchedule& schedule_;
  KernelSource& kernel_;
  std::optional<ImageView> image_;   // else the input is computed where it is read
  WeightView weight_;
  std::string down_, across_;        // how positions and channels lie in the tile of the result
  std::string wide_;
  std::vector<Dim> dims_;
  int64_t phases_ = 1, positions_ = 1;   // positions of one phase
  std::string m_mask_, n_mask_;
  std::string rows_, weight_rows_;   // variables: the part of the operands' addresses that the loop does not change
  std::string inside_;               // which positions (flat: and taps) are inside of the input; may be empty
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_IMPLICIT_GEMM_WRITER_H_
