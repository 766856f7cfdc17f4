// The tables of query_store, and their history: a migration is never changed, another one follows it.
#pragma once

#include <array>
#include <string_view>

namespace sluice::store {

inline constexpr std::array<std::string_view, 1> kQueryMigrations = {
    // detail: histogram, SQLSTATEs, callers, samples (query_detail.cc); callers and sample: likewise.
    R"sql(
CREATE TABLE query (
  fingerprint TEXT PRIMARY KEY, dialect TEXT NOT NULL, text TEXT NOT NULL,
  database TEXT NOT NULL, user TEXT NOT NULL,
  calls INTEGER NOT NULL, errors INTEGER NOT NULL, cancelled INTEGER NOT NULL,
  lost INTEGER NOT NULL, slow INTEGER NOT NULL,
  rows INTEGER NOT NULL, max_rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
  simple INTEGER NOT NULL, unnamed INTEGER NOT NULL, prepared INTEGER NOT NULL,
  total INTEGER NOT NULL, queue INTEGER NOT NULL, pool_wait INTEGER NOT NULL,
  server INTEGER NOT NULL, transfer INTEGER NOT NULL, max INTEGER NOT NULL,
  pauses INTEGER NOT NULL, pause_total INTEGER NOT NULL, pause_max INTEGER NOT NULL,
  first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
  detail BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE slow_query (
  id INTEGER PRIMARY KEY, dialect TEXT NOT NULL, text TEXT NOT NULL,
  database TEXT NOT NULL, user TEXT NOT NULL, application TEXT NOT NULL, tags TEXT NOT NULL,
  sample BLOB NOT NULL, state TEXT NOT NULL,
  queue INTEGER NOT NULL, pool_wait INTEGER NOT NULL, server INTEGER NOT NULL,
  transfer INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
  plan TEXT NOT NULL
);
CREATE TABLE loop (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, statement TEXT NOT NULL, cycle TEXT NOT NULL,
  source TEXT NOT NULL, source_column TEXT NOT NULL, parameter INTEGER NOT NULL,
  bursts INTEGER NOT NULL, calls INTEGER NOT NULL,
  p50 INTEGER NOT NULL, p95 INTEGER NOT NULL, max INTEGER NOT NULL, wasted INTEGER NOT NULL,
  callers BLOB NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL
) WITHOUT ROWID;
)sql"};

}  // namespace sluice::store
