// Store: what is worth knowing again, in one SQLite file.
//
// Content-addressed: a key is the SHA-256 of everything the record depends on (program, source, seed, device, versions),
// so records never go stale and any number of processes may share the file.  Each Keep() is one transaction: after
// kill -9 a record is there whole or not at all.  A store that cannot be used (no space, read-only, corrupted, locked
// for long) never stops the work: one warning is given and the Store acts as if it were empty.
#ifndef DRTRITON_STORE_STORE_H_
#define DRTRITON_STORE_STORE_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace drtriton {

// What a record is.  The name is part of the address.
enum class RecordKind : uint8_t {
  kVerdict,      // a Judgement: {"verdict": ..., "plan": ... or null}
  kConversion,   // the outcome of a whole conversion: {"emitted": text, "report": ...}
};

class Store {
 public:
  // CacheFolder()/store.sqlite.
  static Store OpenDefault();
  explicit Store(const std::filesystem::path& path);
  ~Store();
  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;

  std::optional<std::string> Find(RecordKind kind, std::string_view key);
  void Keep(RecordKind kind, std::string_view key, std::string_view record);
  int64_t Count(RecordKind kind);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;   // null: unusable, acts as empty
};

}  // namespace drtriton

#endif  // DRTRITON_STORE_STORE_H_
