// What clients do around a statement: wait inside transactions, have the same text parsed again and again.
#include <algorithm>

#include <fmt/format.h>

#include "query/recommend_rules.h"

namespace sluice::query {
namespace {

using namespace std::chrono_literals;

// What PostgreSQL needs to parse, analyse and plan a small statement.
constexpr Duration kParse = 100us;
// With one call in ten prepared, somebody has taken care of it already.
constexpr std::uint64_t kHardlyPrepared = 10;
// So many times the bound: a vacuum held up for that long hurts everybody.
constexpr int kVeryLong = 6;

Duration mean_pause(const QueryStats& q) {
  return q.pauses > 0 ? q.pause_total / static_cast<std::int64_t>(q.pauses) : 0ns;
}

void add_pauses(const Case& c, Recommendation& r) {
  const QueryStats& q = c.stats;
  r.evidence = {{"pauses", std::to_string(q.pauses)},
                {"mean pause", words_of(mean_pause(q))},
                {"longest pause", words_of(q.pause_max)},
                {"all pauses", words_of(q.pause_total)}};
}

}  // namespace

Advice idle_in_transaction(const Case& c) {
  const QueryStats& q = c.stats;
  if (q.pauses == 0 || q.pause_max < c.options.idle_in_transaction) return std::nullopt;
  Recommendation r = c.begin(AdviceKind::idle_in_transaction);
  r.severity = q.pause_max >= kVeryLong * c.options.idle_in_transaction ? Severity::critical
                                                                        : Severity::warning;
  r.title = "Don't leave transactions open";
  r.sentence = fmt::format(
      "After this statement a client left its transaction open for {}. For as long it kept a "
      "server "
      "connection, its locks, and VACUUM from what it could still see.",
      words_of(q.pause_max));
  r.action =
      "End the transaction before anything slow that isn't SQL: requests to others, files, a user. "
      "Set "
      "idle_in_transaction_session_timeout on the server, or the pool's idle transaction timeout "
      "here, "
      "as a safety net.";
  add_pauses(c, r);
  r.evidence.emplace_back("bound", words_of(c.options.idle_in_transaction));
  r.saved = q.pause_total;
  return r;
}

Advice held_transaction(const Case& c) {
  const QueryStats& q = c.stats;
  if (q.pauses < c.options.least_calls || mean_pause(q) < c.options.think_time) return std::nullopt;
  Recommendation r = c.begin(AdviceKind::held_transaction);
  r.title = "Do the work outside of the transaction";
  r.sentence = fmt::format(
      "After this statement clients go on only {} later on average, {} times so far, with a "
      "transaction open. Meanwhile nobody else can use their server connections.",
      words_of(mean_pause(q)), q.pauses);
  r.action =
      "Compute and call others before BEGIN or after COMMIT; keep only the statements between "
      "them. "
      "Frameworks that wrap a whole web request in a transaction can be told not to.";
  add_pauses(c, r);
  r.evidence.emplace_back("bound",
                          fmt::format("{} on average, {} times", words_of(c.options.think_time),
                                      c.options.least_calls));
  r.saved = q.pause_total;
  return r;
}

Advice not_prepared(const Case& c) {
  const bool counts = c.verb == Verb::select || c.verb == Verb::insert || c.verb == Verb::update ||
                      c.verb == Verb::delete_;
  const QueryStats& q = c.stats;
  const std::uint64_t anew = q.simple + q.unnamed;
  if (!counts || anew < c.options.parsed_anew || q.prepared * kHardlyPrepared > anew)
    return std::nullopt;
  if (c.facts != nullptr && c.facts->statements > 1) return std::nullopt;  // can't be prepared
  Recommendation r = c.begin(AdviceKind::not_prepared);
  r.title = fmt::format("Prepare the statement on {}", c.subject());
  r.sentence = fmt::format(
      "The server parsed and planned this statement {} times; {} calls used a prepared one.", anew,
      q.prepared);
  r.action =
      "Let the driver prepare it: prepareThreshold in JDBC, prepare_threshold in psycopg 3, a name "
      "in "
      "node-postgres, Max Auto Prepare in Npgsql, cache_statement in pgx. Prepared statements work "
      "through this gateway in transaction mode too.";
  r.evidence = {{"parsed anew", fmt::format("{} times", anew)},
                {"simple", std::to_string(q.simple)},
                {"unnamed", std::to_string(q.unnamed)},
                {"prepared", std::to_string(q.prepared)},
                {"mean", words_of(c.mean())},
                {"bound", fmt::format("{} times", c.options.parsed_anew)}};
  r.saved = std::min(kParse * static_cast<std::int64_t>(anew), q.server / 5);
  return r;
}

}  // namespace sluice::query
