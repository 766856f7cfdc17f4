// What the admin listener's JSON says, as values: for those who show it (top, report).
//
// Reading is lenient: a field that isn't there, or is of another kind, is nothing. So a program shows what
// an older or newer gateway knows. Milliseconds and counts are as in src/admin/queries_json.cc.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/result.h"

namespace sluice::cmd {

struct TimeSplit {
  double queue = 0, pool_wait = 0, server = 0, transfer = 0;  // ms
};

struct StatementRow {
  std::string fingerprint, query, verb, database, user, unanalysed;
  std::uint64_t calls = 0, errors = 0, cancelled = 0, rows = 0, max_rows = 0;
  double total_ms = 0, mean_ms = 0, p50_ms = 0, p95_ms = 0, p99_ms = 0, max_ms = 0;
  TimeSplit time;
};
struct StatementsView {
  std::vector<StatementRow> items;
  std::uint64_t count = 0, calls = 0, errors = 0, rows = 0, forgotten = 0, unanalysed = 0;
};

struct PoolRow {
  std::string listener, database, user, server, mode, last_error;
  bool paused = false;
  std::uint64_t max = 0, total = 0, idle = 0, leased = 0;  // connections
  std::uint64_t clients_active = 0, clients_waiting = 0, clients_idle = 0;
  // Statements on connections shared with others', those alone, and how often one held others up: since
  // the start.
  std::uint64_t shared = 0, alone = 0, stalls = 0;
  std::uint64_t lanes = 0, depth = 0;  // connections shared now; how many statements at once on one
};
struct PoolsView {
  std::uint64_t clients = 0, connections = 0, requests = 0, transactions = 0;
  std::vector<PoolRow> items;
};

struct SlowRow {
  std::string fingerprint, query, at, sqlstate, database, user, application, tags;
  std::vector<std::string> values;
  double took_ms = 0;
  TimeSplit time;
  std::uint64_t rows = 0;
};

struct LoopRow {
  std::string id, kind, query, source, column, sentence, sql, orm, last_seen;
  std::uint64_t bursts = 0, calls = 0, p50 = 0, p95 = 0, max = 0;
  double wasted_ms = 0;
  std::vector<std::string> callers;  // "application (tags)"
};

struct AdviceRow {
  std::string id, kind, severity, title, sentence, action, sql, orm, fingerprint;
  double saved_ms = 0;
  std::vector<std::pair<std::string, std::string>> evidence;
};

struct ComponentRow {
  std::string name, detail;
  bool ready = false;
};
struct HealthView {
  std::string status, version;
  std::uint64_t uptime_seconds = 0;
  std::vector<ComponentRow> components;
};

// A list of which at most a page came; `count` is how many there are.
template <class Row>
struct Listing {
  std::vector<Row> items;
  std::uint64_t count = 0;
};

struct SlowView : Listing<SlowRow> {
  double threshold_ms = -1;  // slow from here on; below 0: none
};
struct LoopsView : Listing<LoopRow> {
  double wasted_ms = 0;  // by all loops
};

// Errors: protocol_violation, not JSON.
Result<StatementsView> read_statements(std::string_view json);
Result<PoolsView> read_pools(std::string_view json);
Result<SlowView> read_slow(std::string_view json);
Result<LoopsView> read_loops(std::string_view json);
Result<Listing<AdviceRow>> read_advice(std::string_view json);
Result<HealthView> read_health(std::string_view json);

}  // namespace sluice::cmd
