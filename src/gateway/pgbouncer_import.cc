// The map from PgBouncer's keys to ours stands in tables: one row a key. What a row can't say has a
// function. PgBouncer's defaults differ from ours (session mode, no TLS, 120 s of waiting), so they
// are set first.

#include "gateway/pgbouncer_import.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "base/parse.h"
#include "gateway/config_address.h"
#include "gateway/config_files.h"
#include "gateway/config_words.h"
#include "wire/postgres/userlist.h"

namespace sluice::gateway {
namespace {

using L = PostgresListener;

struct DurationRow {
  std::string_view key;
  Duration& (*member)(L&);
  double unit = 1.0;  // seconds
};
constexpr DurationRow kDurations[] = {
    {"server_lifetime", [](L& l) -> Duration& { return l.pool.lifetime; }},
    {"server_idle_timeout", [](L& l) -> Duration& { return l.pool.idle; }},
    {"server_connect_timeout", [](L& l) -> Duration& { return l.pool.connect_timeout; }},
    {"server_check_delay", [](L& l) -> Duration& { return l.pool.validate_after; }},
    {"query_wait_timeout", [](L& l) -> Duration& { return l.pool.wait; }},
    {"query_timeout", [](L& l) -> Duration& { return l.timeouts.query; }},
    {"client_idle_timeout", [](L& l) -> Duration& { return l.timeouts.client_idle; }},
    {"client_login_timeout", [](L& l) -> Duration& { return l.timeouts.login; }},
    {"idle_transaction_timeout", [](L& l) -> Duration& { return l.timeouts.idle_in_transaction; }},
    {"cancel_wait_timeout", [](L& l) -> Duration& { return l.timeouts.cancel; }},
    {"tcp_keepidle", [](L& l) -> Duration& { return l.timeouts.tcp_keepalive; }},
    {"tcp_user_timeout", [](L& l) -> Duration& { return l.timeouts.tcp_user_timeout; }, 0.001},
};

struct CountRow {
  std::string_view key;
  unsigned& (*member)(L&);
};
constexpr CountRow kCounts[] = {
    {"max_client_conn", [](L& l) -> unsigned& { return l.max_clients; }},
    {"default_pool_size", [](L& l) -> unsigned& { return l.pool.max; }},
    {"min_pool_size", [](L& l) -> unsigned& { return l.pool.min; }},
    {"max_prepared_statements", [](L& l) -> unsigned& { return l.pool.max_prepared; }},
};

struct TextRow {
  std::string_view key;
  std::string& (*member)(L&);
  bool file = false;
};
constexpr TextRow kTexts[] = {
    {"auth_file", [](L& l) -> std::string& { return l.auth.userlist; }, true},
    {"auth_query", [](L& l) -> std::string& { return l.auth.query; }},
    {"auth_user", [](L& l) -> std::string& { return l.auth.user; }},
    {"auth_dbname", [](L& l) -> std::string& { return l.auth.database; }},
    {"server_reset_query", [](L& l) -> std::string& { return l.pool.reset; }},
    {"client_tls_cert_file", [](L& l) -> std::string& { return l.tls.cert; }, true},
    {"client_tls_key_file", [](L& l) -> std::string& { return l.tls.key; }, true},
    {"client_tls_ca_file", [](L& l) -> std::string& { return l.tls.ca; }, true},
    {"server_tls_cert_file", [](L& l) -> std::string& { return l.server_tls.cert; }, true},
    {"server_tls_key_file", [](L& l) -> std::string& { return l.server_tls.key; }, true},
    {"server_tls_ca_file", [](L& l) -> std::string& { return l.server_tls.ca; }, true},
};

struct ListRow {
  std::string_view key;
  std::vector<std::string>& (*member)(L&);
};
constexpr ListRow kLists[] = {
    {"admin_users", [](L& l) -> std::vector<std::string>& { return l.auth.admin_users; }},
    {"stats_users", [](L& l) -> std::vector<std::string>& { return l.auth.stats_users; }},
    {"ignore_startup_parameters",
     [](L& l) -> std::vector<std::string>& { return l.ignore_startup_parameters; }},
};

// Keys without an equivalent, and why that does no harm or what to do instead.
constexpr std::pair<std::string_view, std::string_view> kIgnored[] = {
    {"logfile", "the log goes to standard error: let the service manager keep it"},
    {"pidfile", "the service manager knows the process"},
    {"syslog", "the log goes to standard error: let the service manager forward it"},
    {"syslog_ident", "the log goes to standard error"},
    {"syslog_facility", "the log goes to standard error"},
    {"log_connections", "connections are counted in the metrics and logged at level debug"},
    {"log_disconnections", "connections are counted in the metrics and logged at level debug"},
    {"log_pooler_errors", "errors sent to clients are counted and logged"},
    {"log_stats", "statistics are metrics"},
    {"stats_period", "averages are the metrics system's"},
    {"user", "start the program as that user"},
    {"unix_socket_group", "give the directory that group, and the setgid bit"},
    {"max_user_connections", "no bound for each user: use pool.max or pool.max_total"},
    {"max_db_client_connections", "no bound for each database: use max_clients"},
    {"max_user_client_connections", "no bound for each user: use max_clients"},
    {"reserve_pool_timeout", "the reserve is part of pool.max"},
    {"server_round_robin", "connections are reused last in, first out"},
    {"server_reset_query_always", "settings are tracked and replayed in transaction mode"},
    {"server_check_query", "an empty query is sent"},
    {"server_fast_close", "connections are closed when their client gives them back"},
    {"server_login_retry", "retries back off by themselves"},
    {"disable_pqexec", "has no equivalent"},
    {"application_name_add_host", "clients' addresses are in SHOW CLIENTS"},
    {"autodb_idle_timeout", "pools without clients empty by pool.idle"},
    {"dns_max_ttl", "names are looked up at each connect"},
    {"dns_nxdomain_ttl", "names are looked up at each connect"},
    {"dns_zone_check_period", "names are looked up at each connect"},
    {"resolv_conf", "the system's resolver is used"},
    {"suspend_timeout", "SUSPEND is not needed for a reload"},
    {"pkt_buf", "buffers size themselves"},
    {"max_packet_size", "messages stream through bounded buffers"},
    {"sbuf_loopcnt", "fairness needs no setting"},
    {"so_reuseport", "always on: one listening socket a worker"},
    {"tcp_defer_accept", "not used"},
    {"tcp_socket_buffer", "the kernel sizes socket buffers"},
    {"tcp_keepcnt", "the kernel's default"},
    {"tcp_keepintvl", "the kernel's default"},
    {"client_tls_protocols", "TLS 1.2 and newer"},
    {"client_tls_ciphers", "the TLS library's defaults"},
    {"client_tls_ecdhcurve", "the TLS library's defaults"},
    {"client_tls_dheparams", "the TLS library's defaults"},
    {"server_tls_protocols", "TLS 1.2 and newer"},
    {"server_tls_ciphers", "the TLS library's defaults"},
    {"auth_hba_file", "not read: one auth.method serves all addresses"},
    {"conffile", "a reload reads the same file"},
    {"service_name", "has no meaning here"},
    {"job_name", "has no meaning here"},
    {"peer_id", "cancel keys name worker and process by themselves"},
};

// What PgBouncer runs if only auth_user is set (its manual, auth_query).
constexpr std::string_view kDefaultAuthQuery =
    "SELECT rolname, CASE WHEN rolvaliduntil < now() THEN NULL ELSE rolpassword END FROM pg_authid "
    "WHERE rolname=$1 AND rolcanlogin";

template <class Row, std::size_t N>
const Row* row_of(const Row (&rows)[N], std::string_view key) {
  const auto found =
      std::find_if(std::begin(rows), std::end(rows), [&](const Row& r) { return r.key == key; });
  return found == std::end(rows) ? nullptr : found;
}

std::optional<std::uint8_t> index_in(std::span<const std::string_view> words,
                                     std::string_view text) {
  const auto found = std::find(words.begin(), words.end(), text);
  if (found == words.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - words.begin());
}

class Importer {
 public:
  Importer(std::string path, const ReadFile& read) : read_(read), path_(std::move(path)) {
    config_.postgres.emplace_back();
    l().name = "postgres";
    l().listen.clear();
    l().pool.mode = PoolMode::session;
    l().pool.min = 0;
    l().pool.wait = seconds(120);
    l().pool.connect_timeout = seconds(15);
    l().max_clients = 100;
    l().tls.mode = TlsMode::disable;
    l().server_tls.mode = TlsMode::disable;
    config_.net.backlog = 128;
  }

  std::expected<PgbouncerImport, std::vector<Problem>> import(
      const std::vector<IniEntry>& entries) {
    // Databases build on what [pgbouncer] says, wherever it stands.
    for (const auto& entry : entries)
      if (entry.section == "pgbouncer") read_setting(entry);
    finish_settings();
    for (const auto& entry : entries) {
      if (entry.section == "databases") read_database(entry);
      if (entry.section == "users") note(entry, "settings for single users have no equivalent");
      if (entry.section == "peers") note(entry, "not needed: cancel keys name worker and process");
    }
    finish_auth();
    if (l().databases.empty() && problems_.empty())
      problems_.push_back({path_, 0, 0, "[databases]", "is empty"});
    if (!problems_.empty()) return std::unexpected(std::move(problems_));
    return PgbouncerImport{std::move(config_), std::move(notes_)};
  }

 private:
  L& l() { return config_.postgres[0]; }
  void note(const IniEntry& e, std::string message) { note(e, e.key, std::move(message)); }
  void note(const IniEntry& e, const std::string& key, std::string message) {
    notes_.push_back({e.file, e.line, 1, key, std::move(message)});
  }
  void wrong(const IniEntry& e, std::string message) {
    problems_.push_back({e.file, e.line, 1, e.key, std::move(message)});
  }

  // --- values
  void set_duration(const IniEntry& e, Duration& member, double unit) {
    double n = 0;
    const char* end = e.value.data() + e.value.size();
    const auto [stop, error] = std::from_chars(e.value.data(), end, n);
    if (error != std::errc() || stop != end || !(n >= 0) || n * unit > 1e9)
      return wrong(e, fmt::format("{} is no number of {}", sluice::quoted(e.value),
                                  unit == 1.0 ? "seconds" : "milliseconds"));
    member = Duration(std::llround(n * unit * 1e6) * 1000);  // whole microseconds
  }

  std::optional<unsigned> number(const IniEntry& e, std::string_view text) {
    if (auto n = parse_u64(text, 0, 1'000'000'000)) return static_cast<unsigned>(*n);
    wrong(e, fmt::format("{} is no whole number", sluice::quoted(text)));
    return std::nullopt;
  }

  bool truth(const IniEntry& e) {
    auto on = parse_bool(e.value);
    if (!on) wrong(e, fmt::format("{} is neither 0 nor 1", sluice::quoted(e.value)));
    return on.value_or(false);
  }

  static std::vector<std::string> list(std::string_view text) {
    std::vector<std::string> items;
    for (auto item : split(text, ','))
      if (item = trim(item); !item.empty()) items.emplace_back(item);
    return items;
  }

  std::optional<PoolMode> pool_mode(const IniEntry& e, const std::string& key,
                                    std::string_view value) {
    if (value == "statement") {
      note(e, key, "statement mode has no equivalent: transaction mode is used");
      return PoolMode::transaction;
    }
    if (auto i = index_in(kPoolModes, value)) return static_cast<PoolMode>(*i);
    wrong(e, fmt::format("{} is no pool mode", sluice::quoted(value)));
    return std::nullopt;
  }

  void set_tls_mode(const IniEntry& e, TlsMode& mode) {
    if (auto i = index_in(kTlsModes, e.value))
      mode = static_cast<TlsMode>(*i);
    else
      wrong(e, fmt::format("{} is no TLS mode", sluice::quoted(e.value)));
  }

  void set_auth_type(const IniEntry& e) {
    auto& method = l().auth.method;
    if (e.value == "md5") {
      note(e, "auto: md5 or SCRAM, as each stored secret allows");
    } else if (e.value == "plain") {
      method = AuthMethod::password;
    } else if (e.value == "any") {
      method = AuthMethod::trust;
      note(e, "trust: the databases' own user is used; nobody becomes admin by it");
    } else if (e.value == "hba" || e.value == "pam") {
      note(e, fmt::format("{} has no equivalent: auto is used, check who may log in", e.value));
    } else if (auto i = index_in(kAuthMethods, e.value);
               i && e.value != "auto" && e.value != "passthrough" && e.value != "password") {
      method = static_cast<AuthMethod>(*i);
    } else {
      wrong(e, fmt::format("{} is no auth_type", sluice::quoted(e.value)));
    }
  }

  void set_socket_mode(const IniEntry& e) {
    unsigned mode = 0;
    const char* end = e.value.data() + e.value.size();
    const auto [stop, error] = std::from_chars(e.value.data(), end, mode, 8);
    if (error != std::errc() || stop != end || mode > 0777)
      return wrong(e, fmt::format("{} is no octal mode", sluice::quoted(e.value)));
    l().unix_mode = mode;
  }

  // --- [pgbouncer]
  void read_setting(const IniEntry& e) {
    if (const auto* row = row_of(kDurations, e.key))
      return set_duration(e, row->member(l()), row->unit);
    if (const auto* row = row_of(kCounts, e.key)) {
      if (auto n = number(e, e.value)) row->member(l()) = *n;
      return;
    }
    if (const auto* row = row_of(kTexts, e.key)) {
      row->member(l()) = row->file ? beside(e.file, e.value) : e.value;
      return;
    }
    if (const auto* row = row_of(kLists, e.key)) {
      row->member(l()) = list(e.value);
      return;
    }
    for (const auto& [key, reason] : kIgnored)
      if (key == e.key) return note(e, fmt::format("ignored, {}", reason));
    read_special(e);
  }

  void read_special(const IniEntry& e) {
    if (e.key == "listen_addr") {
      addresses_ = list(e.value);
    } else if (e.key == "listen_port") {
      if (auto n = number(e, e.value)) port_ = *n;
      if (port_ > 65535) wrong(e, "is no port between 0 and 65535");
    } else if (e.key == "unix_socket_dir") {
      socket_dir_ = e.value;
      if (!e.value.starts_with('@')) return;
      note(e, "sockets in the abstract namespace have no equivalent: none is opened");
      socket_dir_.clear();
    } else if (e.key == "unix_socket_mode") {
      set_socket_mode(e);
    } else if (e.key == "pool_mode") {
      if (auto mode = pool_mode(e, e.key, e.value)) l().pool.mode = *mode;
    } else if (e.key == "auth_type") {
      set_auth_type(e);
    } else if (e.key == "client_tls_sslmode") {
      set_tls_mode(e, l().tls.mode);
    } else if (e.key == "server_tls_sslmode") {
      set_tls_mode(e, l().server_tls.mode);
    } else if (e.key == "reserve_pool_size") {
      if (auto n = number(e, e.value)) reserve_ = *n;
      if (reserve_ > 0)
        note(e, fmt::format("{} added to pool.max: there is no separate reserve", reserve_));
    } else if (e.key == "max_db_connections") {
      if (auto n = number(e, e.value)) max_database_ = *n;
    } else if (e.key == "listen_backlog") {
      if (auto n = number(e, e.value)) config_.net.backlog = std::clamp(*n, 1u, 65535u);
    } else if (e.key == "tcp_keepalive") {
      keepalive_ = truth(e);
    } else if (e.key == "verbose") {
      if (auto n = number(e, e.value); n && *n > 0) config_.logging.level = LogLevel::debug;
    } else {
      note(e, "ignored, not known");
    }
  }

  void finish_settings() {
    // 0 leaves it to the kernel there; here it would turn it off.
    if (l().timeouts.tcp_keepalive == Duration::zero())
      l().timeouts.tcp_keepalive = std::chrono::hours(2);
    if (!keepalive_) l().timeouts.tcp_keepalive = Duration::zero();
    for (const auto& address : addresses_) {
      const bool v6 = address.find(':') != address.npos;
      const auto host = address == "*" ? "" : v6 ? "[" + address + "]" : address;
      l().listen.push_back(fmt::format("{}:{}", host, port_));
    }
    // Only beside a TCP address does the socket's file name follow from it.
    if (l().listen.empty() && !socket_dir_.empty() && port_ != 6432)
      l().listen.push_back(fmt::format("{}/.s.PGSQL.{}", socket_dir_, port_));
    else
      l().unix_socket_dir = socket_dir_;
    if (l().pool.max == 0) l().pool.max = 1;
    plain_max_ = l().pool.max;
    l().pool.max += reserve_;
    l().pool.min = std::min(l().pool.min, plain_max_);  // PgBouncer caps it silently too
  }

  // --- [databases]
  void read_database(const IniEntry& e) {
    if (e.key == "pgbouncer") return wrong(e, "is reserved for the admin console");
    auto pairs = parse_pairs(e.value);
    if (!pairs) return wrong(e, pairs.error());
    Database database;
    std::string host;
    unsigned port = 5432;
    std::optional<unsigned> size, reserve;
    if (max_database_ > 0) database.max_total = max_database_;
    for (const auto& [name, value] : *pairs) {
      if (name == "host") {
        host = value;
      } else if (name == "port") {
        if (auto n = number(e, value)) port = *n;
        if (port == 0 || port > 65535) return wrong(e, "port is not between 1 and 65535");
      } else if (name == "pool_size") {
        size = number(e, value);
      } else if (name == "reserve_pool") {
        reserve = number(e, value);
      } else {
        read_database_part(e, database, name, value);
      }
    }
    if (size || reserve) set_size(e, database, size, reserve);
    if (database.min) database.min = std::min(*database.min, database.max.value_or(l().pool.max));
    set_hosts(e, database.dsn, host, static_cast<std::uint16_t>(port));
    l().databases[e.key] = std::move(database);
  }

  void read_database_part(const IniEntry& e, Database& database, const std::string& name,
                          const std::string& value) {
    const auto key = fmt::format("{}.{}", e.key, name);
    if (name == "dbname") {
      database.dsn.database = value;
    } else if (name == "user") {
      database.dsn.user = value;
    } else if (name == "password") {
      database.dsn.password = value;
    } else if (name == "auth_user") {
      database.auth_user = value;
    } else if (name == "pool_mode") {
      database.mode = pool_mode(e, key, value);
    } else if (name == "min_pool_size") {
      database.min = number(e, value);
    } else if (name == "max_db_connections") {
      database.max_total = number(e, value);
    } else if (name == "connect_query") {
      note(e, key,
           "ignored, nothing is run on a new connection: use ALTER ROLE ... SET or ALTER DATABASE "
           "... SET");
    } else if (name == "client_encoding" || name == "datestyle" || name == "timezone" ||
               name == "application_name") {
      note(e, key,
           fmt::format("ignored, each client's own setting counts: use ALTER DATABASE ... SET {}",
                       name));
    } else {
      note(e, key, "ignored, not known");
    }
  }

  void set_size(const IniEntry& e, Database& database, std::optional<unsigned> size,
                std::optional<unsigned> reserve) {
    database.max = std::max(1u, size.value_or(plain_max_)) + reserve.value_or(reserve_);
    if (reserve && *reserve > 0)
      note(e, e.key + ".reserve_pool",
           fmt::format("{} added to pool.max: there is no separate reserve", *reserve));
  }

  void set_hosts(const IniEntry& e, Dsn& dsn, const std::string& host, std::uint16_t port) {
    for (auto& item : list(host)) {
      if (item.starts_with('@'))
        return wrong(e, "hosts in the abstract namespace have no equivalent");
      if (!possible_host(item))
        return wrong(e, fmt::format("{} can't be a host's name", sluice::quoted(item)));
      dsn.hosts.push_back({std::move(item), port});
    }
    // Without a host PgBouncer connects through the directory where it listens.
    if (dsn.hosts.empty())
      dsn.hosts.push_back({socket_dir_.empty() ? "/run/postgresql" : socket_dir_, port});
    if (dsn.hosts.size() > 1)
      note(e, e.key + ".host", "several hosts are tried in order, not in turn");
    if (!dsn.password.empty() && dsn.user.empty()) {
      note(e, e.key + ".password", "ignored, it belongs to no user");
      dsn.password.clear();
    }
  }

  void finish_auth() {
    auto& auth = l().auth;
    const bool asks = !auth.user.empty() ||
                      std::any_of(l().databases.begin(), l().databases.end(),
                                  [](const auto& d) { return !d.second.auth_user.empty(); });
    if (!asks) auth.query.clear();
    if (asks && auth.query.empty()) auth.query = kDefaultAuthQuery;
    if (auth.userlist.empty()) return;
    const auto content = read_(auth.userlist);
    if (!content) return notes_.push_back({path_, 0, 0, "auth_file", content.error().detail});
    const auto users = postgres::parse_userlist(*content);
    if (!users) notes_.push_back({auth.userlist, 0, 0, "auth_file", users.error().detail});
  }

  const ReadFile& read_;
  std::string path_;
  Config config_;
  std::vector<Problem> notes_, problems_;
  std::vector<std::string> addresses_;
  unsigned port_ = 6432;
  std::string socket_dir_ = "/tmp";
  unsigned reserve_ = 0, max_database_ = 0, plain_max_ = 20;
  bool keepalive_ = true;
};

}  // namespace

std::expected<PgbouncerImport, std::vector<Problem>> import_pgbouncer(const std::string& path,
                                                                      const ReadFile& read) {
  auto entries = parse_ini(path, read);
  if (!entries) return std::unexpected(std::move(entries.error()));
  return Importer(path, read).import(*entries);
}

std::expected<PgbouncerImport, std::vector<Problem>> import_pgbouncer(const std::string& path) {
  return import_pgbouncer(path, read_small_file);
}

}  // namespace sluice::gateway
