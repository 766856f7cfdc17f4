// Query store: what is known of statements, over restarts of the process.
//
//   auto store = QueryStore::open("sluice.db", unix_time);
//   workload.restore(*store->load(templates), *store->load_slow(templates));  // at the start
//   store->save(workload.snapshot());                                         // now and then, at the end
//
// Samples come here redacted and are never anything else. Numbers stand in columns of their own, so
// that the file may be asked with sqlite3, too: times in nanoseconds, points in time in seconds
// since 1970.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "sluice/query/loops.h"
#include "sluice/query/workload.h"
#include "sluice/result.h"
#include "store/database.h"

namespace sluice::store {

// One thread at a time.
class QueryStore {
 public:
  // A corrupt file is moved aside, see moved_aside(). `now`: seconds since 1970.
  static Result<QueryStore> open(const std::string& path, std::int64_t now);

  // Takes the place of what was saved before. Only what changed since is written.
  Result<void> save(std::span<const query::QueryStats> stats);
  Result<void> save_slow(std::span<const query::SlowQuery> slow);
  Result<void> save_loops(std::span<const query::Loop> loops);

  // What isn't readable any more is left out.
  Result<std::vector<query::QueryStats>> load(query::Templates& templates);
  Result<std::vector<query::SlowQuery>> load_slow(query::Templates& templates);  // newest first
  Result<std::vector<query::Loop>> load_loops();

  // Forgets all of it.
  Result<void> reset();

  const std::string& moved_aside() const { return database_.moved_aside(); }

 private:
  explicit QueryStore(Database database) : database_(std::move(database)) {}
  Result<void> read_saved();

  Database database_;
  // What is in the file: a mark that changes with each execution.
  std::unordered_map<query::Fingerprint, std::uint64_t> saved_;
};

}  // namespace sluice::store
