// Where a client's requests go: databases, the pool of each database and user, logins at servers.
#include <algorithm>

#include "base/secret.h"
#include "gateway/postgres_gate.h"
#include "net/fiber.h"
#include "wire/postgres/password.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::gateway {
namespace {

using postgres::ServerLogin;
using postgres::SslMode;

SslMode ssl_mode(TlsMode mode) { return static_cast<SslMode>(mode); }
static_assert(static_cast<int>(SslMode::verify_full) == static_cast<int>(TlsMode::verify_full));

net::Endpoint endpoint_of(const HostPort& host) {
  if (host.host.starts_with('/'))
    return {.path = host.host + "/.s.PGSQL." + std::to_string(host.port ? host.port : 5432)};
  return {.host = host.host, .port = static_cast<std::uint16_t>(host.port ? host.port : 5432)};
}

Result<std::shared_ptr<net::TlsClient>> make_tls(const ServerTls& tls) {
  if (tls.mode == TlsMode::disable) return nullptr;
  const auto verify = tls.mode == TlsMode::verify_full ? net::TlsVerify::full
                      : tls.mode == TlsMode::verify_ca ? net::TlsVerify::ca
                                                       : net::TlsVerify::none;
  return net::TlsClient::make({.verify = verify,
                               .ca_file = tls.ca,
                               .cert_file = tls.cert,
                               .key_file = tls.key,
                               .alpn = {}});
}

constexpr Duration kProofHolds = std::chrono::seconds(60);  // of a password that a server accepted

Error unknown_database(const std::string& name) {
  return {Code::not_found, 0, "database \"" + name + "\" does not exist",
          std::string(postgres::sqlstate::kInvalidCatalog)};
}

}  // namespace

PoolOptions PostgresGate::pool_options(const Target& target) const {
  const PoolSettings& p = target.pool;
  return {.min = std::min(p.min, p.max),
          .max = p.max,
          .max_connecting = p.max_connecting,
          .idle_timeout = p.idle,
          .lifetime = p.lifetime,
          .validate_after = p.validate_after};
}

// How to log in at each host of a target as `user`.
Result<std::vector<ServerLogin>> PostgresGate::logins(const Setup& setup, const Target& target,
                                                      const std::string& user) {
  const ServerTls tls = server_tls_for(*setup.config, target.dsn);
  auto context = make_tls(tls);
  if (!context) return std::unexpected(context.error());
  ServerLogin login;
  login.user = target.dsn.user.empty() ? user : target.dsn.user;
  login.database = target.dsn.database;
  login.password = target.dsn.password;
  if (target.dsn.user.empty() && login.password.empty())
    if (auto known = setup.users.find(user); known != setup.users.end())
      if (postgres::kind_of(known->second.secret) != postgres::SecretKind::scram)
        login.password = known->second.secret;
  login.ssl = ssl_mode(tls.mode);
  login.tls = std::move(*context);
  const Timeouts& t = setup.config->timeouts;
  login.options = {
      .max_prepared = target.pool.max_prepared,
      .reset_query = target.pool.reset,
      .stream = {.keepalive_idle = t.tcp_keepalive, .user_timeout = t.tcp_user_timeout}};
  std::vector<ServerLogin> all;
  for (const HostPort& host : target.dsn.hosts) {
    login.endpoint = endpoint_of(host);
    all.push_back(login);
  }
  if (all.empty())
    return fail(Code::invalid_argument,
                "no server is configured for database \"" + target.dsn.database + "\"");
  return all;
}

Result<std::shared_ptr<Route>> PostgresGate::find_route(const std::string& database,
                                                        const std::string& user) {
  auto setup = this->setup();
  auto target = find_database(*setup->config, database);
  if (!target) return std::unexpected(unknown_database(database));
  const auto key = std::pair(database, target->dsn.user.empty() ? user : target->dsn.user);
  {
    std::lock_guard lock(mutex_);
    if (auto at = routes_.find(key); at != routes_.end()) return at->second;
  }
  auto route = make_route(*setup, *target, database, key.second);
  auto how = logins(*setup, *target, key.second);
  if (!how) return std::unexpected(how.error());
  route->logins = std::move(*how);
  route->may_use_sockets = may_use_sockets(*setup->config, target->dsn);
  std::lock_guard lock(mutex_);
  auto& schema = schemas_[route->logins.front().endpoint.text() + '/' + target->dsn.database];
  if (!schema) schema = route->shared->schema;
  route->shared->schema = schema;
  auto [at, fresh] = routes_.emplace(key, std::move(route));
  if (fresh) measure(*at->second);
  return at->second;
}

std::shared_ptr<Route> PostgresGate::make_route(const Setup& setup, const Target& target,
                                                const std::string& database,
                                                const std::string& user) {
  auto route = std::make_shared<Route>();
  route->listener = setup.config->name;
  route->database = database;
  route->user = user;
  route->target = target;
  route->pool =
      PoolCore::make(pool_options(target),
                     [this, weak = std::weak_ptr(route)](
                         unsigned home, Deadline deadline) -> Result<std::unique_ptr<Poolable>> {
                       auto alive = weak.lock();
                       if (!alive)
                         return fail(Code::unavailable, "the database is no longer configured");
                       return connect(*alive, home, deadline);
                     });
  route->shared = std::make_shared<postgres::PostgresRoute>();
  route->shared->database = database;
  route->shared->transaction_mode = target.pool.mode == PoolMode::transaction;
  route->shared->auto_prepare = target.pool.auto_prepare == AutoPrepare::automatic;
  route->shared->wait = target.pool.wait;
  const std::string server =
      target.dsn.hosts.empty() ? std::string() : endpoint_of(target.dsn.hosts.front()).text();
  route->lanes = make_lanes(target, route->pool);
  route->shared->shares = !route->lanes.empty();
  route->shared->destination = std::make_shared<flow::Upstream>(
      std::vector<flow::Replica>{{server, route->pool, route->lanes}},
      std::vector<sluice::Target>{{.primary = true}});
  return route;
}

// One for each worker; none where nothing is shared.
std::vector<std::shared_ptr<flow::Lanes>> PostgresGate::make_lanes(
    const Target& target, const std::shared_ptr<PoolCore>& pool) const {
  const PoolSettings& p = target.pool;
  if (p.multiplex == Multiplex::off || p.mode != PoolMode::transaction) return {};
  flow::LaneOptions options;
  options.sharing =
      p.multiplex == Multiplex::all ? batch::Sharing::all : batch::Sharing::reads;
  options.bounds.brief = p.multiplex_below;
  std::vector<std::shared_ptr<flow::Lanes>> lanes;
  for (unsigned home = 0; home < workers_.size(); ++home)
    lanes.push_back(std::make_shared<flow::Lanes>(pool, home, options));
  return lanes;
}

// After a reload: new logins and bounds; where the server or the credentials changed, new connections.
void PostgresGate::update_route(const Setup& setup, Route& route) {
  auto target = find_database(*setup.config, route.database);
  if (!target) {
    route.pool->close();
    std::lock_guard lock(mutex_);
    std::erase_if(routes_, [&](const auto& entry) { return entry.second.get() == &route; });
    return;
  }
  auto how = logins(setup, *target, route.user);
  if (!how)
    return log().error("postgres", "route kept as it was",
                       {{"database", route.database}, {"why", how.error().detail}});
  // What sessions have been promised can't change under them: a new route for who comes from now on.
  const Target old = target_of(route);
  const PoolSettings &was = old.pool, &is = target->pool;
  if (was.mode != is.mode || was.wait != is.wait || was.reset != is.reset ||
      was.max_prepared != is.max_prepared || was.multiplex != is.multiplex ||
      was.multiplex_below != is.multiplex_below || was.auto_prepare != is.auto_prepare) {
    std::lock_guard lock(mutex_);
    auto at = std::ranges::find_if(routes_,
                                   [&](const auto& entry) { return entry.second.get() == &route; });
    if (at == routes_.end()) return;
    PoolOptions winding_down = pool_options(old);
    winding_down.min = 0;
    route.pool->set_options(winding_down);
    retired_.push_back(at->second);
    routes_.erase(at);
    return;
  }
  bool elsewhere = false;
  const bool by_sockets = may_use_sockets(*setup.config, target->dsn);
  {
    std::lock_guard lock(route.mutex);
    elsewhere = !(route.target.dsn == target->dsn) || route.may_use_sockets != by_sockets ||
                route.logins.front().password != how->front().password;
    route.may_use_sockets = by_sockets;
    route.target = *target;
    if (elsewhere) route.logins = std::move(*how);
  }
  route.sockets.forget();
  route.pool->set_options(pool_options(*target));
  if (elsewhere) route.pool->clear();
}

Result<std::shared_ptr<postgres::PostgresRoute>> PostgresGate::open_route(
    const postgres::RouteRequest& request, Deadline deadline) {
  const auto setup = this->setup();
  const bool judged_by_server = setup->options->auth == postgres::ClientAuth::passthrough;
  if (judged_by_server)
    if (auto proof = prove(*setup, request, deadline); !proof)
      return std::unexpected(proof.error());
  auto route = find_route(request.database, request.user);
  if (!route) return std::unexpected(route.error());
  std::lock_guard lock((*route)->mutex);
  if (judged_by_server) {
    (*route)->proved_password = request.password;
    (*route)->proved_at = now();
  }
  for (ServerLogin& login : (*route)->logins) {
    // What the client proved to us serves to log in as the client.
    if (judged_by_server) login.password = request.password;
    if (!login.password.empty()) continue;
    if (request.keys) login.keys = request.keys;
    if (!request.password.empty()) login.password = request.password;
  }
  return (*route)->shared;
}

bool PostgresGate::proved(const Route& route, const std::string& password) const {
  std::lock_guard lock(route.mutex);
  return !route.proved_password.empty() && now() - route.proved_at < kProofHolds &&
         constant_time_equal(route.proved_password, password);
}

// Passed-through authentication: the server judges the password, each new one once and now and then
// again. Before it has, nothing is kept of who asks.
Result<void> PostgresGate::prove(const Setup& setup, const postgres::RouteRequest& request,
                                 Deadline deadline) {
  auto target = find_database(*setup.config, request.database);
  if (!target) return std::unexpected(unknown_database(request.database));
  if (!target->dsn.user.empty() && target->dsn.user != request.user)
    return std::unexpected(Error{Code::unauthenticated, 0,
                                 "only user \"" + target->dsn.user + "\" is let in here",
                                 std::string(postgres::sqlstate::kInvalidPassword)});
  {
    std::unique_lock lock(mutex_);
    auto known = routes_.find(std::pair(request.database, request.user));
    const auto route = known == routes_.end() ? nullptr : known->second;
    lock.unlock();
    if (route && proved(*route, request.password)) return {};
  }
  auto how = logins(setup, *target, request.user);
  if (!how) return std::unexpected(how.error());
  Error last{Code::unavailable, 0, "no server is configured"};
  for (ServerLogin& login : *how) {
    login.password = request.password;
    auto proof =
        postgres::log_in(*net::Loop::current(), login, std::make_shared<postgres::Baselines>(),
                         gateway_.loops_, deadline);
    if (proof) return {};
    last = proof.error();
    if (!last.state.empty()) break;  // a server has spoken
  }
  return std::unexpected(last);
}

Result<std::unique_ptr<postgres::ServerConn>> PostgresGate::log_in(Route& route,
                                                                   const ServerLogin& login,
                                                                   unsigned home,
                                                                   Deadline deadline) {
  net::Loop& loop = *gateway_.loops_.at(home);
  std::unique_lock lock(route.mutex);
  const bool by_socket = route.may_use_sockets && !login.endpoint.is_unix();
  lock.unlock();
  if (!by_socket)
    return postgres::log_in(loop, login, route.shared->baselines, gateway_.loops_, deadline);
  return route.sockets.log_in({loop, login, route.shared->baselines, gateway_.loops_, deadline},
                              log());
}

// A connection for a pool: the first host that lets us in.
Result<std::unique_ptr<Poolable>> PostgresGate::connect(Route& route, unsigned home,
                                                        Deadline deadline) {
  if (!make_room(route))
    return std::unexpected(Error{Code::exhausted, 0, "pool.max_total connections are open",
                                 std::string(postgres::sqlstate::kTooManyConnections)});
  std::vector<ServerLogin> how;
  {
    std::lock_guard lock(route.mutex);
    how = route.logins;
    deadline = std::min(deadline, deadline_after(now(), route.target.pool.connect_timeout));
  }
  Error last{Code::unavailable, 0, "no server is configured"};
  for (const ServerLogin& login : how) {
    auto made = log_in(route, login, home, deadline);
    if (made) {
      std::lock_guard lock(route.mutex);
      route.last_error.clear();
      return std::move(*made);
    }
    last = made.error();
    log().warn("postgres", "server login failed",
               {{"listener", route.listener},
                {"server", login.endpoint.text()},
                {"database", login.database},
                {"user", login.user},
                {"sqlstate", last.state},
                {"why", last.text()}});
    if (!last.state.empty()) break;
  }
  if (last.state.empty() && last.code != Code::exhausted) {
    // Nobody there: say so in the words of a server that can't be reached.
    last.state =
        last.code == Code::timed_out ? "08001" : std::string(postgres::sqlstate::kUnableToConnect);
    last.code = Code::unavailable;
  }
  std::lock_guard lock(route.mutex);
  route.last_error = last.text();
  return std::unexpected(last);
}

std::vector<std::shared_ptr<Route>> PostgresGate::routes_of(const std::string& database) const {
  std::vector<std::shared_ptr<Route>> all = routes();
  std::erase_if(all, [&](const auto& route) { return route->database != database; });
  return all;
}

Target PostgresGate::target_of(const Route& route) const {
  std::lock_guard lock(route.mutex);
  return route.target;
}

std::vector<std::shared_ptr<Route>> PostgresGate::routes() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Route>> all;
  for (const auto& [key, route] : routes_) all.push_back(route);
  all.insert(all.end(), retired_.begin(), retired_.end());
  return all;
}

Result<std::unique_ptr<net::Stream>> PostgresGate::open_tunnel(
    const postgres::RouteRequest& request, const postgres::Parameters& parameters, Buffer& greeting,
    Deadline deadline) {
  auto setup = this->setup();
  const PostgresListener& config = *setup->config;
  auto target = find_database(config, request.database);
  // Physical replication is of a whole server, whatever database is named ("replication", usually).
  const bool physical = parameters.at(0).second != "database";
  if (!target && physical && !config.primary.hosts.empty())
    target = Target{config.primary, config.pool, 0, config.auth.user};
  if (!target) return std::unexpected(unknown_database(request.database));
  auto how = logins(*setup, *target, request.user);
  if (!how) return std::unexpected(how.error());
  Error last{Code::unavailable, 0, "no server is configured"};
  for (ServerLogin& login : *how) {
    if (login.password.empty()) login.password = request.password;
    if (login.password.empty()) login.keys = request.keys;
    login.parameters = parameters;
    auto stream = postgres::log_in_tunnel(*net::Loop::current(), login, greeting, deadline);
    if (stream) return stream;
    last = stream.error();
  }
  return std::unexpected(last);
}

}  // namespace sluice::gateway
