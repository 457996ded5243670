#include "policy/sealed_file.h"

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"

namespace drtriton {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kLongestHeader = size_t{1} << 24;  // a file of another kind is not searched to its end for a newline

std::string_view View(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// `header` has no member "sha256".
std::string Seal(const Json& header, std::string_view payload) { return Sha256(header.dump() + Sha256(payload)); }

}  // namespace

SealedFile::SealedFile(const std::filesystem::path& path, std::string_view format, std::string_view kind) : file_(path) {
  const std::string_view text = View(file_.bytes());
  const size_t newline = text.substr(0, kLongestHeader).find('\n');
  if (newline != std::string_view::npos) {
    header_ = Json::parse(text.substr(0, newline), nullptr, /*allow_exceptions=*/false);
  }
  if (!header_.is_object() || header_.value("format", Json()) != format) {
    throw UserError(path.string() + " is not a " + std::string(kind) + " (" + std::string(format) + ")");
  }
  const Json seal = header_.value("sha256", Json());
  const Json bytes = header_.value("bytes", Json());
  if (!seal.is_string() || !bytes.is_number_unsigned()) {
    throw UserError(path.string() + " is damaged: its header has no checksum");
  }
  payload_ = file_.bytes().subspan(newline + 1);
  if (payload_.size() != bytes.get<uint64_t>()) {
    throw UserError(path.string() + " is cut off or has grown: " + std::to_string(payload_.size()) + " of " +
                    bytes.dump() + " bytes are there");
  }
  header_.erase("sha256");
  if (Seal(header_, View(payload_)) != seal.get_ref<const std::string&>()) {
    throw UserError(path.string() + " is damaged: its bytes differ from its checksum");
  }
}

void WriteSealedFile(const std::filesystem::path& path, std::string_view format, const Json& members,
                     std::string_view payload) {
  Json header = {{"format", format}};
  header.update(members);
  header["bytes"] = payload.size();
  header["sha256"] = Seal(header, payload);
  std::string line = header.dump();
  line.resize((line.size() + kAlignment) / kAlignment * kAlignment - 1, ' ');
  FileDraft draft(path);
  draft.Append(line + "\n");
  draft.Append(payload);
  draft.Commit();
}

}  // namespace drtriton
