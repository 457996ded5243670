#include "synth/sampler.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "synth/growth.h"
#include "synth/joint_law.h"
#include "synth/layers.h"
#include "synth/operator_draw.h"
#include "synth/program_builder.h"
#include "synth/size_goal.h"
#include "synth/size_menu.h"

namespace drtriton {
namespace {

constexpr int kMaxOps = 64;
constexpr int kAttempts = 12;   // draws of shapes until the estimate is fine
constexpr int kFewFills = 6;   // fills tried for each of these draws but the last: other shapes help as often
constexpr int kMostFills = 40;
constexpr int kGoalAttempts = 24;  // likewise, where sizes have to meet more
constexpr int kGoalPrograms = 100;
constexpr int kPrograms = 400;  // programs until one is taken though the estimate finds it of no use

void CheckOptions(const SamplerOptions& options) {
  if (options.ops < 1 || options.ops > kMaxOps)
    throw UserError("the number of operators has to lie between 1 and " + std::to_string(kMaxOps) + ", not " + std::to_string(options.ops));
  const auto probability = [](double p, const char* what) {
    if (!(p >= 0 && p <= 1)) throw UserError(std::string(what) + " has to be a probability between 0 and 1");
  };
  probability(options.glue, "glue");
  probability(options.one_output, "one_output");
  probability(options.low_precision, "low_precision");
  probability(options.parameter, "parameter");
  probability(options.shared_input, "shared_input");
  if (options.depth < 0 || options.depth > options.ops)
    throw UserError("a program of " + std::to_string(options.ops) + " operators cannot be " + std::to_string(options.depth) + " deep");
  if (options.width < 0 || options.width > options.ops)
    throw UserError("a program of " + std::to_string(options.ops) + " operators cannot be " + std::to_string(options.width) + " wide");
  const bool both = options.depth > 0 && options.width > 0;
  if (both && (options.depth + options.width - 1 > options.ops || options.depth * options.width < options.ops))
    throw UserError("a program of " + std::to_string(options.ops) + " operators cannot be " + std::to_string(options.depth) + " deep and " +
                    std::to_string(options.width) + " wide");
}

DType DrawFloats(double low_precision, Random& random) {
  if (!random.Chance(low_precision)) return DType::kFloat32;
  return random.Chance(0.6) ? DType::kBFloat16 : DType::kFloat16;
}

}  // namespace

std::string_view Name(SizeClass size) {
  switch (size) {
    case SizeClass::kTiny:
      return "tiny";
    case SizeClass::kReal:
      return "real";
    case SizeClass::kMixed:
      return "mixed";
  }
  return "";
}

std::string_view Name(OperatorLaw law) { return law == OperatorLaw::kUniform ? "uniform" : "usage"; }

const std::vector<std::string>& SampledOperators() {
  static const auto* const names = [] {
    auto* made = new std::vector<std::string>;
    for (const SpaceOperator& op : TheOperatorSpace().operators) made->push_back(op.info->name);
    return made;
  }();
  return *names;
}

struct Sampler::State {
  explicit State(SamplerOptions given)
      : options(std::move(given)), operators(TheOperatorSpace(), options), joint(TheOperatorSpace(), options, operators), growth(TheOperatorSpace(), options, operators), goal(options) {}

  // Types, shapes and fills are drawn again, a few times, while the estimate foresees no use; then the whole program.
  ProgramBuilder::Finished DrawJointly(DType floats, Random& random, double* log_weight) const {
    const int attempts = goal.any() ? kGoalAttempts : kAttempts;
    for (int programs = 1;; ++programs) {
      JointLaw::Drawn drawn = joint.Draw(random, goal.FirstRoom());
      Solution other;
      *log_weight = drawn.log_weight;
      for (int attempt = 1; attempt <= attempts; ++attempt) {
        ProgramBuilder builder(Building(), random);
        double correction = 1;
        if (Build(builder, drawn)) {
          // In a low precision only the finished program has its bytes.
          if (floats == DType::kFloat32) correction = goal.Correction(builder.program());
          if (correction == 1) {
            ProgramBuilder::Finished finished = builder.Finish(floats, attempt < attempts ? kFewFills : kMostFills);
            correction = goal.Correction(finished.program);
            if (correction == 1 && (finished.fine || programs >= kPrograms)) return finished;
          }
        }
        double& room = drawn.solving.menu.room;
        room = std::clamp(room * correction, 1.0, static_cast<double>(drawn.solving.menu.most_elements));
        if (Solve(drawn.wiring, drawn.solving, random, other) == SolveResult::kSolved) std::swap(drawn.solution, other);
      }
      if (goal.any() && programs == kGoalPrograms) FailGoal();
    }
  }

  [[noreturn]] void FailGoal() const {
    throw UserError("among " + std::to_string(kGoalPrograms) + " programs of " + std::to_string(options.ops) +
                    (options.ops == 1 ? " operator" : " operators") + " none " + goal.Asked() + "; ask for more or less");
  }

  // False where a rule refuses the strides that a tensor turns out to have: the one condition that is not solved for.
  static bool Build(ProgramBuilder& builder, const JointLaw::Drawn& drawn) {
    try {
      builder.Add(drawn.wiring, drawn.solution);
      return true;
    } catch (const UserError&) {
      return false;
    }
  }

  ProgramBuilder::Finished Grow(DType floats, Random& random, double* log_weight) const {
    int stuck = 0;
    double room = goal.FirstRoom();
    for (int attempt = 1;; ++attempt) {
      ProgramBuilder builder(Building(), random);
      if (!Grown(random, builder, room, log_weight)) {
        --attempt;
        if (++stuck == 1000) throw UserError("programs of so many of these operators hardly ever grow to their end");
        continue;
      }
      double correction = floats == DType::kFloat32 ? goal.Correction(builder.program()) : 1;
      if (correction == 1) {
        ProgramBuilder::Finished finished = builder.Finish(floats, kMostFills);
        correction = goal.Correction(finished.program);
        if (correction == 1 && (finished.fine || attempt >= kPrograms)) return finished;
      }
      if (correction != 1) {  // what grows from the same room differs widely: half of the way
        if (room == 0) room = static_cast<double>(MostElements(options)) / 64;
        room = std::clamp(room * std::sqrt(correction), 1.0, static_cast<double>(MostElements(options)));
      }
      if (goal.any() && attempt == kGoalPrograms * kGoalAttempts) FailGoal();
    }
  }

  bool Grown(Random& random, ProgramBuilder& builder, double room, double* log_weight) const {
    try {
      return growth.Draw(random, builder, room, log_weight);
    } catch (const UserError&) {
      return false;
    }
  }

  BuilderOptions Building() const { return {.glue = options.glue, .parameter = options.parameter}; }

  SamplerOptions options;
  OperatorDraw operators;
  JointLaw joint;
  GrowthLaw growth;
  SizeGoal goal;
};

Sampler::Sampler(SamplerOptions options) {
  CheckOptions(options);
  state_ = std::make_unique<State>(std::move(options));
  if (state_->options.ops <= kMaxJointNodes) {
    state_->joint.CheckFeasible();
  } else {
    Random random(1, 3);
    DrawLayers(state_->options, random);  // refuses what cannot be
  }
}

Sampler::~Sampler() = default;
Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;

const SamplerOptions& Sampler::options() const { return state_->options; }

Sample Sampler::Draw(uint64_t seed, uint64_t index) const {
  const SamplerOptions& options = state_->options;
  Random random(seed, index);
  const DType floats = DrawFloats(options.low_precision, random);
  Sample sample;
  sample.ops = options.ops;
  sample.seed = seed;
  sample.index = index;
  sample.law = Name(options.law);
  ProgramBuilder::Finished finished = options.ops <= kMaxJointNodes ? state_->DrawJointly(floats, random, &sample.log_weight)
                                                                    : state_->Grow(floats, random, &sample.log_weight);
  if (options.ops > kMaxJointNodes) sample.law += "-sequential";
  sample.program = std::move(finished.program);
  sample.leaves = std::move(finished.leaves);
  sample.operators = std::move(finished.operators);
  return sample;
}

}  // namespace drtriton
