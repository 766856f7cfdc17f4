// Plans of slow statements, made on the side: only of what provably reads, only where nobody waits, with
// a limit on time. EXPLAIN without ANALYZE runs nothing.
#include "gateway/gateway.h"
#include "gateway/postgres_gate.h"
#include "gateway/query_watch.h"

namespace sluice::gateway {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);
// To bring an idle connection here from another worker, or to see that it is alive.
constexpr Duration kCheckOut = std::chrono::milliseconds(200);

// Settings end with the texts' own implicit transaction.
constexpr std::string_view kPrelude =
    "SET LOCAL statement_timeout = '1s'; SET LOCAL transaction_read_only = on; "
    "EXPLAIN (FORMAT JSON) ";

bool explainable(const query::Template& statement) {
  const query::Facts* facts = statement.facts();
  return facts && facts->unanalysed.empty() && facts->statements == 1 &&
         facts->verb == query::Verb::select && facts->writes.empty() && !facts->locks_rows;
}

Result<std::string> explain_on(Route& route, const std::string& sql, unsigned home) {
  if (route.paused || route.pool->stats(now()).idle == 0)
    return fail(Code::exhausted, "no connection is idle");
  auto lease = route.pool->acquire({.deadline = now() + kCheckOut, .home = home});
  if (!lease) return std::unexpected(lease.error());
  auto& server = static_cast<postgres::ServerConn&>(lease->get());
  auto answer = server.run(sql, now() + kPatience);
  if (!server.usable() || server.held()) lease->discard();
  if (!answer) return std::unexpected(answer.error());
  for (const auto& row : answer->rows)
    if (row.size() == 1 && row[0]) return *row[0];
  return fail(Code::unavailable, "the server told no plan");
}

}  // namespace

Result<std::string> Gateway::explain(const query::SlowQuery& slow) {
  if (!explainable(*slow.statement)) return fail(Code::unavailable, "not a plain SELECT");
  const auto text = query::filled(slow.statement->text(), slow.sample);
  if (!text) return fail(Code::unavailable, "its values aren't known in full");
  for (const auto& gate : gates())
    for (const auto& route : gate->routes()) {
      if (route->database != slow.database || route->user != slow.user) continue;
      Result<std::string> plan = fail(Code::unavailable, "the gateway stops");
      workers_[0]->run([&] { plan = explain_on(*route, std::string(kPrelude) + *text, 0); });
      return plan;
    }
  return fail(Code::not_found, "no pool of its database and user");
}

}  // namespace sluice::gateway
