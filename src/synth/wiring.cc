#include "synth/wiring.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace drtriton {

int Wiring::Sinks() const {
  unsigned read = 0;
  for (int i = 0; i < nodes; ++i) {
    for (int s = 0; s < forms[static_cast<size_t>(i)]->slot_count(); ++s) {
      const Source& source = sources[static_cast<size_t>(i)][static_cast<size_t>(s)];
      if (source.node >= 0) read |= 1U << source.node;
    }
  }
  return nodes - std::popcount(read);
}

namespace {

// The place of each node on the longest path to it, from 1.
std::array<int, kMaxJointNodes> Levels(const Wiring& wiring) {
  std::array<int, kMaxJointNodes> levels = {};
  for (size_t i = 0; i < static_cast<size_t>(wiring.nodes); ++i) {
    levels[i] = 1;
    for (size_t s = 0; s < wiring.forms[i]->slots.size(); ++s) {
      const Source& source = wiring.sources[i][s];
      if (source.node >= 0) levels[i] = std::max(levels[i], levels[static_cast<size_t>(source.node)] + 1);
    }
  }
  return levels;
}

}  // namespace

int Wiring::Depth() const {
  const auto levels = Levels(*this);
  return *std::max_element(levels.begin(), levels.end());
}

int Wiring::Width() const {
  const auto levels = Levels(*this);
  int width = 0;
  for (int level = 1; level <= nodes; ++level)
    width = std::max(width, static_cast<int>(std::count(levels.begin(), levels.begin() + nodes, level)));
  return width;
}

WiringCounter::WiringCounter(const OperatorSpace& space, std::span<const int> operators)
    : nodes_(static_cast<int>(operators.size())) {
  Require(nodes_ >= 1 && nodes_ <= kMaxJointNodes, "a wiring has one to five nodes");
  std::vector<Forms> choices(1);
  for (size_t i = 0; i < operators.size(); ++i) {
    const std::vector<int>& forms = space.operators[static_cast<size_t>(operators[i])].forms;
    std::vector<Forms> longer;
    for (const Forms& head : choices) {
      for (int form : forms) {
        longer.push_back(head);
        longer.back()[i] = &space.forms[static_cast<size_t>(form)];
      }
    }
    choices = std::move(longer);
  }
  for (const Forms& forms : choices) tables_.push_back(MakeTable(forms));
}

WiringCounter::Table WiringCounter::MakeTable(const Forms& forms) const {
  Table table;
  table.forms = forms;
  for (size_t i = 0; i < static_cast<size_t>(nodes_); ++i) {
    const OperatorForm& form = *forms[i];
    for (size_t s = 0; s < form.slots.size(); ++s) {
      for (size_t j = 0; j < i; ++j) {
        for (size_t k = 0; k < static_cast<size_t>(forms[j]->results); ++k) {
          const bool meets = (forms[j]->gives[k] & form.accepts[s]) && (forms[j]->gives_rank[k] & form.accepts_rank[s]);
          table.offers[i][s][j] += meets ? 1 : 0;
        }
      }
    }
    for (unsigned set = 0; set < (1U << i); ++set) {
      double ways = 1;
      for (size_t s = 0; s < form.slots.size(); ++s) {
        int sources = 1;
        for (size_t j = 0; j < i; ++j) sources += (set >> j) & 1U ? table.offers[i][s][j] : 0;
        ways *= sources;
      }
      table.fill[i][set] = ways;
    }
  }
  return table;
}

std::array<double, 1 << (kMaxJointNodes - 1)> WiringCounter::WaysToRead(const Table& table, int node,
                                                                      unsigned open) const {
  const unsigned earlier = (1U << node) - 1;
  const auto& fill = table.fill[static_cast<size_t>(node)];
  std::array<double, 1 << (kMaxJointNodes - 1)> ways = {};
  for (unsigned set = open;; set = (set - 1) & open) {
    ways[set] = fill[(earlier & ~open) | set];
    if (set == 0) break;
  }
  // From "at most those" to "exactly those", by inclusion and exclusion.
  for (int j = 0; j < node; ++j) {
    if (!((open >> j) & 1U)) continue;
    for (unsigned set = open;; set = (set - 1) & open) {
      if ((set >> j) & 1U) ways[set] -= ways[set ^ (1U << j)];
      if (set == 0) break;
    }
  }
  return ways;
}

void WiringCounter::CountRest(Table& table, int sinks) const {
  for (unsigned open = 0; open < (1U << nodes_); ++open)
    table.rest[static_cast<size_t>(nodes_)][open] = std::popcount(open) == sinks ? 1 : 0;
  for (int i = nodes_ - 1; i >= 0; --i) {
    for (unsigned open = 0; open < (1U << i); ++open) {
      const auto ways = WaysToRead(table, i, open);
      double total = 0;
      for (unsigned read = open;; read = (read - 1) & open) {
        total += ways[read] * table.rest[static_cast<size_t>(i) + 1][(open & ~read) | (1U << i)];
        if (read == 0) break;
      }
      table.rest[static_cast<size_t>(i)][open] = total;
    }
  }
}

double WiringCounter::Count(int sinks) {
  if (counted_ != sinks) {
    for (Table& table : tables_) CountRest(table, sinks);
    counted_ = sinks;
  }
  double total = 0;
  for (const Table& table : tables_) total += table.rest[0][0];
  return total;
}

Wiring WiringCounter::Draw(int sinks, Random& random) {
  Require(Count(sinks) > 0, "no wiring has so many sinks");
  size_t chosen = 0;
  if (tables_.size() > 1) {
    std::vector<double> counts;
    for (const Table& table : tables_) counts.push_back(table.rest[0][0]);
    chosen = static_cast<size_t>(random.Weighted(counts, static_cast<int>(counts.size())));
  }
  const Table& table = tables_[chosen];
  Wiring wiring;
  wiring.nodes = nodes_;
  wiring.forms = table.forms;
  unsigned open = 0;
  for (int i = 0; i < nodes_; ++i) {
    auto ways = WaysToRead(table, i, open);
    for (unsigned read = 0; read < (1U << i); ++read) {
      const bool subset = (read & ~open) == 0;
      ways[read] = subset ? ways[read] * table.rest[static_cast<size_t>(i) + 1][(open & ~read) | (1U << i)] : 0;
    }
    const unsigned read = static_cast<unsigned>(random.Weighted(ways, 1 << i));
    DrawSources(table, i, open, read, wiring, random);
    open = (open & ~read) | (1U << i);
  }
  return wiring;
}

// Uniform over the ways in which node i reads, of the unread nodes, exactly those in `read`.
void WiringCounter::DrawSources(const Table& table, int node, unsigned open, unsigned read, Wiring& wiring,
                                Random& random) const {
  const size_t i = static_cast<size_t>(node);
  const OperatorForm& form = *table.forms[i];
  const unsigned available = (((1U << node) - 1) & ~open) | read;
  unsigned covered = 0;
  do {
    covered = 0;
    for (size_t s = 0; s < form.slots.size(); ++s) {
      uint32_t sources = 1;
      for (int j = 0; j < node; ++j) sources += (available >> j) & 1U ? table.offers[i][s][static_cast<size_t>(j)] : 0;
      uint32_t pick = random.Below(sources);
      Source source;
      if (pick-- > 0) {
        for (int j = 0; j < node && source.node < 0; ++j) {
          if (!((available >> j) & 1U)) continue;
          const OperatorForm& from = *table.forms[static_cast<size_t>(j)];
          for (int k = 0; k < from.results; ++k) {
            const size_t r = static_cast<size_t>(k);
            if (!(from.gives[r] & form.accepts[s]) || !(from.gives_rank[r] & form.accepts_rank[s])) continue;
            if (pick-- != 0) continue;
            source = {static_cast<int8_t>(j), static_cast<int8_t>(k)};
            break;
          }
        }
        covered |= 1U << source.node;
      }
      wiring.sources[i][s] = source;
    }
  } while ((covered & read) != read);
}

bool WiringCounter::Any(int sinks, bool trees_only, const std::function<bool(const Wiring&)>& visit) const {
  for (const Table& table : tables_) {
    Wiring wiring;
    wiring.nodes = nodes_;
    wiring.forms = table.forms;
    if (Extend(table, 0, 0, sinks, trees_only, wiring, visit)) return true;
  }
  return false;
}

bool WiringCounter::Extend(const Table& table, int node, int slot, int sinks, bool trees_only, Wiring& wiring,
                           const std::function<bool(const Wiring&)>& visit) const {
  if (node == nodes_) return wiring.Sinks() == sinks && visit(wiring);
  const size_t i = static_cast<size_t>(node);
  const OperatorForm& form = *table.forms[i];
  if (slot == form.slot_count()) return Extend(table, node + 1, 0, sinks, trees_only, wiring, visit);
  const size_t s = static_cast<size_t>(slot);
  const auto is_read = [&](int j) {
    for (size_t a = 0; a <= i; ++a) {
      const size_t slots = a == i ? s : table.forms[a]->slots.size();
      for (size_t b = 0; b < slots; ++b) {
        if (wiring.sources[a][b].node == j) return true;
      }
    }
    return false;
  };
  wiring.sources[i][s] = {};
  if (Extend(table, node, slot + 1, sinks, trees_only, wiring, visit)) return true;
  for (int j = 0; j < node; ++j) {
    wiring.sources[i][s] = {};
    if (trees_only && is_read(j)) continue;
    const OperatorForm& from = *table.forms[static_cast<size_t>(j)];
    for (int k = 0; k < from.results; ++k) {
      const size_t r = static_cast<size_t>(k);
      if (!(from.gives[r] & form.accepts[s]) || !(from.gives_rank[r] & form.accepts_rank[s])) continue;
      wiring.sources[i][s] = {static_cast<int8_t>(j), static_cast<int8_t>(k)};
      if (Extend(table, node, slot + 1, sinks, trees_only, wiring, visit)) return true;
    }
  }
  wiring.sources[i][s] = {};
  return false;
}

}  // namespace drtriton
