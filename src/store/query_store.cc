// Statistics, slow statements and loops to tables and back.
#include "store/query_store.h"

#include <optional>
#include <unordered_set>
#include <utility>

#include "store/query_detail.h"
#include "store/query_schema.h"

namespace sluice::store {
namespace {

using query::Dialect;
using query::Fingerprint;
using query::Loop;
using query::QueryStats;
using query::SlowQuery;

constexpr std::string_view kColumns =
    "fingerprint, dialect, text, database, user, calls, errors, cancelled, lost, slow, rows, "
    "max_rows, bytes, simple, unnamed, prepared, total, queue, pool_wait, server, transfer, max, "
    "pauses, pause_total, pause_max, first_seen, last_seen, detail";

// The same order for columns, for writing and for reading.
constexpr std::uint64_t QueryStats::* kCounts[] = {
    &QueryStats::calls,  &QueryStats::errors,  &QueryStats::cancelled, &QueryStats::lost,
    &QueryStats::slow,   &QueryStats::rows,    &QueryStats::max_rows,  &QueryStats::bytes,
    &QueryStats::simple, &QueryStats::unnamed, &QueryStats::prepared};
constexpr Duration QueryStats::* kTimes[] = {&QueryStats::total,     &QueryStats::queue,
                                             &QueryStats::pool_wait, &QueryStats::server,
                                             &QueryStats::transfer,  &QueryStats::max};

std::int64_t as_signed(std::uint64_t value) { return static_cast<std::int64_t>(value); }

// What each execution changes, together: equal marks are equal statistics, a reset between them or not.
std::uint64_t mark_of(std::uint64_t calls, std::uint64_t lost, std::uint64_t pauses,
                      std::uint64_t total, std::uint64_t last_seen) {
  std::uint64_t mark = 0;
  for (const std::uint64_t part : {calls, lost, pauses, total, last_seen})
    mark = (mark ^ part) * 0x9e3779b97f4a7c15 + 1;
  return mark;
}
std::uint64_t mark_of(const QueryStats& stats) {
  return mark_of(stats.calls, stats.lost, stats.pauses,
                 static_cast<std::uint64_t>(stats.total.count()),
                 static_cast<std::uint64_t>(stats.last_seen));
}

std::optional<Dialect> dialect_of(std::string_view name) {
  for (const Dialect dialect : {Dialect::postgres, Dialect::mysql})
    if (name_of(dialect) == name) return dialect;
  return {};
}

query::TemplateRef template_of(query::Templates& templates, std::string_view dialect,
                               std::string_view text) {
  const auto known = dialect_of(dialect);
  return known ? templates.restore(text, *known) : nullptr;
}

void bind(Statement& insert, const QueryStats& stats) {
  int place = 0;
  insert.bind(++place, stats.statement->fingerprint().text());
  insert.bind(++place, name_of(stats.statement->dialect()));
  insert.bind(++place, stats.statement->text());
  insert.bind(++place, stats.database);
  insert.bind(++place, stats.user);
  for (const auto count : kCounts) insert.bind(++place, as_signed(stats.*count));
  for (const auto time : kTimes) insert.bind(++place, (stats.*time).count());
  insert.bind(++place, as_signed(stats.pauses));
  insert.bind(++place, stats.pause_total.count());
  insert.bind(++place, stats.pause_max.count());
  insert.bind(++place, stats.first_seen);
  insert.bind(++place, stats.last_seen);
  insert.bind_blob(++place, detail_of(stats));
}

// Without a statement: it can't be read any more.
QueryStats stats_of(const Statement& row, query::Templates& templates) {
  QueryStats stats;
  int column = 3;
  stats.database = row.text(column++);
  stats.user = row.text(column++);
  for (const auto count : kCounts) stats.*count = static_cast<std::uint64_t>(row.integer(column++));
  for (const auto time : kTimes) stats.*time = Duration(row.integer(column++));
  stats.pauses = static_cast<std::uint64_t>(row.integer(column++));
  stats.pause_total = Duration(row.integer(column++));
  stats.pause_max = Duration(row.integer(column++));
  stats.first_seen = row.integer(column++);
  stats.last_seen = row.integer(column++);
  if (read_detail(row.blob(column), stats))
    stats.statement = template_of(templates, row.text(1), row.text(2));
  return stats;
}

std::string joined(const std::vector<Fingerprint>& fingerprints) {
  std::string text;
  for (const Fingerprint& one : fingerprints) text += one.text();
  return text;
}

std::vector<Fingerprint> parted(std::string_view text) {
  constexpr std::size_t kDigits = 32;
  std::vector<Fingerprint> fingerprints;
  for (; text.size() >= kDigits; text.remove_prefix(kDigits))
    if (const auto one = Fingerprint::parse(text.substr(0, kDigits))) fingerprints.push_back(*one);
  return fingerprints;
}

}  // namespace

Result<QueryStore> QueryStore::open(const std::string& path, std::int64_t now) {
  auto database = Database::open({.path = path, .migrations = kQueryMigrations, .now = now});
  if (!database) return std::unexpected(database.error());
  QueryStore store(std::move(*database));
  if (auto done = store.read_saved(); !done) return std::unexpected(done.error());
  return store;
}

Result<void> QueryStore::read_saved() {
  auto select =
      database_.prepare("SELECT fingerprint, calls, lost, pauses, total, last_seen FROM query");
  if (!select) return std::unexpected(select.error());
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    const auto number = [&](int column) {
      return static_cast<std::uint64_t>(select->integer(column));
    };
    if (const auto fingerprint = Fingerprint::parse(select->text(0)))
      saved_[*fingerprint] = mark_of(number(1), number(2), number(3), number(4), number(5));
  }
}

Result<void> QueryStore::save(std::span<const QueryStats> stats) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return std::unexpected(transaction.error());
  std::string places = "?";
  for (int i = 1; i < 28; ++i) places += ",?";
  auto insert = database_.prepare("INSERT OR REPLACE INTO query (" + std::string(kColumns) +
                                  ") VALUES (" + places + ")");
  auto remove = database_.prepare("DELETE FROM query WHERE fingerprint = ?");
  if (!insert) return std::unexpected(insert.error());
  if (!remove) return std::unexpected(remove.error());

  std::unordered_map<Fingerprint, std::uint64_t> now_saved;
  for (const QueryStats& one : stats) {
    if (!one.statement) continue;
    const Fingerprint& fingerprint = one.statement->fingerprint();
    const std::uint64_t mark = mark_of(one);
    now_saved[fingerprint] = mark;
    const auto before = saved_.find(fingerprint);
    if (before != saved_.end() && before->second == mark) continue;
    bind(*insert, one);
    if (auto done = insert->run(); !done) return done;
  }
  for (const auto& [fingerprint, mark] : saved_) {
    if (now_saved.contains(fingerprint)) continue;
    remove->bind(1, fingerprint.text());
    if (auto done = remove->run(); !done) return done;
  }
  if (auto done = transaction->commit(); !done) return done;
  saved_ = std::move(now_saved);
  return {};
}

Result<std::vector<QueryStats>> QueryStore::load(query::Templates& templates) {
  auto select = database_.prepare("SELECT " + std::string(kColumns) + " FROM query");
  if (!select) return std::unexpected(select.error());
  std::vector<QueryStats> all;
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return all;
    QueryStats stats = stats_of(*select, templates);
    if (stats.statement) all.push_back(std::move(stats));
  }
}

Result<void> QueryStore::save_slow(std::span<const SlowQuery> slow) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return std::unexpected(transaction.error());
  if (auto done = database_.run("DELETE FROM slow_query"); !done) return done;
  auto insert = database_.prepare(
      "INSERT INTO slow_query (id, dialect, text, database, user, application, tags, sample, "
      "state, "
      "queue, pool_wait, server, transfer, rows, bytes, plan) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  if (!insert) return std::unexpected(insert.error());
  for (const SlowQuery& one : slow) {
    if (!one.statement) continue;
    insert->bind(1, as_signed(one.id))
        .bind(2, name_of(one.statement->dialect()))
        .bind(3, one.statement->text())
        .bind(4, one.database)
        .bind(5, one.user)
        .bind(6, one.caller.application)
        .bind(7, one.caller.tags)
        .bind_blob(8, bytes_of(one.sample))
        .bind(9, one.state)
        .bind(10, one.queue.count())
        .bind(11, one.pool_wait.count())
        .bind(12, one.server.count())
        .bind(13, one.transfer.count())
        .bind(14, as_signed(one.rows))
        .bind(15, as_signed(one.bytes))
        .bind(16, one.plan);
    if (auto done = insert->run(); !done) return done;
  }
  return transaction->commit();
}

Result<std::vector<SlowQuery>> QueryStore::load_slow(query::Templates& templates) {
  auto select = database_.prepare(
      "SELECT id, dialect, text, database, user, application, tags, sample, state, queue, "
      "pool_wait, "
      "server, transfer, rows, bytes, plan FROM slow_query ORDER BY id DESC");
  if (!select) return std::unexpected(select.error());
  std::vector<SlowQuery> all;
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return all;
    SlowQuery one;
    one.statement = template_of(templates, select->text(1), select->text(2));
    if (!one.statement || !read_sample(select->blob(7), one.sample)) continue;
    one.id = static_cast<std::uint64_t>(select->integer(0));
    one.database = select->text(3);
    one.user = select->text(4);
    one.caller = {std::string(select->text(5)), std::string(select->text(6))};
    one.state = select->text(8);
    one.queue = Duration(select->integer(9));
    one.pool_wait = Duration(select->integer(10));
    one.server = Duration(select->integer(11));
    one.transfer = Duration(select->integer(12));
    one.rows = static_cast<std::uint64_t>(select->integer(13));
    one.bytes = static_cast<std::uint64_t>(select->integer(14));
    one.plan = select->text(15);
    all.push_back(std::move(one));
  }
}

Result<void> QueryStore::save_loops(std::span<const Loop> loops) {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return std::unexpected(transaction.error());
  if (auto done = database_.run("DELETE FROM loop"); !done) return done;
  auto insert = database_.prepare(
      "INSERT OR REPLACE INTO loop (id, kind, statement, cycle, source, source_column, parameter, "
      "bursts, calls, p50, p95, max, wasted, callers, first_seen, last_seen) "
      "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  if (!insert) return std::unexpected(insert.error());
  for (const Loop& one : loops) {
    insert->bind(1, one.id)
        .bind(2, query::name_of(one.kind))
        .bind(3, one.statement.text())
        .bind(4, joined(one.cycle))
        .bind(5, one.source.text())
        .bind(6, one.source_column)
        .bind(7, std::int64_t{one.parameter})
        .bind(8, as_signed(one.bursts))
        .bind(9, as_signed(one.calls))
        .bind(10, as_signed(one.p50))
        .bind(11, as_signed(one.p95))
        .bind(12, as_signed(one.max))
        .bind(13, one.wasted.count())
        .bind_blob(14, bytes_of(one.callers))
        .bind(15, one.first_seen)
        .bind(16, one.last_seen);
    if (auto done = insert->run(); !done) return done;
  }
  return transaction->commit();
}

Result<std::vector<Loop>> QueryStore::load_loops() {
  auto select = database_.prepare(
      "SELECT id, kind, statement, cycle, source, source_column, parameter, bursts, calls, p50, "
      "p95, "
      "max, wasted, callers, first_seen, last_seen FROM loop ORDER BY wasted DESC, id");
  if (!select) return std::unexpected(select.error());
  std::vector<Loop> all;
  for (;;) {
    const Result<bool> row = select->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) return all;
    const auto number = [&](int column) {
      return static_cast<std::uint64_t>(select->integer(column));
    };
    const auto kind = query::loop_kind_of(select->text(1));
    const auto statement = Fingerprint::parse(select->text(2));
    Loop one;
    if (!kind || !statement || !read_callers(select->blob(13), one.callers)) continue;
    one.id = select->text(0);
    one.kind = *kind;
    one.statement = *statement;
    one.cycle = parted(select->text(3));
    one.source = Fingerprint::parse(select->text(4)).value_or(Fingerprint{});
    one.source_column = select->text(5);
    one.parameter = static_cast<unsigned>(number(6));
    one.bursts = number(7);
    one.calls = number(8);
    one.p50 = number(9);
    one.p95 = number(10);
    one.max = number(11);
    one.wasted = Duration(select->integer(12));
    one.first_seen = select->integer(14);
    one.last_seen = select->integer(15);
    all.push_back(std::move(one));
  }
}

Result<void> QueryStore::reset() {
  auto transaction = Transaction::begin(database_);
  if (!transaction) return std::unexpected(transaction.error());
  if (auto done = database_.run("DELETE FROM query; DELETE FROM slow_query; DELETE FROM loop");
      !done)
    return done;
  if (auto done = transaction->commit(); !done) return done;
  saved_.clear();
  return {};
}

}  // namespace sluice::store
