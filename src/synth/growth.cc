#include "synth/growth.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "synth/layers.h"
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
  std::vector<int> node_of;   // by result: the operator that gave it
  std::vector<int> layer_of;  // by operator
  std::vector<uint8_t> read;  // by operator: some result is read
  size_t newest = 0;          // results from here on are the last operator's
  std::vector<int> sequence;
  SolverOptions solving;

  // `layer`: of the operator whose results these are.
  void Take(const ProgramBuilder& builder, const std::vector<ValueId>& results, const Program& program, int layer) {
    newest = given.size();
    layer_of.push_back(layer);
    read.push_back(0);
    for (ValueId id : results) {
      if (given.size() == kMostGiven) return;
      // Positions in nothing in particular are filled from 0 to 7.
      const bool loose = builder.TypeOf(id) == ElementType::kIndex && builder.BoundOf(id) == 0;
      given.push_back({builder.TypeOf(id), program.value(id).shape, loose ? kLooseBound : builder.BoundOf(id)});
      ids.push_back(id);
      node_of.push_back(static_cast<int>(layer_of.size()) - 1);
    }
  }

  bool IsUnread(size_t g) const { return read[static_cast<size_t>(node_of[g])] == 0; }

  void Read(const Wiring& wiring) {
    for (size_t s = 0; s < wiring.forms[0]->slots.size(); ++s) {
      const Source& source = wiring.sources[0][s];
      if (source.node == kGivenNode) read[static_cast<size_t>(node_of[static_cast<uint8_t>(source.result)])] = 1;
    }
  }
};

// What the next operator may read.
struct GrowthLaw::Offer {
  bool needs_first = false;    // one of `first` has to be read
  std::vector<uint8_t> first;  // by given tensor
  std::vector<uint8_t> other;
  std::vector<uint8_t> unread;
  int reads = 0;  // unread results of different operators, at least
};

GrowthLaw::GrowthLaw(const OperatorSpace& space, const SamplerOptions& options, const OperatorDraw& operators)
    : space_(space), options_(options), operators_(operators) {}

// A wiring of one node that keeps to the offer; false when the form does not allow one.
bool GrowthLaw::ProposeWiring(const OperatorForm& form, const Step& step, const Offer& offer, Random& random, Wiring& wiring,
                              double* log_weight) {
  const std::vector<GivenTensor>& given = step.given;
  std::vector<std::pair<size_t, size_t>> places;  // slot, given
  for (size_t s = 0; s < form.slots.size(); ++s) {
    for (size_t g = 0; g < given.size(); ++g) {
      if (offer.first[g] && Meets(form, s, given[g])) places.push_back({s, g});
    }
  }
  if (offer.needs_first && places.empty()) return false;
  wiring = {};
  wiring.nodes = 1;
  wiring.forms[0] = &form;
  size_t taken = form.slots.size();
  std::vector<int> met;  // operators whose unread results are read
  const auto take = [&](size_t slot, size_t g) {
    wiring.sources[0][slot] = {kGivenNode, static_cast<int8_t>(g)};
    if (offer.unread[g] && std::find(met.begin(), met.end(), step.node_of[g]) == met.end()) met.push_back(step.node_of[g]);
  };
  if (!places.empty()) {
    const auto [slot, place] = places[random.Below(static_cast<uint32_t>(places.size()))];
    *log_weight -= std::log(static_cast<double>(places.size()));
    take(slot, place);
    taken = slot;
  }
  for (size_t s = 0; s < form.slots.size(); ++s) {
    if (s == taken) continue;
    // Where more has to be read, only that is offered.
    const bool must = static_cast<int>(met.size()) < offer.reads;
    std::vector<size_t> meeting;
    for (size_t g = 0; g < given.size(); ++g) {
      const bool again = must && (!offer.unread[g] || std::find(met.begin(), met.end(), step.node_of[g]) != met.end());
      if (offer.other[g] && !again && Meets(form, s, given[g])) meeting.push_back(g);
    }
    if (meeting.empty()) continue;
    if (!must && random.Chance(kFresh)) {
      *log_weight += std::log(kFresh);
      continue;
    }
    const size_t pick = meeting[random.Below(static_cast<uint32_t>(meeting.size()))];
    *log_weight += std::log((must ? 1 : 1 - kFresh) / static_cast<double>(meeting.size()));
    take(s, pick);
  }
  return static_cast<int>(met.size()) >= offer.reads;
}

// Without layers the next operator reads one of the newest results; with them one of the layer before, an unread one if any.
GrowthLaw::Offer GrowthLaw::MakeOffer(const Step& step, const std::vector<int>& layers, size_t i) const {
  const size_t count = step.given.size();
  Offer offer{.needs_first = count > 0, .first = std::vector<uint8_t>(count, 0), .other = std::vector<uint8_t>(count, 1), .unread = std::vector<uint8_t>(count, 0)};
  if (layers.empty()) {
    std::fill(offer.first.begin() + static_cast<ptrdiff_t>(step.newest), offer.first.end(), 1);
    return offer;
  }
  const int layer = layers[i];
  offer.needs_first = layer > 1;
  bool any_unread = false;
  for (size_t g = 0; g < count; ++g) {
    const int from = step.layer_of[static_cast<size_t>(step.node_of[g])];
    offer.other[g] = from < layer ? 1 : 0;
    offer.unread[g] = from < layer && step.IsUnread(g) ? 1 : 0;
    offer.first[g] = from == layer - 1 ? 1 : 0;
    any_unread = any_unread || (offer.first[g] && offer.unread[g]);
  }
  for (size_t g = 0; g < count && any_unread; ++g) offer.first[g] = offer.first[g] && offer.unread[g] ? 1 : 0;
  const auto unread = std::count(step.read.begin(), step.read.end(), 0);
  if (layer > 1) offer.reads = LeastReads(static_cast<int>(unread), static_cast<int>(layers.size() - i));
  return offer;
}

bool GrowthLaw::Draw(Random& random, ProgramBuilder& builder, double room, double* log_weight) const {
  Step step;
  step.solving = {.menu = DrawSizeMenu(options_, random, room), .shared_input = 0};
  const std::vector<int> layers = DrawLayers(options_, random);
  std::vector<int> branches;
  if (layers.empty()) {
    int more_outputs = random.Chance(options_.one_output) ? 0 : random.Chance(0.5) ? 1 : 2;
    for (; more_outputs > 0; --more_outputs) branches.push_back(static_cast<int>(1 + random.Below(static_cast<uint32_t>(options_.ops - 1))));
  }
  *log_weight = 0;
  for (int i = 0; i < options_.ops; ++i) {
    // A branch may go on from any earlier result.
    if (std::find(branches.begin(), branches.end(), i) != branches.end()) step.newest = 0;
    Wiring wiring;
    Solution solution;
    Offer offer = MakeOffer(step, layers, static_cast<size_t>(i));
    for (int failed = 0;; ++failed) {
      if (failed == kPatience && layers.empty()) {
        step.newest = 0;
        offer = MakeOffer(step, layers, static_cast<size_t>(i));
      }
      if (failed > 4 * kPatience) return false;
      double proposed = 0;
      const int op = operators_.Next(step.sequence, random, &proposed);
      const std::vector<int>& forms = space_.operators[static_cast<size_t>(op)].forms;
      const OperatorForm& form = space_.forms[static_cast<size_t>(forms[random.Below(static_cast<uint32_t>(forms.size()))])];
      proposed -= std::log(static_cast<double>(forms.size()));
      if (!ProposeWiring(form, step, offer, random, wiring, &proposed)) continue;
      if (Solve(wiring, step.solving, random, solution, step.given) != SolveResult::kSolved) continue;
      step.sequence.push_back(op);
      *log_weight += proposed;
      break;
    }
    builder.Add(wiring, solution, step.ids);
    step.Read(wiring);
    step.Take(builder, builder.ResultsOf(0), builder.program(), layers.empty() ? 0 : layers[static_cast<size_t>(i)]);
  }
  return layers.empty() || std::count(step.read.begin(), step.read.end(), 0) <= kMostOutputs;
}

}  // namespace drtriton
