#include "synth/module_sizes.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace drtriton {
namespace {

using Roles = std::array<std::string_view, 5>;

// Names of the last dimensions, by rank.
constexpr std::array<Roles, 5> kPlainRoles = {{{"SIZE"},
                                               {"BATCH", "FEATURES"},
                                               {"BATCH", "LENGTH", "FEATURES"},
                                               {"BATCH", "HEADS", "LENGTH", "FEATURES"},
                                               {"BATCH", "GROUPS", "HEADS", "LENGTH", "FEATURES"}}};
constexpr std::array<Roles, 5> kImageRoles = {{{"SIZE"},
                                               {"BATCH", "CHANNELS"},
                                               {"BATCH", "CHANNELS", "LENGTH"},
                                               {"BATCH", "CHANNELS", "HEIGHT", "WIDTH"},
                                               {"BATCH", "CHANNELS", "DEPTH", "HEIGHT", "WIDTH"}}};

constexpr std::string_view kBatch = "BATCH";

// The role of dimension `index`; leading ones beyond the fifth are part of the batch.
std::string_view RoleOf(size_t rank, size_t index, bool image) {
  if (rank > 5) return index + 5 < rank ? kBatch : RoleOf(5, index + 5 - rank, image);
  return (image ? kImageRoles : kPlainRoles)[rank - 1][index];
}

void AppendLower(std::string& out, std::string_view name) {
  for (const char c : name) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool IsRole(std::string_view name, std::string_view role) {
  return name.starts_with(role) && (name.size() == role.size() || name[role.size()] == '_');
}

}  // namespace

void AppendInt(std::string& out, int64_t value) {
  std::array<char, 24> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr);
}

void AppendShortFloat(std::string& out, double value) {
  std::array<char, 32> buffer;
  const char* const end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, 6).ptr;
  const std::string_view text(buffer.data(), static_cast<size_t>(end - buffer.data()));
  out += text;
  if (text.find_first_of(".en") == text.npos) out += ".0";
}

const ModuleSizes::Named* ModuleSizes::Find(int64_t size, std::string_view role) const {
  const Named* found = nullptr;
  for (const Named& named : sizes_) {
    if (named.size != size) continue;
    if (IsRole(named.name, role)) return &named;
    // A batch that happens to be as large as something else is still another thing.
    if (found == nullptr && role != kBatch && named.name != kBatch) found = &named;
  }
  return found;
}

ModuleSizes::Named& ModuleSizes::Add(int64_t size, std::string_view name) {
  int taken = 0;
  for (const Named& named : sizes_) taken += IsRole(named.name, name) ? 1 : 0;
  std::string full(name);
  if (taken > 0) {
    full += '_';
    AppendInt(full, taken + 1);
  }
  return sizes_.emplace_back(Named{std::move(full), size});
}

void ModuleSizes::AddInput(const Shape& shape, bool image) {
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] <= 1) continue;
    const std::string_view role = RoleOf(shape.size(), i, image);
    const bool role_is_free = std::none_of(sizes_.begin(), sizes_.end(), [&](const Named& n) { return n.name == role; });
    if (role_is_free || Find(shape[i], role) == nullptr) Add(shape[i], role);
  }
}

void ModuleSizes::AppendInputSize(std::string& out, const Shape& shape, size_t dim, bool image) {
  const Named* const named = shape[dim] > 1 ? Find(shape[dim], RoleOf(shape.size(), dim, image)) : nullptr;
  if (named == nullptr) return AppendInt(out, shape[dim]);
  sizes_[static_cast<size_t>(named - sizes_.data())].used = true;
  out += named->name;
}

void ModuleSizes::AppendInConstructor(std::string& out, int64_t size, std::string_view name) {
  if (size <= 1) return AppendInt(out, size);
  const Named* found = Find(size, name);
  const size_t index = static_cast<size_t>((found == nullptr ? &Add(size, name) : found) - sizes_.data());
  sizes_[index].used = true;
  if (!sizes_[index].in_constructor) {
    sizes_[index].in_constructor = true;
    arguments_.push_back(index);
  }
  AppendLower(out, sizes_[index].name);
}

void ModuleSizes::AppendDefinitions(std::string& out) const {
  for (const Named& named : sizes_) {
    if (!named.used) continue;
    out += named.name;
    out += " = ";
    AppendInt(out, named.size);
    out += '\n';
  }
}

void ModuleSizes::AppendConstructorParameters(std::string& out) const {
  for (const size_t index : arguments_) {
    out += ", ";
    AppendLower(out, sizes_[index].name);
  }
}

void ModuleSizes::AppendConstructorArguments(std::string& out) const {
  for (const size_t index : arguments_) {
    if (index != arguments_.front()) out += ", ";
    out += sizes_[index].name;
  }
}

}  // namespace drtriton
