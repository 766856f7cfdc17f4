// Database: SQLite as far as Sluice needs it: one file, prepared statements, errors as values.
//
//   auto database = Database::open({.path = "sluice.db", .migrations = kMigrations, .now = unix_time});
//   auto insert = database->prepare("INSERT INTO t VALUES (?, ?)");
//   insert->bind(1, 42).bind(2, "text");
//   if (auto done = insert->run(); !done) return std::unexpected(done.error());
//
// What is kept here is worth keeping, and not worth a gateway that doesn't start: a file that is corrupt is
// moved aside as NAME.corrupt-<unix time>, and a new one begins.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "sluice/result.h"
#include "sluice/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sluice::store {

// A prepared statement. One thread at a time; its database outlives it. Texts and blobs are copied.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  // Places count from 1. A wrong place shows when the statement runs.
  Statement& bind(int place, std::int64_t value);
  Statement& bind(int place, std::string_view text);
  Statement& bind_blob(int place, std::string_view bytes);

  // True: there is a row. False: there are no more, and the statement may run again.
  Result<bool> step();
  // Runs to its end, and may run again.
  Result<void> run();
  // May run again, and be bound anew.
  void reset();

  // Of the row; columns count from 0. The views hold until the next step.
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int fault_ = 0;  // the first bind() that failed
};

// One thread at a time.
class Database {
 public:
  struct Options {
    std::string path;
    // The n-th takes a file from version n to n + 1 (PRAGMA user_version); each may be several statements.
    std::span<const std::string_view> migrations;
    std::int64_t now = 0;                     // seconds since 1970, for a corrupt file's new name
    Duration busy = std::chrono::seconds(5);  // to wait for another process's lock
  };
  // Creates the file where there is none, in WAL mode. Fails where it can't be written, and of a newer
  // version than the last migration's.
  static Result<Database> open(const Options& options);

  Result<Statement> prepare(std::string_view sql);
  // Statements without rows and parameters.
  Result<void> run(std::string_view sql);
  // Where a corrupt file is now; empty: it wasn't.
  const std::string& moved_aside() const { return moved_aside_; }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}

  static Result<Database> try_open(const Options& options, bool& corrupt);
  Result<void> check(bool& corrupt);
  Result<void> migrate(std::span<const std::string_view> migrations);
  Result<std::int64_t> number(std::string_view sql);

  std::unique_ptr<sqlite3, Close> handle_;
  std::string moved_aside_;
};

// All or nothing: what isn't committed is taken back.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Result<void> commit();
  ~Transaction();
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction& operator=(Transaction&&) = delete;

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null: it is over
};

}  // namespace sluice::store
