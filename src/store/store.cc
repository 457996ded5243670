// The file: one table of records in write-ahead mode, so that readers never wait for a writer and a process that is
// killed leaves at most a record out.  synchronous=NORMAL: a crash of the whole machine may lose the last records but
// never damages the file; they can be made again.
#include "store/store.h"

#include <sqlite3.h>

#include <chrono>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace drtriton {
namespace {

constexpr int kSchemaVersion = 1;
constexpr int kBusyTimeoutMs = 10000;  // another process holds the file for a transaction of one record: far shorter

constexpr const char* kSchema =
    "CREATE TABLE IF NOT EXISTS records("
    "kind INTEGER NOT NULL, key TEXT NOT NULL, record BLOB NOT NULL, kept_at INTEGER NOT NULL, PRIMARY KEY(kind, key))";

// What SQLite said, thrown to the Store's edge and told there once.
struct Trouble {
  std::string what;
  bool busy = false;  // another process holds the file
};

[[noreturn]] void Raise(sqlite3* database, int code) {
  throw Trouble{database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code), (code & 0xff) == SQLITE_BUSY};
}

// A prepared statement, finalized in the end.
class Statement {
 public:
  Statement(sqlite3* database, const char* text) : database_(database) {
    const int code = sqlite3_prepare_v2(database, text, -1, &statement_, nullptr);
    if (code != SQLITE_OK) Raise(database, code);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Bind(int index, int64_t value) {
    Check(sqlite3_bind_int64(statement_, index, value));
    return *this;
  }
  Statement& BindText(int index, std::string_view value) {
    Check(sqlite3_bind_text64(statement_, index, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
  }
  Statement& BindBytes(int index, std::string_view value) {
    Check(sqlite3_bind_blob64(statement_, index, value.data(), value.size(), SQLITE_STATIC));
    return *this;
  }

  // Whether there is a (further) row.
  bool Step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) Raise(database_, code);
    return code == SQLITE_ROW;
  }
  int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string Bytes(int column) const {
    const void* bytes = sqlite3_column_blob(statement_, column);
    return std::string(static_cast<const char*>(bytes), static_cast<size_t>(sqlite3_column_bytes(statement_, column)));
  }

 private:
  void Check(int code) const {
    if (code != SQLITE_OK) Raise(database_, code);
  }
  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace

class Store::Impl {
 public:
  explicit Impl(const std::filesystem::path& path) : path_(path.string()) {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    const int code = sqlite3_open_v2(path_.c_str(), &database_, flags, nullptr);
    try {
      if (code != SQLITE_OK) Raise(database_, code);
      sqlite3_busy_timeout(database_, kBusyTimeoutMs);
      PrepareWhenFree();
    } catch (...) {
      sqlite3_close(database_);
      throw;
    }
  }
  ~Impl() { sqlite3_close(database_); }

  const std::string& path() const { return path_; }
  std::mutex& mutex() { return mutex_; }

  std::optional<std::string> Find(RecordKind kind, std::string_view key) {
    Statement statement(database_, "SELECT record FROM records WHERE kind = ? AND key = ?");
    statement.Bind(1, static_cast<int64_t>(kind)).BindText(2, key);
    if (!statement.Step()) return std::nullopt;
    return statement.Bytes(0);
  }

  void Keep(RecordKind kind, std::string_view key, std::string_view record) {
    Statement statement(database_, "INSERT OR REPLACE INTO records(kind, key, record, kept_at) VALUES(?, ?, ?, ?)");
    statement.Bind(1, static_cast<int64_t>(kind)).BindText(2, key).BindBytes(3, record);
    statement.Bind(4, static_cast<int64_t>(std::time(nullptr))).Step();
  }

  int64_t Count(RecordKind kind) {
    Statement statement(database_, "SELECT COUNT(*) FROM records WHERE kind = ?");
    return statement.Bind(1, static_cast<int64_t>(kind)).Step() ? statement.Int(0) : 0;
  }

 private:
  // Several processes may create the file at once; SQLite does not wait in this one case, so we do.
  void PrepareWhenFree() {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBusyTimeoutMs);
    while (true) {
      try {
        return Prepare();
      } catch (const Trouble& trouble) {
        if (!trouble.busy || std::chrono::steady_clock::now() > deadline) throw;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
  }

  void Prepare() {
    Run("PRAGMA journal_mode = WAL");
    Run("PRAGMA synchronous = NORMAL");
    Statement version(database_, "PRAGMA user_version");
    const int64_t found = version.Step() ? version.Int(0) : 0;
    if (found > kSchemaVersion) throw Trouble{"it was written by a newer version of DRTriton", false};
    if (found == kSchemaVersion) return;
    Run(kSchema);
    Run("PRAGMA user_version = 1");
  }

  void Run(const char* text) {
    Statement statement(database_, text);
    while (statement.Step()) {
    }
  }

  std::string path_;
  std::mutex mutex_;
  sqlite3* database_ = nullptr;
};

namespace {

void Tell(const std::string& path, const std::string& what) {
  Warn("the store " + path + " is not used: " + what + "; results are not kept (delete the file if it is damaged)");
}

}  // namespace

Store Store::OpenDefault() {
  try {
    return Store(CacheFolder() / "store.sqlite");
  } catch (const UserError& error) {  // no cache folder
    Warn(std::string("results are not kept: ") + error.what());
    return Store(std::filesystem::path());
  }
}

Store::Store(const std::filesystem::path& path) {
  if (path.empty()) return;
  try {
    impl_ = std::make_unique<Impl>(path);
  } catch (const Trouble& trouble) {
    Tell(path.string(), trouble.what);
  }
}

Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

std::optional<std::string> Store::Find(RecordKind kind, std::string_view key) {
  if (impl_ == nullptr) return std::nullopt;
  try {
    const std::lock_guard<std::mutex> lock(impl_->mutex());
    return impl_->Find(kind, key);
  } catch (const Trouble& trouble) {
    Tell(impl_->path(), trouble.what);
    impl_.reset();
    return std::nullopt;
  }
}

void Store::Keep(RecordKind kind, std::string_view key, std::string_view record) {
  if (impl_ == nullptr) return;
  try {
    const std::lock_guard<std::mutex> lock(impl_->mutex());
    impl_->Keep(kind, key, record);
  } catch (const Trouble& trouble) {
    Tell(impl_->path(), trouble.what);
    impl_.reset();
  }
}

int64_t Store::Count(RecordKind kind) {
  if (impl_ == nullptr) return 0;
  try {
    const std::lock_guard<std::mutex> lock(impl_->mutex());
    return impl_->Count(kind);
  } catch (const Trouble& trouble) {
    Tell(impl_->path(), trouble.what);
    impl_.reset();
    return 0;
  }
}

}  // namespace drtriton
