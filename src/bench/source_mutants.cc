#include "bench/source_mutants.h"

#include <algorithm>
#include <optional>
#include <regex>
#include <string_view>

namespace drtriton {
namespace {

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return lines;
}

std::string Joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

// Which lines are the body of a @triton.jit function.
std::vector<bool> KernelLines(const std::vector<std::string>& lines) {
  std::vector<bool> inside(lines.size(), false);
  bool decorated = false, in_body = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (line.starts_with("@triton.jit")) decorated = true;
    else if (decorated && line.starts_with("def ")) in_body = true, decorated = false;
    else if (in_body && !line.empty() && line[0] != ' ' && line[0] != ')' && line[0] != '#') in_body = false;
    inside[i] = in_body && !line.starts_with("def ") && line.find(" # ") != 0;
  }
  return inside;
}

// One past the argument that starts at `begin`: the next comma or closing bracket at its level; npos where it goes on in
// the next line.
size_t ArgumentEnd(const std::string& line, size_t begin) {
  int depth = 0;
  for (size_t i = begin; i < line.size(); ++i) {
    char c = line[i];
    if (c == '(' || c == '[' || c == '{') ++depth;
    if ((c == ')' || c == ']' || c == '}') && --depth < 0) return i;
    if (c == ',' && depth == 0) return i;
  }
  return std::string::npos;
}

// A textual change: every match of `pattern` in a line, replaced by `replacement` (of std::regex).  It is equal to the
// original by `rule` where the original with `probe` is right: an assertion before the line when it begins with "assert ",
// else another replacement.
struct Rewrite {
  const char* kind;
  const char* pattern;
  const char* replacement;
  const char* probe = "";
  const char* rule = "";
};

constexpr std::string_view kAssert = "assert ";
constexpr const char* kOpenMask = "a mask that lets everything through";
constexpr const char* kOneProgram = "one program in that direction alone";
constexpr const char* kUnreadLanes = "lanes whose values reach no result";

// Identifiers keep to Triton's names; what a change makes of other code is still a mutant.
constexpr Rewrite kRewrites[] = {
    {"mask", R"((mask\w*\s*=\s*)([^=].*?) < ([\w.]+))", "$1$2 <= $3", "assert $2 < $3", kOpenMask},
    {"bound", R"(tl\.cdiv\(([^,()]+), ([^,()]+)\))", "($1 // $2)"},
    {"bound", R"(range\(0, ([^,()]+), ([^,()]+)\))", "range(0, $1 - $2, $2)"},
    {"bound", R"(range\(([^,()]+)\))", "range($1 - 1)"},
    {"stride", R"(( \* )([0-9]{2,})\b(?!\.))", "$1($2 + 1)", "assert tl.program_id(0) == 0", kOneProgram},
    {"stride", R"(( \* )(\w*stride\w*|[A-Z]\b))", "$1($2 + 1)"},
    {"stride", R"(tl\.arange\(0, )", "1 + tl.arange(0, "},
    {"accumulator", R"((zeros\(.*)tl\.float32)", "$1tl.bfloat16"},
    {"accumulator", R"(\.to\(tl\.float32\))", ".to(tl.bfloat16)"},
    {"race", R"(^\s*tl\.debug_barrier\(\)\s*$)", ""},
    {"race", R"(tl\.atomic_add\(([^,]+), ([^,()]+))", "tl.store($1, tl.load($1) + $2"},
    {"precision", R"(input_precision="(ieee|tf32x3|bf16x6|bf16x3)\")", "input_precision=\"tf32\""},
    {"constant", R"(other=0\.0)", "other=1.0", "other=float('nan')", kUnreadLanes},
    {"constant", R"(float\("-inf"\))", "0.0"},
    {"constant", R"(\b([0-9]+\.[0-9]*[1-9][0-9]*(e-?[0-9]+)?)\b)", "($1 * 1.25)"},
    {"operator", R"(tl\.maximum\()", "tl.minimum("},
    {"operator", R"(tl\.minimum\()", "tl.maximum("},
    {"operator", R"(tl\.exp\()", "tl.exp2("},
    {"operator", R"(tl\.exp2\()", "tl.exp("},
    {"operator", R"(tl\.rsqrt\()", "tl.sqrt("},
    {"operator", R"(tl\.sum\()", "tl.max("},
    {"operator", R"(tl\.max\()", "tl.min("},
    {"operator", R"(tl\.program_id\(0\))", "tl.program_id(1)", "assert tl.program_id(0) == tl.program_id(1)", kOneProgram},
    {"operator", R"(^(\s*\w+ = \w+) - (\w+)$)", "$1 + $2"},
    {"operator", R"(^(\s*\w+ = \w+) \+ (\w+)$)", "$1 - $2"},
    {"operator", R"(^(\s*\w+ = \w+) \* (\w+)$)", "$1 + $2"},
};

class Maker {
 public:
  explicit Maker(const std::string& source) : lines_(Lines(source)), inside_(KernelLines(lines_)) {}

  std::vector<SourceMutant> Make() {
    for (size_t i = 0; i < lines_.size(); ++i) {
      if (!inside_[i] || lines_[i].find_first_not_of(" ") == std::string::npos || lines_[i][lines_[i].find_first_not_of(" ")] == '#') continue;
      DropMasks(i);
      for (const Rewrite& rewrite : kRewrites) Apply(i, rewrite);
    }
    return std::move(mutants_);
  }

 private:
  // `probe` is an assertion, or the line that stands for this one in the probe.
  void Add(size_t line, const std::string& kind, std::string changed, const std::string& probe = "", const std::string& rule = "") {
    if (changed == lines_[line]) return;
    SourceMutant mutant{kind, static_cast<int>(line) + 1, "", "", "", ""};
    size_t first = lines_[line].find_first_not_of(" ");
    mutant.change = "`" + lines_[line].substr(first) + "` -> `" + (changed.size() > first ? changed.substr(first) : "") + "`";
    std::vector<std::string> lines = lines_;
    lines[line] = changed.find_first_not_of(" ") == std::string::npos ? std::string(first, ' ') + "pass" : std::move(changed);
    mutant.source = Joined(lines);
    if (!probe.empty()) {
      lines = lines_;
      if (probe.starts_with(kAssert)) lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(line), std::string(first, ' ') + "tl.device_assert(" + probe.substr(kAssert.size()) + ")");
      else lines[line] = probe;
      mutant.probe = Joined(lines);
      mutant.rule = rule;
    }
    mutants_.push_back(std::move(mutant));
  }

  // `, mask=EXPRESSION` and what only a masked load may have beside it.
  void DropMasks(size_t line) {
    static const std::string kMask = ", mask=";
    const std::string& text = lines_[line];
    for (size_t at = text.find(kMask); at != std::string::npos; at = text.find(kMask, at + 1)) {
      size_t begin = at + kMask.size(), end = ArgumentEnd(text, begin);
      if (end == std::string::npos || text.find_first_not_of(" ") == std::string::npos) continue;
      std::string changed = text.substr(0, at), rest = text.substr(end);
      if (rest.starts_with(", other=")) {
        size_t other_end = ArgumentEnd(rest, 8);
        if (other_end == std::string::npos) continue;
        rest = rest.substr(other_end);
      }
      // A statement goes on over several lines where brackets stay open: no assertion can stand before it.
      Add(line, "mask", changed + rest, IsWhole(line) ? std::string(kAssert) + text.substr(begin, end - begin) : "", kOpenMask);
    }
  }

  bool IsWhole(size_t line) const {
    return std::count(lines_[line].begin(), lines_[line].end(), '(') == std::count(lines_[line].begin(), lines_[line].end(), ')');
  }

  void Apply(size_t line, const Rewrite& rewrite) {
    const std::regex pattern(rewrite.pattern);
    const std::string& text = lines_[line];
    for (auto match = std::sregex_iterator(text.begin(), text.end(), pattern); match != std::sregex_iterator(); ++match) {
      const auto with = [&](const char* replacement) { return text.substr(0, static_cast<size_t>(match->position())) + match->format(replacement) + match->suffix().str(); };
      std::string probe = rewrite.probe;
      if (probe.starts_with(kAssert)) probe = IsWhole(line) ? match->format(rewrite.probe) : "";
      else if (!probe.empty()) probe = with(rewrite.probe);
      Add(line, rewrite.kind, with(rewrite.replacement), probe, rewrite.rule);
    }
  }

  std::vector<std::string> lines_;
  std::vector<bool> inside_;
  std::vector<SourceMutant> mutants_;
};

}  // namespace

std::vector<SourceMutant> MakeSourceMutants(const std::string& source) { return Maker(source).Make(); }

}  // namespace drtriton
