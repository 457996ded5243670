#include "synth/growth.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "synth/size_menu.h"

namespace drtriton {
namespace {

constexpr double kFresh = 0.5;      // probability that a further operand is a fresh tensor
constexpr int kPatience = 400;      // failed proposals before the newest result is given up as an output
constexpr int64_t kLooseBound = 8;
constexpr size_t kMostGiven = 200;  // earlier results that may be read

bool Meets(const OperatorForm& form, size_t s, const GivenTensor& given) {
  return (form.accepts[s] & MaskOf(given.type)) && ((form.accepts_rank[s] >> given.shape.size()) & 1);
}

}  // namespace

// What has grown so far.
struct GrowthLaw::Step {
  std::vector<GivenTensor> given;  // results, in the order of `ids`
  std::vector<ValueId> ids;
  size_t newest = 0;  // results from here on are the last node's
  std::vector<int> sequence;
  SolverOptions solving;

  void Take(const ProgramBuilder& builder, const std::vector<ValueId>& results, const Program& program) {
    newest = given.size();
    for (ValueId id : results) {
      if (given.size() == kMostGiven) return;
      // Positions in nothing in particular are filled from 0 to 7.
      const bool loose = builder.TypeOf(id) == ElementType::kIndex && builder.BoundOf(id) == 0;
      given.push_back({builder.TypeOf(id), program.value(id).shape, loose ? kLooseBound : builder.BoundOf(id)});
      ids.push_back(id);
    }
  }
};

GrowthLaw::GrowthLaw(const OperatorSpace& space, const SamplerOptions& options, const OperatorDraw& operators)
    : space_(space), options_(options), operators_(operators) {}

namespace {

// A wiring of one node that reads one of the given tensors from `newest` on; false when the form does not allow one.
bool ProposeWiring(const OperatorForm& form, const std::vector<GivenTensor>& given, size_t newest, Random& random,
                   Wiring& wiring, double* log_weight) {
  std::vector<std::pair<size_t, size_t>> places;  // slot, given
  for (size_t s = 0; s < form.slots.size(); ++s) {
    for (size_t g = newest; g < given.size(); ++g) {
      if (Meets(form, s, given[g])) places.push_back({s, g});
    }
  }
  if (!given.empty() && places.empty()) return false;
  wiring = {};
  wiring.nodes = 1;
  wiring.forms[0] = &form;
  size_t taken = form.slots.size();
  if (!places.empty()) {
    const auto [slot, place] = places[random.Below(static_cast<uint32_t>(places.size()))];
    *log_weight -= std::log(static_cast<double>(places.size()));
    wiring.sources[0][slot] = {kGivenNode, static_cast<int8_t>(place)};
    taken = slot;
  }
  for (size_t s = 0; s < form.slots.size(); ++s) {
    if (s == taken) continue;
    std::vector<size_t> meeting;
    for (size_t g = 0; g < given.size(); ++g) {
      if (Meets(form, s, given[g])) meeting.push_back(g);
    }
    if (meeting.empty()) continue;
    if (random.Chance(kFresh)) {
      *log_weight += std::log(kFresh);
      continue;
    }
    const size_t pick = meeting[random.Below(static_cast<uint32_t>(meeting.size()))];
    *log_weight += std::log((1 - kFresh) / static_cast<double>(meeting.size()));
    wiring.sources[0][s] = {kGivenNode, static_cast<int8_t>(pick)};
  }
  return true;
}

}  // namespace

bool GrowthLaw::Draw(Random& random, ProgramBuilder& builder, double room, double* log_weight) const {
  Step step;
  step.solving = {.menu = DrawSizeMenu(options_, random, room), .shared_input = 0};
  int more_outputs = random.Chance(options_.one_output) ? 0 : random.Chance(0.5) ? 1 : 2;
  std::vector<int> branches;
  for (; more_outputs > 0; --more_outputs) branches.push_back(static_cast<int>(1 + random.Below(static_cast<uint32_t>(options_.ops - 1))));
  *log_weight = 0;
  for (int i = 0; i < options_.ops; ++i) {
    // A branch may go on from any earlier result.
    if (std::find(branches.begin(), branches.end(), i) != branches.end()) step.newest = 0;
    Wiring wiring;
    Solution solution;
    for (int failed = 0;; ++failed) {
      if (failed == kPatience) step.newest = 0;
      if (failed > 4 * kPatience) return false;
      double proposed = 0;
      const int op = operators_.Next(step.sequence, random, &proposed);
      const std::vector<int>& forms = space_.operators[static_cast<size_t>(op)].forms;
      const OperatorForm& form = space_.forms[static_cast<size_t>(forms[random.Below(static_cast<uint32_t>(forms.size()))])];
      proposed -= std::log(static_cast<double>(forms.size()));
      if (!ProposeWiring(form, step.given, step.newest, random, wiring, &proposed)) continue;
      if (Solve(wiring, step.solving, random, solution, step.given) != SolveResult::kSolved) continue;
      step.sequence.push_back(op);
      *log_weight += proposed;
      break;
    }
    builder.Add(wiring, solution, step.ids);
    step.Take(builder, builder.ResultsOf(0), builder.program());
  }
  return true;
}

}  // namespace drtriton
