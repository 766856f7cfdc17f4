// Gateway: everything that runs, built from one configuration: workers, listeners, stages, pools.
//
// cmd/ builds one and passes references; nothing here is global. start(), reload(), drain() and stop()
// are called by one thread (main's); what the admin side asks for is thread-safe.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "flow/pipeline.h"
#include "gateway/config.h"
#include "monitor/metrics.h"
#include "net/listener.h"
#include "session/postgres_client.h"
#include "session/postgres_front.h"

namespace sluice::gateway {

class PostgresGate;
class QueryWatch;

// --- what the admin side is told ---------------------------------------------------------------------------
struct PoolView {
  std::string listener, database, user;  // database as the client names it
  std::string server;                    // "host:port"
  std::string server_database;
  PoolMode mode = PoolMode::transaction;
  unsigned min = 0, max = 0;
  PoolStats stats;
  bool paused = false;
  unsigned clients_active = 0, clients_waiting = 0, clients_idle = 0;
  std::string last_error;  // of the last failed login, empty after a success
  Multiplex multiplex = Multiplex::automatic;
  batch::SharingTotals sharing;
  std::uint64_t prepared = 0;  // executions that came unprepared and went prepared
  std::uint64_t reverted = 0;  // texts for which that didn't pay
};
// Whether a statement shares connections in a pool. Alone::no: it does.
struct SharingView {
  std::string listener, database, user;
  batch::Alone alone = batch::Alone::no;
};
struct ServerView {
  std::string listener, database, user;
  net::Endpoint endpoint;
  std::uint64_t id = 0;
  bool leased = false;
  unsigned home = 0;
  std::uint32_t pid = 0;  // of the server process
  Duration age{}, in_state{};
  std::uint64_t uses = 0;
};
struct ClientView {
  std::string listener;
  postgres::PostgresClient::Snapshot snapshot;
};
struct Component {
  std::string name;  // "postgres listener app", "upstream db1:5432"
  bool ready = false;
  std::string detail;
};
struct Totals {  // since the start, for one database of one listener
  std::string listener, database;
  std::uint64_t requests = 0, transactions = 0, received = 0, sent = 0;
  Duration request_time{}, wait_time{};
};

class Gateway {
 public:
  Gateway(Config config, Log& log, monitor::Registry& registry);
  ~Gateway();  // stop()

  // Opens every listener, or none: an error names the one that can't be opened.
  Result<void> start();
  // Swaps the configuration in, or leaves all as it was and says why.
  Result<void> reload(Config config);
  // Stops accepting; clients leave at their transaction boundary with 57P01; at the configured
  // deadline the rest is cut off. Returns when all are gone.
  void drain();
  void stop();
  void hurry() { hurry_ = true; }  // a drain under way cuts the rest off now; thread-safe
  bool draining() const { return draining_.load(std::memory_order_acquire); }

  // "postgres 127.0.0.1:6432": one entry for each open listener.
  std::vector<std::string> addresses() const;
  std::shared_ptr<const Config> config() const;
  // Serves the `pgbouncer` database. Before start().
  void set_console(postgres::Console* console) { console_ = console; }

  // --- for the admin side: thread-safe, from any thread or fiber; may wait for the workers -----------------
  std::vector<PoolView> pools();
  std::vector<ServerView> servers();
  std::vector<ClientView> clients();
  std::vector<Component> components();
  std::vector<Totals> totals();
  std::vector<SharingView> sharing(const query::Fingerprint& statement);  // pools where it came
  QueryWatch& queries() { return *watch_; }
  // The plan of a slow SELECT, as EXPLAIN's JSON, on a connection that is idle now. Errors: exhausted
  // (none is), unavailable (it can't be explained), the server's.
  Result<std::string> explain(const query::SlowQuery& slow);
  unsigned workers() const { return static_cast<unsigned>(workers_.size()); }
  Time started() const { return started_; }
  monitor::Registry& registry() { return registry_; }
  Log& log() { return log_; }

  // An empty database means all. Errors: not_found.
  Result<void> pause(const std::string& database);  // returns when no lease is out
  Result<void> resume(const std::string& database);
  Result<void> reconnect(
      const std::string& database);                // connections are replaced as they come back
  Result<void> kill(const std::string& database);  // its clients are cut off, then it is paused
  bool kill_client(std::uint64_t id);
  // Asks the main thread for a reload or a shutdown, as a signal would.
  std::function<Result<void>()> on_reload;
  std::function<void(bool at_once)> on_shutdown;

 private:
  friend class PostgresGate;
  std::vector<std::shared_ptr<PostgresGate>> gates() const;

  Log& log_;
  monitor::Registry& registry_;
  mutable std::mutex mutex_;  // config_, gates_
  std::shared_ptr<const Config> config_;
  std::vector<std::unique_ptr<net::Worker>> workers_;
  postgres::ServerConn::Loops loops_;
  Limiter limiter_;
  std::unique_ptr<QueryWatch> watch_;
  Cache cache_;
  Flights flights_;
  Balancer balancer_;
  flow::Pipeline pipeline_;
  std::vector<std::shared_ptr<PostgresGate>> gates_;
  std::vector<std::shared_ptr<PostgresGate>>
      retired_;  // taken out by a reload, their clients leave
  postgres::Console* console_ = nullptr;
  std::atomic<bool> draining_ = false, hurry_ = false;
  std::atomic<std::uint64_t> next_client_ = 1;
  Time started_{};
  bool running_ = false;
};

}  // namespace sluice::gateway
