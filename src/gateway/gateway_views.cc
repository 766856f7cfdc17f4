// What the admin side sees of a gateway, and what it may do to it.
#include <algorithm>
#include <map>
#include <thread>

#include "gateway/gateway.h"
#include "gateway/postgres_gate.h"
#include "net/fiber.h"

namespace sluice::gateway {
namespace {

constexpr Duration kStep = std::chrono::milliseconds(20);

void wait_a_bit() {
  if (net::current_fiber())
    net::sleep_until(now() + kStep);
  else
    std::this_thread::sleep_for(kStep);
}

std::unexpected<Error> no_such(const std::string& database) {
  return fail(Code::not_found, "no pool of a database \"" + database + "\"");
}

}  // namespace

std::vector<PoolView> Gateway::pools() {
  struct Count {
    unsigned active = 0, waiting = 0, idle = 0;
  };
  std::vector<PoolView> all;
  for (const auto& gate : gates()) {
    std::map<std::pair<std::string, std::string>, Count> counts;
    gate->each_client([&](postgres::PostgresClient& client) {
      const auto seen = client.snapshot();
      Count& count = counts[{seen.database, seen.user}];
      ++(seen.waiting ? count.waiting : seen.active ? count.active : count.idle);
    });
    for (const auto& route : gate->routes()) {
      const Target target = gate->target_of(*route);
      PoolView view{.listener = route->listener, .database = route->database, .user = route->user};
      view.server_database = target.dsn.database;
      view.mode = target.pool.mode;
      view.min = target.pool.min;
      view.max = target.pool.max;
      view.stats = route->pool->stats(now());
      view.paused = route->paused;
      view.multiplex = target.pool.multiplex;
      for (const auto& lanes : route->lanes) view.sharing.add(lanes->figures());
      view.prepared = route->shared->counts.prepared;
      view.reverted = route->shared->counts.reverted;
      if (auto at = counts.find({route->database, route->user}); at != counts.end()) {
        view.clients_active = at->second.active;
        view.clients_waiting = at->second.waiting;
        view.clients_idle = at->second.idle;
      }
      std::lock_guard lock(route->mutex);
      if (!route->logins.empty())
        view.server = route->sockets.endpoint(route->logins.front().endpoint).text();
      view.last_error = route->last_error;
      all.push_back(std::move(view));
    }
  }
  return all;
}

std::vector<ServerView> Gateway::servers() {
  std::vector<ServerView> all;
  const Time at = now();
  for (const auto& gate : gates())
    for (const auto& route : gate->routes())
      route->pool->each([&](const PoolCore::View& v) {
        ServerView view{
            .listener = route->listener, .database = route->database, .user = route->user};
        view.id = v.id;
        view.leased = v.leased;
        view.home = v.home;
        view.age = at - v.created;
        view.in_state = at - v.since;
        view.uses = v.uses;
        if (const auto* server = static_cast<const postgres::ServerConn*>(v.connection)) {
          view.endpoint = server->facts().endpoint;
          view.pid = server->facts().key.pid;
        }
        all.push_back(std::move(view));
      });
  return all;
}

std::vector<ClientView> Gateway::clients() {
  std::vector<ClientView> all;
  for (const auto& gate : gates()) {
    const std::string listener = gate->config()->name;
    gate->each_client(
        [&](postgres::PostgresClient& client) { all.push_back({listener, client.snapshot()}); });
  }
  return all;
}

std::vector<Component> Gateway::components() {
  std::vector<Component> all;
  for (const auto& gate : gates()) {
    all.push_back({"postgres listener " + gate->config()->name, !draining(),
                   draining() ? "draining" : "accepting"});
    for (const auto& route : gate->routes()) {
      const PoolStats stats = route->pool->stats(now());
      std::lock_guard lock(route->mutex);
      const bool reachable = route->last_error.empty() || stats.total > 0;
      all.push_back({"pool " + route->database + "/" + route->user, reachable,
                     reachable ? std::to_string(stats.total) + " connections" : route->last_error});
    }
  }
  return all;
}

std::vector<Totals> Gateway::totals() {
  std::vector<Totals> all;
  for (const auto& gate : gates())
    for (const auto& route : gate->routes()) {
      const postgres::RouteCounts& c = route->shared->counts;
      all.push_back({route->listener, route->database, c.requests, c.transactions, c.received,
                     c.sent, Duration(c.request_ns), Duration(c.wait_ns)});
    }
  return all;
}

// Each worker finds out for itself. What one of them shares isn't kept from it for good, and what isn't
// proven yet says less than any other reason.
static std::optional<batch::Alone> decided(const Route& route,
                                           const query::Fingerprint& statement) {
  auto rank = [](batch::Alone why) {
    if (why == batch::Alone::no) return 2;
    return why == batch::Alone::unproven || why == batch::Alone::unanalysed ? 0 : 1;
  };
  std::optional<batch::Alone> best;
  for (const auto& lanes : route.lanes)
    if (const auto why = lanes->verdict(statement); why && (!best || rank(*why) > rank(*best)))
      best = why;
  return best;
}

std::vector<SharingView> Gateway::sharing(const query::Fingerprint& statement) {
  std::vector<SharingView> all;
  for (const auto& gate : gates())
    for (const auto& route : gate->routes())
      if (const auto why = decided(*route, statement))
        all.push_back({route->listener, route->database, route->user, *why});
  return all;
}

// Calls `act` for each route of the database; not_found if there is none.
template <class Act>
static Result<void> for_routes(const std::vector<std::shared_ptr<PostgresGate>>& gates,
                               const std::string& database, Act&& act) {
  bool any = database.empty();
  for (const auto& gate : gates)
    for (const auto& route : gate->routes())
      if (database.empty() || route->database == database) {
        any = true;
        act(*gate, *route);
      }
  if (!any) return no_such(database);
  return {};
}

Result<void> Gateway::pause(const std::string& database) {
  std::vector<std::shared_ptr<PoolCore>> pools;
  auto done = for_routes(gates(), database, [&](PostgresGate&, Route& route) {
    route.paused = true;
    route.pool->pause();
    pools.push_back(route.pool);
  });
  if (!done) return done;
  while (
      std::any_of(pools.begin(), pools.end(), [](const auto& pool) { return !pool->drained(); }) &&
      !draining())
    wait_a_bit();
  return {};
}

Result<void> Gateway::resume(const std::string& database) {
  return for_routes(gates(), database, [](PostgresGate&, Route& route) {
    route.paused = false;
    route.pool->resume();
  });
}

Result<void> Gateway::reconnect(const std::string& database) {
  return for_routes(gates(), database, [](PostgresGate&, Route& route) { route.pool->clear(); });
}

Result<void> Gateway::kill(const std::string& database) {
  auto done = for_routes(gates(), database, [](PostgresGate&, Route& route) {
    route.paused = true;
    route.pool->pause();
    route.pool->clear();
  });
  if (!done) return done;
  for (const auto& gate : gates())
    gate->each_client([&](postgres::PostgresClient& client) {
      if (!client.on_console() && (database.empty() || client.database() == database))
        client.drain(true);
    });
  return {};
}

bool Gateway::kill_client(std::uint64_t id) {
  bool found = false;
  for (const auto& gate : gates())
    gate->each_client([&](postgres::PostgresClient& client) {
      if (client.id != id) return;
      found = true;
      client.drain(true);
    });
  return found;
}

}  // namespace sluice::gateway
