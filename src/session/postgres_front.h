// Front: what all clients of one PostgreSQL listener share. The gateway implements it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/log.h"
#include "monitor/metrics.h"
#include "net/loop.h"
#include "net/tls.h"
#include "session/postgres_popular.h"
#include "session/postgres_server.h"
#include "session/postgres_statement.h"
#include "sluice/query/prepared_form.h"
#include "sluice/query/workload.h"
#include "wire/postgres/frontend.h"
#include "wire/postgres/scram.h"

namespace sluice::postgres {

class PostgresClient;

enum class ClientAuth : std::uint8_t { automatic, trust, password, md5, scram, cert, passthrough };

// Immutable; a reload makes new ones, and each client keeps those it came with.
struct FrontOptions {
  std::string name;
  ClientAuth auth = ClientAuth::automatic;
  std::shared_ptr<net::TlsServer> tls;  // null: TLS isn't offered; it knows who needs a certificate
  bool tls_required = false;
  bool replication = false;  // passed through on a connection of their own, else refused
  Duration login_timeout = std::chrono::seconds(60);
  Duration query_timeout{};  // <= 0: none, as for all of these
  Duration idle_in_transaction{};
  Duration client_idle{};
  Duration cancel_timeout = std::chrono::seconds(10);
  Duration wait = std::chrono::seconds(5);    // for a connection
  std::uint64_t prepared_bytes = 8u << 20;    // of statements, per client
  std::uint64_t prepared_total = 256u << 20;  // ... over all clients; 0: no bound
  std::vector<std::string> admin_users, stats_users;
  std::vector<std::string> ignored_parameters;  // startup parameters
};

// What is known of a user, however it is kept.
struct UserSecret {
  std::string secret;                     // plain, md5 or SCRAM verifier; empty: no password fits
  std::optional<ScramVerifier> verifier;  // made from a plain secret, so that it is made once
};

// What clients of one database and user did since the start. Relaxed: a reader sees each a bit late.
struct RouteCounts {
  std::atomic<std::uint64_t> requests = 0, transactions = 0, received = 0, sent = 0;
  // Executions that went prepared though they came unprepared, and texts that don't any more.
  std::atomic<std::uint64_t> prepared = 0, reverted = 0;
  std::atomic<std::int64_t> request_ns = 0, wait_ns = 0;
};

// What clients of one database and user share.
struct PostgresRoute {
  std::string database;  // as the client named it
  std::shared_ptr<session::Destination> destination;
  std::shared_ptr<Baselines> baselines = std::make_shared<Baselines>();
  bool transaction_mode = true;
  bool auto_prepare = false;  // what comes unprepared again and again
  bool shares = false;        // requests may share connections
  Duration wait{};
  RouteCounts counts;
  // Raised by every DDL seen in the database, whoever's: a text that is prepared after it is another
  // statement than before. DDL that we don't see is noticed by the server's error.
  std::shared_ptr<std::atomic<std::uint64_t>> schema =
      std::make_shared<std::atomic<std::uint64_t>>(0);
  // A client used currval() or lastval() when it was too late to keep its connection: from now on
  // whoever may have touched a sequence is pinned.
  std::atomic<bool> keep_sequences = false;

  // Settings that clients ask for at login, as the server spells them: nobody has to ask twice.
  std::optional<Settings::Ref> known_settings(const std::string& asked) const;
  void learn_settings(const std::string& asked, Settings::Ref settings);

 private:
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Settings::Ref> learned_;
};

struct RouteRequest {
  std::string database, user;
  std::string password;           // sent in clear: authentication passed through
  std::optional<ScramKeys> keys;  // what the client's SCRAM login left us
};

// An administrator's answer table, or just a tag.
struct ConsoleReply {
  struct Field {
    std::string name;
    std::uint32_t type = 25;  // text; 20: bigint, 23: integer
  };
  std::vector<Field> fields;
  std::vector<std::vector<std::optional<std::string>>> rows;
  std::string tag = "SHOW";
  std::vector<std::string> notices;
};

// The `pgbouncer` database.
class Console {
 public:
  virtual ~Console() = default;
  // On the calling fiber, may wait. `admin`: may change things, else only SHOW.
  virtual Result<ConsoleReply> run(std::string_view command, bool admin) = 0;
};

// Counted for each listener. Durations in seconds, sizes in bytes.
struct FrontMetrics {
  FrontMetrics(monitor::Registry& registry, const std::string& listener);
  monitor::Counter clients_accepted, clients_refused, login_failures;
  monitor::Counter queries, transactions, errors;
  monitor::Counter bytes_received, bytes_sent;
  monitor::Counter cancels, timeouts, aborted;
  monitor::Counter statements_reused, statements_parsed;
  monitor::Counter pins[static_cast<std::size_t>(query::PinCause::kCount)];
  monitor::Histogram query_time, wait_time;
};

// A worker's part of a listener. One worker.
struct FrontWorker {
  unsigned home = 0;
  net::Loop* loop = nullptr;
  query::Recorder* recorder = nullptr;  // null: statements aren't counted
  std::vector<query::Value> values;     // of the statement that is being looked at ...
  std::vector<std::string> undone;      // ... and what had to be written anew for it
  StatementTable statements;
  PopularTexts popular;
  query::PreparedForm form;  // of the simple query that is being looked at
  std::unordered_map<std::uint64_t, std::unique_ptr<PostgresClient>> clients;  // by id
  std::unordered_map<std::uint32_t, PostgresClient*> by_pid;                   // for cancels
};

// Thread-safe.
class Front {
 public:
  virtual ~Front() = default;
  virtual std::shared_ptr<const FrontOptions> options() const = 0;
  virtual session::Walk& walk() = 0;
  virtual Log& log() = 0;
  virtual const FrontMetrics& metrics() const = 0;
  virtual Console* console() = 0;  // null: there is no database `pgbouncer`

  // False: too many clients, or shutting down (then *draining is set).
  virtual bool admit_client(bool* draining) = 0;
  virtual void release_client() = 0;

  // nullopt: unknown. May wait (auth_query).
  virtual Result<std::optional<UserSecret>> find_user(const std::string& user,
                                                      const std::string& database,
                                                      Deadline deadline) = 0;
  // not_found: no such database. With a password it is proved at the server first. May wait.
  virtual Result<std::shared_ptr<PostgresRoute>> open_route(const RouteRequest& request,
                                                            Deadline deadline) = 0;
  // A replication connection of the client's own.
  virtual Result<std::unique_ptr<net::Stream>> open_tunnel(const RouteRequest& request,
                                                           const Parameters& parameters,
                                                           Buffer& greeting, Deadline deadline) = 0;
  // For mock logins of unknown users: stays the same while the process lives.
  virtual std::string_view mock_secret() const = 0;
  // Finds the client on whichever worker it is. An unknown key is nobody's.
  virtual void cancel(const CancelKey& key) = 0;
};

}  // namespace sluice::postgres
