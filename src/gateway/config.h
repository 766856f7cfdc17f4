// Config: everything an operator can set, as plain values with their defaults.
//
// It is made once by load_config() (config_load.h) or import_pgbouncer() (pgbouncer_import.h),
// checked as a whole, then shared as immutable data; a reload makes another one and swaps it in.
// Nothing here reads a file, the environment or a clock. The key of a member is its name in
// sluice.toml; config_keys.cc lists them once for reading, writing, environment and help.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/url.h"
#include "sluice/time.h"

namespace sluice {

inline bool operator==(const Dsn& a, const Dsn& b) {
  return a.user == b.user && a.password == b.password && a.database == b.database &&
         a.hosts == b.hosts && a.options == b.options;
}

}  // namespace sluice

namespace sluice::gateway {

using std::chrono::minutes;
using std::chrono::seconds;

enum class PoolMode : std::uint8_t { session, transaction };
enum class TlsMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };
enum class Replication : std::uint8_t { refuse, passthrough };
enum class BalanceStrategy : std::uint8_t { primary };  // every statement goes to the primary
enum class CacheMode : std::uint8_t { off };
enum class ServerSocket : std::uint8_t { automatic, off };  // beside a loopback address of a server
enum class Redact : std::uint8_t { none, automatic, all };  // values of statements that are kept

// Whose statements may be in flight together on one connection. automatic: what is safe without knowing the
// application, which is `reads`.
enum class Multiplex : std::uint8_t { automatic, reads, all, off };
enum class AutoPrepare : std::uint8_t { automatic, off };

// How a client proves who it is.
enum class AuthMethod : std::uint8_t {
  automatic,  // "auto": as strong as the stored secret allows; passthrough if nobody is configured
  trust,      // no proof at all; has to be asked for by name
  password,   // clear text: for clients that know nothing else
  md5,
  scram_sha_256,
  cert,         // the certificate's common name is the user
  passthrough,  // the server judges: the client's password is used to log in there as that user
};

// Connections to a server. One pool for each database, user and server.
struct PoolSettings {
  PoolMode mode = PoolMode::transaction;
  unsigned min = 5;  // kept open once the pool was used
  unsigned max = 20;
  unsigned max_total = 0;       // over all pools of the listener, 0: no bound
  unsigned max_connecting = 4;  // logins under way at once in one pool
  Duration wait = seconds(5);   // a client waits so long for a connection; 0: for ever
  Duration lifetime = std::chrono::hours(1);  // replaced when older, 0: never
  Duration idle = minutes(10);                // closed when idle longer and above min, 0: never
  Duration connect_timeout = seconds(5);      // TCP, TLS and login together
  Duration validate_after = seconds(30);      // idle longer: a round trip proves it, 0: every time
  std::string reset = "DISCARD ALL";          // before another client gets it; empty: nothing
  unsigned max_prepared = 200;                // prepared statements kept on one connection
  Multiplex multiplex = Multiplex::automatic;
  Duration multiplex_below =
      std::chrono::milliseconds(2);  // statements share whose p99 at the server is below
  AutoPrepare auto_prepare =
      AutoPrepare::automatic;  // of what comes unprepared again and again
  bool operator==(const PoolSettings&) const = default;
};

struct AuthSettings {
  AuthMethod method = AuthMethod::automatic;
  std::map<std::string, std::string> users;  // name -> plain text, "md5..." or "SCRAM-SHA-256$..."
  std::string userlist;                      // file as PgBouncer's userlist.txt; `users` wins
  std::string query;                         // finds a user's secret, $1 is the name; "" none
  std::string user;                      // logs in to run `query`; its password: users, userlist
  std::string database;                  // where `query` runs; "": the client's
  std::vector<std::string> admin_users;  // may do everything on the pgbouncer console
  std::vector<std::string> stats_users;  // may SHOW there
  bool operator==(const AuthSettings&) const = default;
};

// Towards clients. Without a certificate there is nothing to offer: disable, allow and prefer then
// mean plain text, and the stronger modes are a configuration error.
struct ClientTls {
  TlsMode mode = TlsMode::prefer;
  std::string cert, key, ca;  // PEM files; ca verifies client certificates
  bool operator==(const ClientTls&) const = default;
};

// Towards servers, unless a DSN's sslmode, sslrootcert, sslcert, sslkey say otherwise.
struct ServerTls {
  TlsMode mode = TlsMode::prefer;
  std::string ca, cert, key;
  bool operator==(const ServerTls&) const = default;
};

// 0 means none, for each of them.
struct Timeouts {
  Duration login = seconds(60);
  Duration query{};
  Duration idle_in_transaction{};
  Duration client_idle{};
  Duration cancel = seconds(10);
  Duration tcp_keepalive = seconds(60);
  Duration tcp_user_timeout{};
  bool operator==(const Timeouts&) const = default;
};

// A database as clients name it. What is unset comes from the listener.
struct Database {
  // Complete: what the entry doesn't name is taken from the listener's primary, except the database.
  // An empty database means the name the client asked for; a user is forced on all its clients.
  Dsn dsn;
  std::optional<PoolMode> mode;
  std::optional<Multiplex> multiplex;
  std::optional<unsigned> min, max, max_total;  // max_total: over all pools of this database
  std::string auth_user;                        // instead of auth.user
  bool operator==(const Database&) const = default;
};

struct PostgresListener {
  std::string name;  // in logs and metrics; "postgres", "postgres-2"
  std::vector<std::string> listen{
      "127.0.0.1:6432"};                      // host:port; may be empty with a unix_socket_dir
  std::string unix_socket_dir;                // holds .s.PGSQL.<port>; empty: none
  unsigned unix_mode = 0777;                  // that file's permissions
  Dsn primary;                                // no hosts: none, each of `databases` has its own
  std::vector<Dsn> replicas;                  // known to the console; not sent anything yet
  std::map<std::string, Database> databases;  // "*" is the fallback; empty: all go to primary
  PoolSettings pool;
  AuthSettings auth;
  ClientTls tls;
  ServerTls server_tls;
  ServerSocket server_socket = ServerSocket::automatic;
  Timeouts timeouts;
  unsigned max_clients = 10000;
  std::uint64_t prepared_memory_per_client = 8u
                                             << 20;  // bytes of statement text one client may hold
  std::uint64_t prepared_memory = 256u << 20;        // bytes, all clients together; 0: no bound
  std::vector<std::string> ignore_startup_parameters;
  Replication replication = Replication::refuse;
  BalanceStrategy balance = BalanceStrategy::primary;
  CacheMode cache = CacheMode::off;
  bool operator==(const PostgresListener&) const = default;
};

// What is known of statements: [query].
struct QuerySettings {
  bool enabled = true;
  std::uint64_t memory = 32u << 20;  // bytes of statistics, over all workers
  Duration slow = seconds(1);        // slower ones are kept with their values
  unsigned slow_samples = 200;
  bool explain_slow = false;        // plans of slow SELECTs, made on a connection to spare
  unsigned explain_per_minute = 6;  // at most
  Redact redact = Redact::automatic;
  // automatic: values of columns whose name contains one of these
  std::vector<std::string> secret_columns = {"password", "passwd",     "secret", "token",
                                             "api_key",  "apikey",     "ssn",    "iban",
                                             "cvv",      "card_number"};
  unsigned metrics_top = 20;  // fingerprints with series of their own in /metrics
  bool operator==(const QuerySettings&) const = default;
};

struct Config {
  struct Net {
    unsigned workers = 0;  // 0: one per core
    unsigned backlog = 4096;
    bool operator==(const Net&) const = default;
  };
  struct Admin {
    bool enabled = true;
    std::string listen = "127.0.0.1:8001";
    std::string token;  // secret; may only be empty on a loopback address
    bool operator==(const Admin&) const = default;
  };
  struct Logging {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::text;
    bool operator==(const Logging&) const = default;
  };
  struct Store {
    std::string directory;  // what survives a restart; empty: nothing does
    bool operator==(const Store&) const = default;
  };
  Net net;
  Admin admin;
  QuerySettings query;
  Store store;
  Logging logging;
  Duration drain_timeout = seconds(30);  // how long a graceful stop waits for transactions to end
  std::vector<PostgresListener> postgres;
  bool operator==(const Config&) const = default;
};

// What a database name means on a listener: its entry, else "*", else the primary when no databases
// are configured. dsn.database is filled in; nullopt: unknown, the client gets 3D000.
struct Target {
  Dsn dsn;                    // dsn.user empty: log in as the client's own user
  PoolSettings pool;          // with the database's overrides
  unsigned max_database = 0;  // the database's own max_total, 0: no bound
  std::string auth_user;
};
std::optional<Target> find_database(const PostgresListener& listener, std::string_view name);

// `automatic` resolved: passthrough when neither users nor userlist nor query are configured. Else
// automatic stays: each user's stored secret decides.
AuthMethod effective_method(const PostgresListener& listener);

// The listener's server_tls with the DSN's own ssl options over it.
ServerTls server_tls_for(const PostgresListener& listener, const Dsn& dsn);

// Text as in sluice.toml: "verify-full", "scram-sha-256", "auto".
std::string_view name_of(PoolMode v);
std::string_view name_of(Multiplex v);
std::string_view name_of(AutoPrepare v);
std::string_view name_of(TlsMode v);
std::string_view name_of(AuthMethod v);
std::string_view name_of(Replication v);
std::string_view name_of(BalanceStrategy v);
std::string_view name_of(CacheMode v);
std::string_view name_of(Redact v);

}  // namespace sluice::gateway
