#include "synth/coverage.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "graph/registry.h"

namespace drtriton {
namespace {

// The power of 4 at or below a number of at least 1.
int64_t PowerOf4(double value) {
  return value < 1 ? 0 : static_cast<int64_t>(std::pow(4, std::floor(std::log2(value) / 2)));
}

template <typename Names>
Json HistogramJson(const std::map<int64_t, int64_t>& histogram, const Names& name_of) {
  Json json = Json::object();
  for (const auto& [value, count] : histogram) json[name_of(value)] = count;
  return json;
}

Json HistogramJson(const std::map<int64_t, int64_t>& histogram) {
  return HistogramJson(histogram, [](int64_t value) { return std::to_string(value); });
}

uint64_t PairKey(int producer, int consumer) {
  return static_cast<uint64_t>(producer) << 32 | static_cast<uint64_t>(consumer);
}

}  // namespace

Coverage::Coverage(std::vector<std::string> space) {
  for (const std::string& op : space) PlaceOf(op);
}

int Coverage::PlaceOf(const std::string& op) {
  const auto [found, is_new] = places_.emplace(op, static_cast<int>(names_.size()));
  if (is_new) {
    names_.push_back(op);
    counts_.push_back(0);
  }
  return found->second;
}

void Coverage::Add(const Generated& generated) {
  const Program& program = generated.sample.program;
  ++programs_;
  for (const Node& node : program.nodes) {
    if (IsGlue(node.op)) {
      ++glue_[node.op];
    } else {
      ++counts_[static_cast<size_t>(PlaceOf(node.op))];
    }
  }
  AddPairs(program);
  for (const Value& value : program.values) {
    ++ranks_[static_cast<int64_t>(value.shape.size())];
    ++dtypes_[static_cast<int64_t>(value.dtype)];
  }
  const Difficulty& difficulty = generated.difficulty;
  ++depth_[difficulty.depth];
  ++width_[difficulty.width];
  ++inputs_[difficulty.inputs];
  ++parameters_[difficulty.parameters];
  ++results_[difficulty.results];
  ++largest_[PowerOf4(static_cast<double>(difficulty.largest))];
  ++roofline_us_[PowerOf4(difficulty.roofline_us)];
  ++splits_[static_cast<int64_t>(generated.split)];
}

// Producer and consumer of each tensor between two operators; glue is looked through.
void Coverage::AddPairs(const Program& program) {
  std::vector<std::vector<int>> origins(program.values.size());  // places of the operators that a value comes from
  for (const Node& node : program.nodes) {
    std::vector<int> read;
    for (const ValueId id : node.Inputs()) {
      const std::vector<int>& from = origins[static_cast<size_t>(id)];
      read.insert(read.end(), from.begin(), from.end());
    }
    if (!IsGlue(node.op)) {
      const int place = PlaceOf(node.op);
      for (const int producer : read) ++pairs_[PairKey(producer, place)];
      read = {place};
    }
    for (const ValueId id : node.outputs) {
      if (id >= 0) origins[static_cast<size_t>(id)] = read;
    }
  }
}

Json Coverage::ToJson() const {
  Json operators = Json::object(), kinds = Json::object(), never = Json::array(), pairs = Json::array();
  for (size_t i = 0; i < names_.size(); ++i) {
    operators[names_[i]] = counts_[i];
    const OperatorInfo* const info = FindOperator(names_[i]);
    kinds[names_[i]] = info == nullptr ? "other" : std::string(Name(info->kind));
    if (counts_[i] == 0) never.push_back(names_[i]);
  }
  std::vector<std::pair<uint64_t, int64_t>> sorted(pairs_.begin(), pairs_.end());
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [key, count] : sorted) {
    pairs.push_back(Json::array({names_[key >> 32], names_[key & 0xffffffffu], count}));
  }
  return Json{{"programs", programs_},
              {"operators", std::move(operators)},
              {"kinds", std::move(kinds)},
              {"never", std::move(never)},
              {"pairs", std::move(pairs)},
              {"ranks", HistogramJson(ranks_)},
              {"dtypes", HistogramJson(dtypes_, [](int64_t d) { return std::string(Name(static_cast<DType>(d))); })},
              {"depth", HistogramJson(depth_)},
              {"width", HistogramJson(width_)},
              {"inputs", HistogramJson(inputs_)},
              {"parameters", HistogramJson(parameters_)},
              {"results", HistogramJson(results_)},
              {"largest", HistogramJson(largest_)},
              {"roofline_us", HistogramJson(roofline_us_)},
              {"splits", HistogramJson(splits_, [](int64_t s) { return std::string(Name(static_cast<Split>(s))); })},
              {"glue", glue_}};
}

}  // namespace drtriton
