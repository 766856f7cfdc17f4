#include "admin/rates.h"

#include <map>

namespace sluice::admin {
namespace {

std::uint64_t microseconds(Duration d) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(d).count());
}

std::vector<DatabaseRates> by_database(const std::vector<gateway::Totals>& totals) {
  std::map<std::string, Amounts> sums;
  for (const gateway::Totals& t : totals) {
    Amounts& sum = sums[t.database];
    sum.transactions += t.transactions;
    sum.requests += t.requests;
    sum.received += t.received;
    sum.sent += t.sent;
    sum.request_us += microseconds(t.request_time);
    sum.wait_us += microseconds(t.wait_time);
  }
  std::vector<DatabaseRates> rows;
  for (auto& [database, sum] : sums) rows.push_back({database, sum, {}});
  return rows;
}

// Since `then`; a pool that was made anew begins at 0 again.
std::uint64_t grown(std::uint64_t now, std::uint64_t then) {
  return now >= then ? now - then : now;
}

Amounts average(const Amounts& now, const Amounts& then, double seconds) {
  auto per_second = [&](std::uint64_t a, std::uint64_t b) {
    return static_cast<std::uint64_t>(static_cast<double>(grown(a, b)) / seconds);
  };
  const std::uint64_t requests = grown(now.requests, then.requests);
  auto per_request = [&](std::uint64_t a, std::uint64_t b) {
    return requests == 0 ? 0 : grown(a, b) / requests;
  };
  return {per_second(now.transactions, then.transactions), per_second(now.requests, then.requests),
          per_second(now.received, then.received),         per_second(now.sent, then.sent),
          per_request(now.request_us, then.request_us),    per_request(now.wait_us, then.wait_us)};
}

Amounts total_in(const std::vector<DatabaseRates>& rows, const std::string& database) {
  for (const DatabaseRates& row : rows)
    if (row.database == database) return row.total;
  return {};
}

}  // namespace

std::vector<DatabaseRates> Rates::read(const std::vector<gateway::Totals>& totals, Time started,
                                       Time now) {
  std::vector<DatabaseRates> rows = by_database(totals);
  const std::lock_guard lock(mutex_);
  if (!read_once_) before_.at = last_.at = started;
  read_once_ = true;
  if (now - last_.at >= period_) {
    before_ = std::move(last_);
    last_ = {now, rows};
  }
  const double seconds = std::chrono::duration<double>(now - before_.at).count();
  for (DatabaseRates& row : rows)
    if (seconds > 0)
      row.average = average(row.total, total_in(before_.rows, row.database), seconds);
  return rows;
}

}  // namespace sluice::admin
