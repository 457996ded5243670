// Tested by mutants_test.cc.
#include "execute/program_sets.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "execute/operator_name.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

constexpr double kLeast = 1e-3, kMost = 1e3;   // epsilons and limits of types are no thresholds

// Arguments that are numbers but no values.
bool IsValueArgument(const std::string& name) {
  static const std::set<std::string> kOthers = {"eps", "momentum", "p", "dropout_p", "scale", "scale_factors", "scales", "alpha", "label_smoothing"};
  return !kOthers.contains(name);
}

// What a value is a view, in whatever form, of.
ValueId BehindViews(const Program& program, ValueId id) {
  while (program.value(id).node >= 0) {
    const Node& node = program.nodes[static_cast<size_t>(program.value(id).node)];
    if (!IsGlue(node.op) || node.Inputs().empty()) break;
    id = node.Inputs().front();
  }
  return id;
}

}  // namespace

ProgramSets::ProgramSets(const Program& program) {
  static const std::set<std::string> kAskForNan = {"nan_to_num", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "nansum", "nanmean"};
  std::set<double> constants;
  for (const Node& node : program.nodes) {
    asks_for_nan_ = asks_for_nan_ || kAskForNan.contains(BaseName(node.op));
    const Schema& schema = SchemaOf(node);
    for (size_t i = 0; i < node.args.size() && i < schema.arguments.size(); ++i) {
      const Attr& arg = node.args[i];
      const bool number = arg.Is<double>() || (arg.Is<int64_t>() && schema.arguments[i].type == ArgType::kScalar);
      if (!number || !IsValueArgument(schema.arguments[i].name)) continue;
      const double size = std::fabs(arg.AsDouble());
      if (size >= kLeast && size <= kMost) constants.insert(arg.AsDouble());
    }
    const int target = schema.Find("target"), ignore = schema.Find("ignore_index");
    if (target < 0 || ignore < 0 || !node.args[static_cast<size_t>(target)].IsValue()) continue;
    const ValueId id = BehindViews(program, node.args[static_cast<size_t>(target)].AsValue());
    if (program.value(id).kind == ValueKind::kInput && !IsFloating(program.value(id).dtype)) ignored_.emplace_back(id, node.args[static_cast<size_t>(ignore)].AsInt());
  }
  constants_.assign(constants.begin(), constants.end());
}

std::vector<std::string> ProgramSets::Names() const {
  std::vector<std::string> names;
  if (!constants_.empty()) names.emplace_back("thresholds");
  if (!ignored_.empty()) names.emplace_back("ignored");
  // What stands for infinities may dwarf everything else: once without each.
  if (asks_for_nan_) names.insert(names.end(), {"special", "special low", "special high"});
  return names;
}

std::optional<at::Tensor> ProgramSets::Draw(const std::string& name, ValueId input, const at::Tensor& own) const {
  if (name == "ignored") {
    for (const auto& [id, ignored] : ignored_) {
      if (id == input) return at::where(at::rand(own.sizes(), own.options().dtype(at::kFloat)) < 0.3, at::scalar_tensor(ignored, own.options()), own);
    }
    return std::nullopt;
  }
  if (!own.is_floating_point()) return std::nullopt;
  if (name.starts_with("special")) {
    // A tenth NaN, a twentieth each infinity, and at least one of each where there is room.
    const double infinity = INFINITY;
    at::Tensor drawn = own.reshape({-1}).clone();
    const at::Tensor places = at::randperm(own.numel(), own.options().dtype(at::kLong));
    int64_t next = 0;
    for (const auto& [special, share] : {std::pair(-infinity, 20), std::pair(infinity, 20), std::pair<double, int>(NAN, 10)}) {
      if ((special == infinity && name == "special low") || (special == -infinity && name == "special high")) continue;
      const int64_t count = std::min(own.numel() - next, std::max<int64_t>(1, own.numel() / share));
      drawn.index_fill_(0, places.narrow(0, next, count), special);
      next += count;
    }
    return drawn.view(own.sizes());
  }
  if (name != "thresholds") return std::nullopt;
  // Each element beside one of the constants: within a third of it, on either side, or on the constant itself.
  const at::Tensor numbers = at::tensor(constants_, at::TensorOptions().dtype(at::kDouble)).to(own.options());
  const at::Tensor chosen = numbers.index_select(0, at::randint(numbers.size(0), {own.numel()}, own.options().dtype(at::kLong))).view(own.sizes());
  const at::Tensor beside = at::randn_like(chosen).mul_(0.3).add_(1);
  return at::where(at::rand(own.sizes(), own.options().dtype(at::kFloat)) < 0.1, chosen, chosen * beside);
}

}  // namespace drtriton
