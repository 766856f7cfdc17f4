#include "gateway/pgbouncer_import.h"

#include <map>

#include <gtest/gtest.h>

namespace sluice::gateway {
namespace {

using std::chrono::hours;

using Files = std::map<std::string, std::string>;

auto import(const Files& files) {
  return import_pgbouncer(
      "/etc/pgbouncer/pgbouncer.ini", [&](const std::string& path) -> Result<std::string> {
        const auto found = files.find(path);
        if (found == files.end())
          return fail(Code::not_found, path + " can't be read: No such file or directory");
        return found->second;
      });
}

PgbouncerImport imported(const Files& files) {
  auto result = import(files);
  if (result) return std::move(*result);
  ADD_FAILURE() << text_of(result.error());
  PgbouncerImport empty;
  empty.config.postgres.emplace_back();
  return empty;
}

PgbouncerImport imported(const std::string& ini) {
  return imported(Files{{"/etc/pgbouncer/pgbouncer.ini", ini}});
}

std::string problems(const std::string& ini) {
  auto result = import({{"/etc/pgbouncer/pgbouncer.ini", ini}});
  return result ? std::string() : text_of(result.error());
}

// What import makes has to be what its sluice.toml says. Without files that a test hasn't.
void expect_round_trip(const Config& config) {
  LoadOptions options;
  options.text = to_toml(config);
  const auto again = load_config(options);
  ASSERT_TRUE(again) << text_of(again.error()) << *options.text;
  EXPECT_EQ(again->config, config) << *options.text;
}

// A web application: one server, transaction mode, users in a file, Debian's paths.
const std::string kWebApplication = R"(;; comment
[databases]
app = host=db1.internal port=5433 dbname=app_production
reports = host=db2.internal dbname=app_production pool_size=5 pool_mode=session min_pool_size=1 max_db_connections=7

[pgbouncer]
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /var/run/postgresql/pgbouncer.pid
listen_addr = 10.0.0.5, ::1
listen_port = 6432
unix_socket_dir =
auth_type = scram-sha-256
auth_file = userlist.txt
admin_users = postgres, deploy
stats_users = grafana
pool_mode = transaction
max_client_conn = 2000
default_pool_size = 25
min_pool_size = 5
reserve_pool_size = 5
reserve_pool_timeout = 3
ignore_startup_parameters = extra_float_digits,search_path
server_idle_timeout = 300
query_wait_timeout = 10
idle_transaction_timeout = 30.5
tcp_keepalive = 1
tcp_keepidle = 45
tcp_user_timeout = 1500
)";

TEST(PgbouncerImportTest, a_web_application_keeps_its_behaviour) {
  const auto result = imported(Files{{"/etc/pgbouncer/pgbouncer.ini", kWebApplication},
                                     {"/etc/pgbouncer/userlist.txt", "\"app\" \"secret\"\n"}});
  ASSERT_EQ(result.config.postgres.size(), 1u);
  const auto& l = result.config.postgres[0];
  EXPECT_EQ(l.listen, (std::vector<std::string>{"10.0.0.5:6432", "[::1]:6432"}));
  EXPECT_EQ(l.unix_socket_dir, "");
  EXPECT_EQ(l.auth.method, AuthMethod::scram_sha_256);
  EXPECT_EQ(l.auth.userlist, "/etc/pgbouncer/userlist.txt");
  EXPECT_EQ(l.auth.admin_users, (std::vector<std::string>{"postgres", "deploy"}));
  EXPECT_EQ(l.auth.stats_users, std::vector<std::string>{"grafana"});
  EXPECT_EQ(l.pool.mode, PoolMode::transaction);
  EXPECT_EQ(l.pool.min, 5u);
  EXPECT_EQ(l.pool.max, 30u);  // with the reserve
  EXPECT_EQ(l.pool.idle, minutes(5));
  EXPECT_EQ(l.pool.wait, seconds(10));
  EXPECT_EQ(l.pool.lifetime, hours(1));
  EXPECT_EQ(l.pool.connect_timeout, seconds(15));
  EXPECT_EQ(l.max_clients, 2000u);
  EXPECT_EQ(l.timeouts.idle_in_transaction, std::chrono::milliseconds(30500));
  EXPECT_EQ(l.timeouts.tcp_keepalive, seconds(45));
  EXPECT_EQ(l.timeouts.tcp_user_timeout, std::chrono::milliseconds(1500));
  EXPECT_EQ(l.ignore_startup_parameters,
            (std::vector<std::string>{"extra_float_digits", "search_path"}));
  EXPECT_EQ(l.server_tls.mode, TlsMode::disable);

  const auto app = find_database(l, "app");
  ASSERT_TRUE(app);
  EXPECT_EQ(app->dsn.hosts, (std::vector<HostPort>{{"db1.internal", 5433}}));
  EXPECT_EQ(app->dsn.database, "app_production");
  EXPECT_EQ(app->dsn.user, "");
  const auto reports = find_database(l, "reports");
  EXPECT_EQ(reports->dsn.hosts, (std::vector<HostPort>{{"db2.internal", 5432}}));
  EXPECT_EQ(reports->pool.mode, PoolMode::session);
  EXPECT_EQ(reports->pool.max, 10u);
  EXPECT_EQ(reports->pool.min, 1u);
  EXPECT_EQ(reports->max_database, 7u);
  EXPECT_FALSE(find_database(l, "other"));
}

TEST(PgbouncerImportTest, what_has_no_equivalent_is_named_with_its_place) {
  const auto result = imported(Files{{"/etc/pgbouncer/pgbouncer.ini", kWebApplication},
                                     {"/etc/pgbouncer/userlist.txt", "\"app\" \"secret\"\n"}});
  EXPECT_EQ(
      text_of(result.notes),
      "/etc/pgbouncer/pgbouncer.ini:7:1: logfile: ignored, the log goes to standard error: let the "
      "service "
      "manager keep it\n"
      "/etc/pgbouncer/pgbouncer.ini:8:1: pidfile: ignored, the service manager knows the process\n"
      "/etc/pgbouncer/pgbouncer.ini:20:1: reserve_pool_size: 5 added to pool.max: there is no "
      "separate reserve\n"
      "/etc/pgbouncer/pgbouncer.ini:21:1: reserve_pool_timeout: ignored, the reserve is part of "
      "pool.max\n");
}

// A platform for many tenants: fallback database, auth_query, forced users, quoted names, includes.
TEST(PgbouncerImportTest, a_platform_keeps_its_behaviour) {
  const auto result = imported(Files{{"/etc/pgbouncer/pgbouncer.ini", R"(
[pgbouncer]
listen_addr = *
listen_port = 7000
unix_socket_dir = /tmp
unix_socket_mode = 0770
auth_type = md5
auth_user = pooler
auth_query = SELECT uname, phash FROM pgbouncer.user_lookup($1)
max_db_connections = 50
server_tls_sslmode = require
server_round_robin = 1
verbose = 2
%include databases.ini
)"},
                                     {"/etc/pgbouncer/databases.ini", R"(
# comment
[databases]
"tenant ""a"" = 1" = host=/var/run/postgresql user=tenant_a password='it''s a = secret' dbname='tenant a'
ha = host=db1,db2 port=6000 max_db_connections=0 connect_query='select 1' timezone=UTC
* = host=fallback auth_user=other
)"}});
  const auto& l = result.config.postgres[0];
  EXPECT_EQ(l.listen, std::vector<std::string>{":7000"});
  EXPECT_EQ(l.unix_socket_dir, "/tmp");
  EXPECT_EQ(l.unix_mode, 0770u);
  EXPECT_EQ(l.auth.method, AuthMethod::automatic);
  EXPECT_EQ(l.auth.user, "pooler");
  EXPECT_EQ(l.auth.query, "SELECT uname, phash FROM pgbouncer.user_lookup($1)");
  EXPECT_EQ(l.server_tls.mode, TlsMode::require);
  EXPECT_EQ(l.pool.mode, PoolMode::session);
  EXPECT_EQ(l.pool.wait, seconds(120));
  EXPECT_EQ(result.config.logging.level, LogLevel::debug);

  const auto tenant = find_database(l, "tenant \"a\" = 1");
  ASSERT_TRUE(tenant);
  EXPECT_EQ(tenant->dsn.hosts, (std::vector<HostPort>{{"/var/run/postgresql", 5432}}));
  EXPECT_EQ(tenant->dsn.user, "tenant_a");
  EXPECT_EQ(tenant->dsn.password, "it's a = secret");
  EXPECT_EQ(tenant->dsn.database, "tenant a");
  EXPECT_EQ(tenant->max_database, 50u);
  const auto ha = find_database(l, "ha");
  EXPECT_EQ(ha->dsn.hosts, (std::vector<HostPort>{{"db1", 6000}, {"db2", 6000}}));
  EXPECT_EQ(ha->dsn.database, "ha");
  EXPECT_EQ(ha->max_database, 0u);
  const auto any = find_database(l, "anything");
  EXPECT_EQ(any->dsn.hosts[0].host, "fallback");
  EXPECT_EQ(any->dsn.database, "anything");
  EXPECT_EQ(any->auth_user, "other");

  const auto notes = text_of(result.notes);
  for (auto expected : {"auth_type: auto: md5 or SCRAM",
                        "server_round_robin: ignored, connections are reused last in",
                        "databases.ini:5:1: ha.connect_query: ignored", "ha.timezone: ignored",
                        "ha.host: several hosts"})
    EXPECT_NE(notes.find(expected), notes.npos) << expected << "\n" << notes;
  expect_round_trip(result.config);
}

// The smallest file that PgBouncer's manual shows, on Unix sockets alone.
TEST(PgbouncerImportTest, a_small_file_gets_pgbouncers_defaults) {
  const auto result = imported(
      "[databases]\nfoodb =\n[pgbouncer]\nauth_type = trust\nlisten_port = 6543\n"
      "unix_socket_dir = /tmp\n[users]\nbob = pool_mode=session\n");
  const auto& l = result.config.postgres[0];
  EXPECT_EQ(l.listen, std::vector<std::string>{"/tmp/.s.PGSQL.6543"});
  EXPECT_EQ(l.unix_socket_dir, "");
  EXPECT_EQ(l.pool.mode, PoolMode::session);
  EXPECT_EQ(l.pool.min, 0u);
  EXPECT_EQ(l.pool.max, 20u);
  EXPECT_EQ(l.max_clients, 100u);
  EXPECT_EQ(l.auth.method, AuthMethod::trust);
  EXPECT_EQ(find_database(l, "foodb")->dsn.hosts, (std::vector<HostPort>{{"/tmp", 5432}}));
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_EQ(result.notes[0].text(),
            "/etc/pgbouncer/pgbouncer.ini:8:1: bob: settings for single users have no equivalent");
  expect_round_trip(result.config);
}

TEST(PgbouncerImportTest, auth_user_alone_brings_pgbouncers_own_query) {
  const auto result = imported("[databases]\na = auth_user=x\n[pgbouncer]\n");
  EXPECT_TRUE(result.config.postgres[0].auth.query.starts_with("SELECT rolname, CASE"));
  // ... and a query that nobody may run is none.
  EXPECT_EQ(imported("[databases]\na =\n[pgbouncer]\nauth_query = select $1\n")
                .config.postgres[0]
                .auth.query,
            "");
}

TEST(PgbouncerImportTest, methods_without_equivalent_never_become_trust_silently) {
  const auto method = [](const std::string& type) {
    return imported("[databases]\na =\n[pgbouncer]\nauth_type = " + type + "\n")
        .config.postgres[0]
        .auth.method;
  };
  EXPECT_EQ(method("hba"), AuthMethod::automatic);
  EXPECT_EQ(method("pam"), AuthMethod::automatic);
  EXPECT_EQ(method("plain"), AuthMethod::password);
  EXPECT_EQ(method("any"), AuthMethod::trust);
  EXPECT_EQ(method("cert"), AuthMethod::cert);
}

TEST(PgbouncerImportTest, a_broken_userlist_is_noted) {
  const auto result = imported(
      Files{{"/etc/pgbouncer/pgbouncer.ini", "[databases]\na =\n[pgbouncer]\nauth_file = u\n"},
            {"/etc/pgbouncer/u", "\"x\n"}});
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_TRUE(result.notes[0].text().starts_with("/etc/pgbouncer/u: auth_file: line 1"))
      << result.notes[0].text();
}

TEST(PgbouncerImportTest, what_pgbouncer_refuses_is_a_problem) {
  const std::string head = "[databases]\na =\n[pgbouncer]\n";
  const std::pair<std::string, std::string> cases[] = {
      {head + "pool_mode = fast", "4:1: pool_mode: \"fast\" is no pool mode"},
      {head + "server_lifetime = soon", "4:1: server_lifetime: \"soon\" is no number of seconds"},
      {head + "query_timeout = -1", "4:1: query_timeout: \"-1\" is no number of seconds"},
      {head + "query_timeout = nan", "4:1: query_timeout: \"nan\" is no number of seconds"},
      {head + "max_client_conn = many", "4:1: max_client_conn: \"many\" is no whole number"},
      {head + "listen_port = 70000", "4:1: listen_port: is no port"},
      {head + "auth_type = passthrough", "4:1: auth_type: \"passthrough\" is no auth_type"},
      {head + "client_tls_sslmode = on", "4:1: client_tls_sslmode: \"on\" is no TLS mode"},
      {head + "unix_socket_mode = rwx", "4:1: unix_socket_mode: \"rwx\" is no octal mode"},
      {head + "nonsense", "4:1: \"nonsense\" is no key = value"},
      {head + "%include missing.ini", "missing.ini"},
      {head + "[users", "4:1: the section's closing bracket is missing"},
      {"[databases]\na = host='x", "2:1: a: host: the closing quote is missing"},
      {"[databases]\na = host", "2:1: a: \"host\" has no value"},
      {"[databases]\na = host=x?y", "2:1: a: \"x?y\" can't be a host's name"},
      {"[databases]\na = port=0", "2:1: a: port is not between 1 and 65535"},
      {"[databases]\npgbouncer = host=x", "2:1: pgbouncer: is reserved for the admin console"},
      {head + "auth_user = \xc3(", "is not UTF-8"},
      {head + "auth_user = \xed\xa0\x80", "is not UTF-8"},
      {"a = b", "1:1: stands before the first [section]"},
      {"[pgbouncer]\n", "[databases]: is empty"},
  };
  for (const auto& [ini, expected] : cases) {
    const auto report = problems(ini);
    EXPECT_NE(report.find(expected), report.npos) << ini << "\n" << report;
  }
}

TEST(PgbouncerImportTest, files_that_include_each_other_end) {
  const auto result = import({{"/etc/pgbouncer/pgbouncer.ini", "%include pgbouncer.ini\n"}});
  ASSERT_FALSE(result);
  EXPECT_NE(text_of(result.error()).find("too deeply"), std::string::npos);
}

}  // namespace
}  // namespace sluice::gateway
