// SQLite's C interface, as values. (Source: sqlite.org/c3ref, sqlite.org/wal.html)
#include "store/database.h"

#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <unistd.h>

namespace sluice::store {
namespace {

Code code_of(int status) {
  switch (status & 0xff) {  // without the extension
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR: return Code::unavailable;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG: return Code::exhausted;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH: return Code::permission_denied;
    case SQLITE_RANGE:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return Code::invalid_argument;
    default: return Code::internal;
  }
}

std::unexpected<Error> failure(sqlite3* handle, int status) {
  const char* message = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(status);
  return fail(code_of(status), fmt::format("SQLite: {}", message),
              handle ? sqlite3_system_errno(handle) : 0);
}

bool is_corrupt(int status) {
  return (status & 0xff) == SQLITE_CORRUPT || (status & 0xff) == SQLITE_NOTADB;
}

// The log of changes goes along, the index of it is made anew. Returns the new name.
Result<std::string> move_aside(const std::string& path, std::int64_t now) {
  const std::string aside = fmt::format("{}.corrupt-{}", path, now);
  std::error_code error;
  std::filesystem::rename(path, aside, error);
  if (error)
    return fail(Code::permission_denied, fmt::format("move {} to {}", path, aside), error.value());
  std::error_code ignored;  // there may be none
  std::filesystem::rename(path + "-wal", aside + "-wal", ignored);
  std::filesystem::remove(path + "-shm", ignored);
  return aside;
}

// A new file is for its owner alone, for it holds what people asked; SQLite's other files follow it.
void create_private(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file >= 0) ::close(file);  // if not, SQLite says why
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::bind(int place, std::int64_t value) {
  const int status = sqlite3_bind_int64(statement_.get(), place, value);
  if (fault_ == SQLITE_OK) fault_ = status;
  return *this;
}

Statement& Statement::bind(int place, std::string_view text) {
  // of nothing there is no address, and without one it would be null
  const char* bytes = text.empty() ? "" : text.data();
  const int status = sqlite3_bind_text64(statement_.get(), place, bytes, text.size(),
                                         SQLITE_TRANSIENT, SQLITE_UTF8);
  if (fault_ == SQLITE_OK) fault_ = status;
  return *this;
}

Statement& Statement::bind_blob(int place, std::string_view bytes) {
  const int status = sqlite3_bind_blob64(statement_.get(), place, bytes.empty() ? "" : bytes.data(),
                                         bytes.size(), SQLITE_TRANSIENT);
  if (fault_ == SQLITE_OK) fault_ = status;
  return *this;
}

Result<bool> Statement::step() {
  sqlite3* handle = sqlite3_db_handle(statement_.get());
  if (fault_ != SQLITE_OK) {
    const int status = std::exchange(fault_, SQLITE_OK);
    return failure(nullptr, status);
  }
  const int status = sqlite3_step(statement_.get());
  if (status == SQLITE_ROW) return true;
  if (status == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  const auto failed = failure(handle, status);
  sqlite3_reset(statement_.get());
  return failed;
}

Result<void> Statement::run() {
  for (;;) {
    const Result<bool> row = step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
  }
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  fault_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* text = sqlite3_column_text(statement_.get(), column);
  if (!text) return {};
  return {reinterpret_cast<const char*>(text),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

std::string_view Statement::blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  if (!bytes) return {};
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

Result<Database> Database::open(const Options& options) {
  bool corrupt = false;
  Result<Database> database = try_open(options, corrupt);
  if (database || !corrupt) return database;
  const Result<std::string> aside = move_aside(options.path, options.now);
  if (!aside) return std::unexpected(aside.error());
  database = try_open(options, corrupt);
  if (database) database->moved_aside_ = *aside;
  return database;
}

Result<Database> Database::try_open(const Options& options, bool& corrupt) {
  corrupt = false;
  create_private(options.path);
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int status = sqlite3_open_v2(options.path.c_str(), &handle, flags, nullptr);
  Database database(handle);
  if (status != SQLITE_OK) return failure(handle, status);
  const auto busy = std::chrono::duration_cast<std::chrono::milliseconds>(options.busy);
  sqlite3_busy_timeout(handle, static_cast<int>(busy.count()));
  if (auto sound = database.check(corrupt); !sound) return std::unexpected(sound.error());
  // in WAL mode "normal" loses at most the last transactions in a power cut, never the file
  for (const char* pragma : {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL"}) {
    if (auto done = database.run(pragma); !done) return std::unexpected(done.error());
  }
  if (auto done = database.migrate(options.migrations); !done) return std::unexpected(done.error());
  return database;
}

Result<void> Database::check(bool& corrupt) {
  auto check = prepare("PRAGMA quick_check(1)");
  Result<bool> row = check ? check->step() : Result<bool>(std::unexpected(check.error()));
  if (!row) {
    corrupt = is_corrupt(sqlite3_errcode(handle_.get()));
    return std::unexpected(row.error());
  }
  if (*row && check->text(0) != "ok") {
    corrupt = true;
    return fail(Code::internal, fmt::format("SQLite: {}", check->text(0)));
  }
  return {};
}

Result<void> Database::migrate(std::span<const std::string_view> migrations) {
  auto transaction = Transaction::begin(*this);
  if (!transaction) return std::unexpected(transaction.error());
  const Result<std::int64_t> version = number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto known = static_cast<std::int64_t>(migrations.size());
  if (*version < 0 || *version > known)
    return fail(Code::invalid_argument,
                fmt::format("SQLite: the file has version {}, this program knows {}: use a newer "
                            "one, or another file",
                            *version, known));
  for (std::int64_t next = *version; next < known; ++next) {
    if (auto done = run(migrations[static_cast<std::size_t>(next)]); !done) return done;
  }
  if (auto done = run(fmt::format("PRAGMA user_version = {}", known)); !done) return done;
  return transaction->commit();
}

Result<std::int64_t> Database::number(std::string_view sql) {
  auto statement = prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const Result<bool> row = statement->step();
  if (!row) return std::unexpected(row.error());
  return *row ? statement->integer(0) : 0;
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int status = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
  if (status != SQLITE_OK) return failure(handle_.get(), status);
  return Statement(statement);
}

Result<void> Database::run(std::string_view sql) {
  const int status =
      sqlite3_exec(handle_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return failure(handle_.get(), status);
  return {};
}

// Immediate: it waits for others here, not in its middle.
Result<Transaction> Transaction::begin(Database& database) {
  if (auto done = database.run("BEGIN IMMEDIATE"); !done) return std::unexpected(done.error());
  return Transaction(database);
}

Result<void> Transaction::commit() {
  auto done = database_->run("COMMIT");
  if (done) database_ = nullptr;
  return done;
}

Transaction::~Transaction() {
  if (database_) (void)database_->run("ROLLBACK");
}

}  // namespace sluice::store
