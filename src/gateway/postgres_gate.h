// PostgresGate: one [[postgres]] listener at work: its sockets, clients, users, routes and pools.
//
// The files: postgres_gate (opening, admission, leaving), postgres_users (secrets), postgres_routes
// (databases, pools, logins at servers), postgres_upkeep (bounds and upkeep of pools), gateway_views
// (what the admin side sees).
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "flow/lanes.h"
#include "gateway/config.h"
#include "gateway/gateway.h"
#include "gateway/server_socket.h"
#include "session/postgres_front.h"
#include "session/postgres_login.h"

namespace sluice::gateway {

// A database and user, and the pool that serves them.
struct Route {
  std::string listener, database, user;
  std::shared_ptr<postgres::PostgresRoute> shared;  // what sessions see
  std::shared_ptr<PoolCore> pool;
  std::vector<std::shared_ptr<flow::Lanes>> lanes;  // by worker; empty: nothing is shared

  std::atomic<bool> paused = false;
  SocketChoice sockets;
  // The rest changes at a reload or when a client proves a new password. Thread-safe by `mutex`.
  mutable std::mutex mutex;
  Target target;
  std::vector<postgres::ServerLogin> logins;  // one for each host, tried in order
  bool may_use_sockets = false;               // of those servers that are on this machine
  std::string proved_password;                // passthrough: the server has accepted it ...
  Time proved_at{};                           // ... then
  std::vector<monitor::Registration> metrics;
  std::string last_error;
};

// With the SCRAM verifier of a plain password made once.
postgres::UserSecret secret_of(const std::string& text);

class PostgresGate final : public postgres::Front,
                           public std::enable_shared_from_this<PostgresGate> {
 public:
  PostgresGate(Gateway& gateway, std::shared_ptr<const PostgresListener> config);
  ~PostgresGate() override;

  // Reads certificates and user lists, binds every address.
  Result<void> open(std::shared_ptr<const PostgresListener> config, unsigned backlog);
  // Whether configure() would succeed; binds new addresses already. Changes nothing that clients see.
  Result<void> check(std::shared_ptr<const PostgresListener> config, unsigned backlog);
  Result<void> configure(std::shared_ptr<const PostgresListener> config);
  void accept();          // begins on all workers
  void stop_accepting();  // waits until no worker accepts any more
  void drain_clients(bool at_once);
  unsigned clients() const { return client_count_.load(); }
  bool idle();   // no client is left, not even in its login
  void close();  // the pools, for good; before the workers stop

  std::shared_ptr<const PostgresListener> config() const;
  std::vector<std::string> addresses() const;
  static Result<std::vector<net::Endpoint>> endpoints(const PostgresListener& config);

  std::vector<std::shared_ptr<Route>> routes() const;
  Target target_of(const Route& route) const;
  // Runs `visit` for each client, on its worker.
  void each_client(const std::function<void(postgres::PostgresClient&)>& visit);

  // --- Front -------------------------------------------------------------------------------------------------
  std::shared_ptr<const postgres::FrontOptions> options() const override;
  session::Walk& walk() override;
  Log& log() override;
  const postgres::FrontMetrics& metrics() const override { return metrics_; }
  postgres::Console* console() override;
  bool admit_client(bool* draining) override;
  void release_client() override { --client_count_; }
  Result<std::optional<postgres::UserSecret>> find_user(const std::string& user,
                                                        const std::string& database,
                                                        Deadline deadline) override;
  Result<std::shared_ptr<postgres::PostgresRoute>> open_route(const postgres::RouteRequest& request,
                                                              Deadline deadline) override;
  Result<std::unique_ptr<net::Stream>> open_tunnel(const postgres::RouteRequest& request,
                                                   const postgres::Parameters& parameters,
                                                   Buffer& greeting, Deadline deadline) override;
  std::string_view mock_secret() const override { return mock_secret_; }
  void cancel(const postgres::CancelKey& key) override;

 private:
  // What a reload replaces as a whole. Immutable.
  struct Setup {
    std::shared_ptr<const PostgresListener> config;
    std::shared_ptr<const postgres::FrontOptions> options;
    std::map<std::string, postgres::UserSecret, std::less<>> users;
    std::map<std::string, std::shared_ptr<net::TlsClient>> tls;  // by tls_key()
  };
  std::shared_ptr<const Setup> setup() const;
  Result<std::shared_ptr<Setup>> make_setup(std::shared_ptr<const PostgresListener> config);
  Result<void> bind(const std::vector<net::Endpoint>& addresses, unsigned backlog,
                    unsigned unix_mode);
  Result<void> load_users(Setup& setup);
  Result<std::optional<postgres::UserSecret>> query_user(const Setup& setup, const Target& target,
                                                         const std::string& user,
                                                         const std::string& database,
                                                         Deadline deadline);
  Result<std::shared_ptr<Route>> find_route(const std::string& database, const std::string& user);
  std::vector<std::shared_ptr<flow::Lanes>> make_lanes(const Target& target,
                                                       const std::shared_ptr<PoolCore>& pool) const;
  std::shared_ptr<Route> make_route(const Setup& setup, const Target& target,
                                    const std::string& database, const std::string& user);
  Result<std::vector<postgres::ServerLogin>> logins(const Setup& setup, const Target& target,
                                                    const std::string& user);
  void update_route(const Setup& setup, Route& route);
  PoolOptions pool_options(const Target& target) const;
  Result<void> prove(const Setup& setup, const postgres::RouteRequest& request, Deadline deadline);
  bool proved(const Route& route, const std::string& password) const;
  void measure(Route& route);
  void measure_sharing(Route& route);
  void forget_unused();
  Result<std::unique_ptr<postgres::ServerConn>> log_in(Route& route,
                                                       const postgres::ServerLogin& login,
                                                       unsigned home, Deadline deadline);
  Result<std::unique_ptr<Poolable>> connect(Route& route, unsigned home, Deadline deadline);
  bool make_room(const Route& route);
  static bool make_room(const Route& route, const std::vector<std::shared_ptr<Route>>& all,
                        unsigned bound);
  std::vector<std::shared_ptr<Route>> routes_of(const std::string& database) const;
  unsigned this_home() const;
  void maintain(unsigned home);

  Gateway& gateway_;
  postgres::FrontMetrics metrics_;
  std::shared_ptr<postgres::StatementMemory> prepared_;
  monitor::Registration prepared_gauge_;
  std::string mock_secret_;
  mutable std::mutex mutex_;  // setup_, routes_, sockets_
  std::shared_ptr<const Setup> setup_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Route>> routes_;
  std::vector<std::shared_ptr<Route>>
      retired_;  // replaced by a reload, their clients stay until they leave
  std::map<std::string, std::shared_ptr<std::atomic<std::uint64_t>>>
      schemas_;  // by server and database
  std::map<std::string, std::vector<std::shared_ptr<net::ListenSocket>>>
      sockets_;  // by address as configured
  std::vector<std::unique_ptr<postgres::FrontWorker>> workers_;
  std::vector<std::vector<std::unique_ptr<net::Acceptor>>> acceptors_;  // [worker]
  struct Upkeep {  // of the pools, once a second on each worker
    std::unique_ptr<net::Timer> timer;
    bool running = false;
  };
  std::vector<Upkeep> upkeep_;
  std::atomic<unsigned> client_count_ = 0;
  std::atomic<bool> stopping_ = false;
};

}  // namespace sluice::gateway
