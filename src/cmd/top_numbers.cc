#include "cmd/top_numbers.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <unordered_map>

namespace sluice::cmd {
namespace {

constexpr std::array<std::string_view, 4> kOrders = {"time", "calls", "mean", "errors"};

// What a count grew by.
double grown(std::uint64_t before, std::uint64_t after) {
  return static_cast<double>(after >= before ? after - before : after);
}

using Known = std::unordered_map<std::string_view, const StatementRow*>;

// Nullopt: it wasn't called in between. `share` is the time in ms, still.
std::optional<TopRow> row_of(const StatementRow& after, const StatementRow* known, double seconds) {
  static const StatementRow none;
  const bool anew = known == nullptr || after.calls < known->calls;
  const StatementRow& before = anew ? none : *known;
  const double calls = grown(before.calls, after.calls);
  if (calls <= 0) return std::nullopt;
  const double took = std::max(0.0, after.total_ms - before.total_ms);
  TopRow row;
  row.query = after.query;
  row.calls = calls / seconds;
  row.errors = grown(before.errors, after.errors) / seconds;
  row.mean_ms = took / calls;
  row.rows_per_call = grown(before.rows, after.rows) / calls;
  row.share = took;
  row.p99_ms = after.p99_ms;
  return row;
}

// What a pool shared since `before`; all of it where the pool is new.
void since(const PoolsView& before, PoolRow& pool) {
  const auto was = std::ranges::find_if(before.items, [&](const PoolRow& other) {
    return std::tie(other.listener, other.database, other.user) ==
           std::tie(pool.listener, pool.database, pool.user);
  });
  if (was == before.items.end()) return;
  const bool anew =
      pool.shared < was->shared || pool.alone < was->alone || pool.stalls < was->stalls;
  if (anew) return;
  pool.shared -= was->shared;
  pool.alone -= was->alone;
  pool.stalls -= was->stalls;
}

double rank(const TopRow& row, TopOrder order) {
  switch (order) {
    case TopOrder::time: return row.share;
    case TopOrder::calls: return row.calls;
    case TopOrder::mean: return row.mean_ms;
    case TopOrder::errors: return row.errors;
  }
  return 0;
}

}  // namespace

std::string_view name_of(TopOrder order) { return kOrders[static_cast<std::size_t>(order)]; }

std::optional<TopOrder> top_order_of(std::string_view name) {
  const auto found = std::ranges::find(kOrders, name);
  if (found == kOrders.end()) return std::nullopt;
  return static_cast<TopOrder>(found - kOrders.begin());
}

TopNumbers top_numbers(const TopSample& first) {
  TopNumbers out;
  out.pools = first.pools;
  return out;
}

TopNumbers top_numbers(const TopSample& before, const TopSample& after, TopOrder order) {
  TopNumbers out;
  out.pools = after.pools;
  for (PoolRow& pool : out.pools.items) since(before.pools, pool);
  const double seconds =
      std::max(1e-3, std::chrono::duration<double>(after.at - before.at).count());
  out.seconds = seconds;
  out.requests = grown(before.pools.requests, after.pools.requests) / seconds;
  out.transactions = grown(before.pools.transactions, after.pools.transactions) / seconds;
  Known known;
  for (const StatementRow& row : before.statements.items) known.emplace(row.fingerprint, &row);
  // A page that was full leaves statements out: one that comes onto it isn't new.
  const bool complete = before.statements.items.size() >= before.statements.count;
  double time = 0;
  for (const StatementRow& statement : after.statements.items) {
    const auto found = known.find(statement.fingerprint);
    if (found == known.end() && !complete) continue;
    auto row = row_of(statement, found == known.end() ? nullptr : found->second, seconds);
    if (!row) continue;
    time += row->share;
    out.errors += row->errors;
    out.rows.push_back(std::move(*row));
  }
  out.busy = time / 1e3 / seconds;
  for (TopRow& row : out.rows) row.share = time > 0 ? row.share / time : 0;
  std::ranges::sort(out.rows, [&](const TopRow& a, const TopRow& b) {
    return std::tuple(rank(b, order), b.share, a.query) <
           std::tuple(rank(a, order), a.share, b.query);
  });
  return out;
}

}  // namespace sluice::cmd
