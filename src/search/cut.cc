// Greedy agglomeration over a graph of groups; see cut.h for the idea and cut_test.cc for its cases.
#include "search/cut.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <queue>
#include <set>

#include "base/error.h"
#include "base/hash.h"
#include "graph/program_json.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

class Cutter {
 public:
  Cutter(const Program& program, const std::vector<const Proposer*>& proposers, const CutOptions& options)
      : program_(program), proposers_(proposers), options_(options), users_(program.Users()) {
    for (ValueId id : program.Results()) results_.insert(id);
  }

  std::vector<Region> Run() {
    Start();
    AttachViewsToReaders();
    if (options_.fuse) {
      // A round may enable another (two linears meet only after the activation joined the first); rounds are few.
      while (MergeRound()) {
      }
      if (options_.sideways) MergeSideways();
    }
    AttachViewsToProducers();
    return Ordered();
  }

 private:
  struct Group {
    std::vector<int32_t> nodes;
    std::optional<std::string> why_not;   // nullopt: covered
    bool view = false;                    // nothing but views, for PyTorch
    bool alive = true;
    int64_t bytes = 0;
  };

  void Start() {
    group_of_.resize(program_.nodes.size());
    for (int32_t node = 0; node < static_cast<int32_t>(program_.nodes.size()); ++node) {
      Group group{{node}, std::nullopt, IsView(program_.nodes[node].op), true, 0};
      if (group.view) {
        group.why_not = "view";
      } else if (options_.keep_in_torch && options_.keep_in_torch(node)) {
        group.why_not = "kept as the vendor's kernel";
      } else {
        Assess(group);
      }
      group_of_[node] = static_cast<int>(groups_.size());
      groups_.push_back(std::move(group));
    }
  }

  // Asks the proposers and measures the traffic of a candidate group.
  void Assess(Group& group) const {
    Fragment fragment = ExtractFragment(program_, group.nodes, "probe");
    group.bytes = 0;
    for (ValueId id : fragment.Inputs()) group.bytes += fragment.program.value(id).Bytes();
    for (ValueId id : fragment.Results()) group.bytes += fragment.program.value(id).Bytes();
    std::optional<std::string> first;
    for (const Proposer* proposer : proposers_) {
      std::optional<std::string> reason = proposer->WhyNot(fragment);
      if (!reason) {
        group.why_not = std::nullopt;
        group.bytes += proposer->BytesBetweenKernels(fragment);
        return;
      }
      if (!first) first = reason;
    }
    group.why_not = first ? *first : std::string("no proposer was asked for");
  }

  // A view has one reader.  Where that reader's group can start from the view's base, the view joins it.
  void AttachViewsToReaders() {
    for (int32_t node = static_cast<int32_t>(program_.nodes.size()) - 1; node >= 0; --node) {
      int view = group_of_[node];
      if (!groups_[view].view) continue;
      std::optional<int32_t> reader = OnlyReader(node);
      if (reader && !groups_[group_of_[*reader]].why_not) TryMerge(view, group_of_[*reader], /*must_save=*/false);
    }
  }

  // A view that is a result, or that PyTorch reads, can be had for nothing from the kernel that writes its base, which
  // saves the caller a call.
  void AttachViewsToProducers() {
    for (int32_t node = 0; node < static_cast<int32_t>(program_.nodes.size()); ++node) {
      int view = group_of_[node];
      if (!groups_[view].view) continue;
      for (int producer : Producers(view)) {
        if (groups_[producer].why_not || !OnlyReadBy(producer, view)) continue;
        if (TryMerge(producer, view, /*must_save=*/false)) break;
      }
    }
  }

  bool MergeRound() {
    bool merged = false;
    for (int32_t node = 0; node < static_cast<int32_t>(program_.nodes.size()); ++node) {
      // Producers first: an operator prefers to be the epilogue of what feeds it over being the prologue of its reader.
      for (bool again = true; again;) {
        again = false;
        for (int producer : Producers(group_of_[node])) {
          if (groups_[producer].why_not || groups_[group_of_[node]].why_not) continue;
          if (TryMerge(producer, group_of_[node], /*must_save=*/true)) {
            merged = again = true;
            break;
          }
        }
      }
    }
    return merged;
  }

  // Groups that read one value, in the order of its readers; the first takes in the others one by one.
  void MergeSideways() {
    for (const std::vector<int32_t>& readers : users_) {
      for (size_t a = 0; a < readers.size(); ++a) {
        for (size_t b = a + 1; b < readers.size(); ++b) {
          int first = group_of_[readers[a]];
          int second = group_of_[readers[b]];
          if (groups_[first].why_not || groups_[second].why_not) continue;
          if (!PathThroughOthers(second, first)) TryMerge(first, second, /*must_save=*/true);
        }
      }
    }
  }

  // Groups that feed `group`, nearest (highest node number) first.
  std::vector<int> Producers(int group) const {
    std::map<int32_t, int, std::greater<>> by_last_node;
    for (int32_t node : groups_[group].nodes) {
      for (ValueId input : program_.nodes[node].Inputs()) {
        const Value& value = program_.value(input);
        if (value.kind != ValueKind::kNode || group_of_[value.node] == group) continue;
        by_last_node[value.node] = group_of_[value.node];
      }
    }
    std::vector<int> producers;
    for (const auto& [node, producer] : by_last_node) {
      if (std::find(producers.begin(), producers.end(), producer) == producers.end()) producers.push_back(producer);
    }
    return producers;
  }

  std::optional<int32_t> OnlyReader(int32_t node) const {
    std::set<int32_t> readers;
    for (ValueId output : program_.nodes[node].outputs) {
      if (output >= 0) readers.insert(users_[output].begin(), users_[output].end());
    }
    if (readers.size() != 1 || IsResult(node)) return std::nullopt;
    return *readers.begin();
  }

  bool IsResult(int32_t node) const {
    const std::vector<ValueId>& outputs = program_.nodes[node].outputs;
    return std::any_of(outputs.begin(), outputs.end(), [this](ValueId id) { return results_.count(id) > 0; });
  }

  // Whether the base of the view group `view` inside `producer` is read by nobody but that view.
  bool OnlyReadBy(int producer, int view) const {
    for (int32_t node : groups_[view].nodes) {
      for (ValueId input : program_.nodes[node].Inputs()) {
        const Value& value = program_.value(input);
        if (value.kind != ValueKind::kNode || group_of_[value.node] != producer) continue;
        if (users_[input].size() != 1 || results_.count(input) > 0) return false;
      }
    }
    return true;
  }

  int64_t Products(const Group& group) const {
    return std::count_if(group.nodes.begin(), group.nodes.end(),
                         [this](int32_t node) { return IsProduct(program_.nodes[node].op); });
  }

  // Whether it puts elements in other places than they were in, by more than a view.
  bool Arranges(const Group& group) const {
    return std::any_of(group.nodes.begin(), group.nodes.end(), [this](int32_t node) {
      const OperatorSpec* spec = FindOperator(program_.nodes[node].op);
      if (spec == nullptr || spec->kind != OpKind::kMovement) return false;
      const std::vector<ValueId> inputs = program_.nodes[node].Inputs();
      return inputs.size() != 1 || program_.value(inputs[0]).shape != program_.value(program_.nodes[node].outputs[0]).shape;
    });
  }

  // Whether a result depends on many elements of an input.
  bool Gathers(const Group& group) const {
    return std::any_of(group.nodes.begin(), group.nodes.end(), [this](int32_t node) {
      const OperatorSpec* spec = FindOperator(program_.nodes[node].op);
      static const std::set<OpKind> kNot{OpKind::kPointwise, OpKind::kView, OpKind::kMovement, OpKind::kCreation, OpKind::kRandom};
      return spec != nullptr && kNot.count(spec->kind) == 0;
    });
  }

  bool TryMerge(int producer, int consumer, bool must_save) {
    if (producer == consumer || PathThroughOthers(producer, consumer)) return false;
    Group merged;
    std::merge(groups_[producer].nodes.begin(), groups_[producer].nodes.end(), groups_[consumer].nodes.begin(),
               groups_[consumer].nodes.end(), std::back_inserter(merged.nodes));
    if (refused_.count(merged.nodes) > 0 || (options_.one_product && Products(merged) > 1)) return false;
    if (options_.arranging_apart && Arranges(merged) && Gathers(merged)) return false;
    Assess(merged);
    bool saves = merged.bytes < groups_[producer].bytes + groups_[consumer].bytes;
    if (merged.why_not || (must_save && !saves)) {
      refused_.insert(merged.nodes);
      return false;
    }
    for (int32_t node : groups_[consumer].nodes) group_of_[node] = producer;
    groups_[consumer].alive = false;
    groups_[producer] = std::move(merged);
    return true;
  }

  // Whether `to` can be reached from `from` by a path through a third group: merging the two would make a cycle.
  bool PathThroughOthers(int from, int to) const {
    std::set<int> seen;
    std::vector<int> open;
    auto push = [&](int group, bool first) {
      for (int next : Consumers(group)) {
        if (first && next == to) continue;
        if (seen.insert(next).second) open.push_back(next);
      }
    };
    push(from, true);
    while (!open.empty()) {
      int group = open.back();
      open.pop_back();
      if (group == to) return true;
      push(group, false);
    }
    return false;
  }

  std::set<int> Consumers(int group) const {
    std::set<int> consumers;
    for (int32_t node : groups_[group].nodes) {
      for (ValueId output : program_.nodes[node].outputs) {
        if (output < 0) continue;
        for (int32_t user : users_[output]) {
          if (group_of_[user] != group) consumers.insert(group_of_[user]);
        }
      }
    }
    return consumers;
  }

  // Topological order of the groups, earliest first node first among those that are ready.
  std::vector<Region> Ordered() const {
    std::map<int, std::set<int>> waits_for;
    for (size_t group = 0; group < groups_.size(); ++group) {
      if (!groups_[group].alive) continue;
      std::vector<int> producers = Producers(static_cast<int>(group));
      waits_for[static_cast<int>(group)] = {producers.begin(), producers.end()};
    }
    std::vector<Region> regions;
    std::set<int> done;
    while (!waits_for.empty()) {
      int best = -1;
      for (const auto& [group, producers] : waits_for) {
        bool ready = std::includes(done.begin(), done.end(), producers.begin(), producers.end());
        if (ready && (best < 0 || groups_[group].nodes.front() < groups_[best].nodes.front())) best = group;
      }
      Require(best >= 0, "the cut has a cycle");
      regions.push_back({groups_[best].nodes, !groups_[best].why_not, groups_[best].why_not.value_or("")});
      done.insert(best);
      waits_for.erase(best);
    }
    return regions;
  }

  const Program& program_;
  const std::vector<const Proposer*>& proposers_;
  const CutOptions& options_;
  std::vector<std::vector<int32_t>> users_;
  std::set<ValueId> results_;
  std::vector<Group> groups_;
  std::vector<int> group_of_;
  std::set<std::vector<int32_t>> refused_;
};

// "aten.softmax.int" -> "softmax", "aten._native_batch_norm_legit_no_training.default" -> "batch_norm".
std::string ShortOperatorName(const std::string& op) {
  size_t first = op.find('.');
  size_t last = op.rfind('.');
  std::string name = first == std::string::npos ? op : op.substr(first + 1, last - first - 1);
  if (name.find("batch_norm") != std::string::npos) return "batch_norm";
  name.erase(0, name.find_first_not_of('_'));
  return name;
}

}  // namespace

std::vector<Region> Cut(const Program& program, const std::vector<const Proposer*>& proposers,
                        const CutOptions& options) {
  return Cutter(program, proposers, options).Run();
}

std::string FragmentName(const Program& program, const std::vector<int32_t>& nodes, size_t position) {
  char prefix[16];
  std::snprintf(prefix, sizeof prefix, "f%02zu", position);
  std::string name = prefix;
  int words = 0;
  for (int32_t node : nodes) {
    const std::string& op = program.nodes[node].op;
    if (IsView(op)) continue;
    if (++words > 4) {
      name += "_etc";
      break;
    }
    name += "_" + ShortOperatorName(op);
  }
  return name;
}

std::string FragmentKey(const Fragment& fragment) {
  Program anonymous = fragment.program;
  anonymous.name = "fragment";
  for (size_t i = 0; i < anonymous.values.size(); ++i) {
    anonymous.values[i].name = "v" + std::to_string(i);
    anonymous.values[i].target.clear();
  }
  return Sha256(ToJson(anonymous).dump());
}

}  // namespace drtriton
