#include "synth/joint_law.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "base/error.h"
#include "synth/size_menu.h"

namespace drtriton {
namespace {

// Draws that fail in a row before all wirings are looked at.
constexpr int kPatience = 2;
// Draws of a wiring with two or three sinks before it counts as if none were feasible.
constexpr int kMostWidening = 64;
constexpr int kOrders = 12;  // in which sizes are searched for before a wiring counts as infeasible though the search was cut
// Rounds of so many draws without the wiring that was found feasible, after which the sequence is drawn anew: a limit that
// no run has met.
constexpr int kMostRounds = 20000;

}  // namespace

JointLaw::JointLaw(const OperatorSpace& space, const SamplerOptions& options, const OperatorDraw& operators)
    : space_(space), options_(options), operators_(operators) {}

bool JointLaw::Wanted(const Wiring& wiring) const {
  return (options_.depth == 0 || wiring.Depth() == options_.depth) && (options_.width == 0 || wiring.Width() == options_.width);
}

bool JointLaw::DrawSequence(Random& random, std::vector<int>& sequence, double* log_weight) const {
  sequence.clear();
  *log_weight = 0;
  for (int i = 0; i < options_.ops; ++i) sequence.push_back(operators_.Next(sequence, random, log_weight));
  if (options_.every_operator_once && std::set<int>(sequence.begin(), sequence.end()).size() < sequence.size()) return false;
  return operators_.MayEndInOne(sequence);
}

bool JointLaw::IsFeasible(std::span<const int> sequence, int sinks) const {
  const WiringCounter counter(space_, sequence);
  Random random(1, 1);
  SolverOptions solving{.menu = DrawSizeMenu(options_, random), .shared_input = 0};
  Solution solution;
  const auto has_solution = [&](const Wiring& wiring) {
    if (!Wanted(wiring)) return false;
    // A search that was cut short proves nothing: another order of values may do.
    SolveResult result = SolveResult::kGaveUp;
    for (int order = 0; order < kOrders && result == SolveResult::kGaveUp; ++order) result = Solve(wiring, solving, random, solution);
    return result == SolveResult::kSolved;
  };
  const bool any_wiring = options_.depth == 0 && options_.width == 0;
  return counter.Any(sinks, sinks == 1 && any_wiring, has_solution);
}

bool JointLaw::DrawWiring(WiringCounter& counter, int sinks, const SolverOptions& solving, Random& random,
                          Wiring& wiring, Solution& solution) const {
  for (int i = 0; i < kPatience; ++i) {
    wiring = counter.Draw(sinks, random);
    if (Wanted(wiring) && Solve(wiring, solving, random, solution) == SolveResult::kSolved) return true;
  }
  return false;
}

JointLaw::Drawn JointLaw::Draw(Random& random, double room) const {
  Drawn drawn;
  drawn.solving = {.menu = DrawSizeMenu(options_, random, room), .shared_input = options_.shared_input};
  std::vector<int> sequence;
  for (;;) {
    if (!DrawSequence(random, sequence, &drawn.log_weight)) continue;
    WiringCounter counter(space_, sequence);
    if (counter.Count(1) == 0) continue;
    bool found = DrawWiring(counter, 1, drawn.solving, random, drawn.wiring, drawn.solution);
    if (!found && !IsFeasible(sequence)) continue;
    for (int round = 0; !found && round < kMostRounds; ++round)
      found = DrawWiring(counter, 1, drawn.solving, random, drawn.wiring, drawn.solution);
    if (!found) continue;
    if (options_.ops > 1 && !random.Chance(options_.one_output)) Widen(counter, random, drawn);
    break;
  }
  if (options_.law == OperatorLaw::kUniform) drawn.log_weight = 0;
  return drawn;
}

// Two or three sinks instead of one, where such a wiring is feasible.
void JointLaw::Widen(WiringCounter& counter, Random& random, Drawn& drawn) const {
  const int sinks = options_.ops > 2 && random.Chance(0.5) ? 3 : 2;
  if (counter.Count(sinks) == 0) return;
  Drawn wider;
  for (int draws = 0; draws < kMostWidening; draws += kPatience) {
    if (!DrawWiring(counter, sinks, drawn.solving, random, wider.wiring, wider.solution)) continue;
    drawn.wiring = wider.wiring;
    drawn.solution = std::move(wider.solution);
    return;
  }
}

void JointLaw::CheckFeasible() const {
  const std::vector<int>& allowed = operators_.allowed();
  const double sequences = std::pow(static_cast<double>(allowed.size()), options_.ops);
  std::vector<int> sequence(static_cast<size_t>(options_.ops));
  if (sequences <= 4096) {
    for (int64_t number = 0; number < static_cast<int64_t>(sequences); ++number) {
      int64_t rest = number;
      for (int& op : sequence) {
        op = allowed[static_cast<size_t>(rest) % allowed.size()];
        rest /= static_cast<int64_t>(allowed.size());
      }
      if (options_.every_operator_once && std::set<int>(sequence.begin(), sequence.end()).size() < sequence.size()) continue;
      if (operators_.MayEndInOne(sequence) && IsFeasible(sequence)) return;
    }
  } else {
    Random random(1, 2);
    double log_weight = 0;
    for (int i = 0; i < 20000; ++i) {
      if (DrawSequence(random, sequence, &log_weight) && IsFeasible(sequence)) return;
    }
  }
  std::string shape;
  if (options_.depth > 0) shape += " that is " + std::to_string(options_.depth) + " deep";
  if (options_.width > 0) shape += std::string(options_.depth > 0 ? " and " : " that is ") + std::to_string(options_.width) + " wide";
  throw UserError("no program of " + std::to_string(options_.ops) + " operators" + shape + " can be made of these: each result has to be "
                  "an operand of a later operator, with values that are finite and not all the same");
}

}  // namespace drtriton
