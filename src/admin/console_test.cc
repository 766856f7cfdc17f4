// The console from the outside: what is typed, what is answered. Column names are those of PgBouncer
// 1.18.0 as it answered SHOW; integration tests compare them with a running one.
#include "admin/console.h"

#include <gmock/gmock.h>

#include "admin/console_command.h"
#include "admin/console_settings.h"
#include "admin/console_tables.h"
#include "gateway/config_load.h"
#include "session/postgres_client.h"

namespace sluice::admin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string columns(const ConsoleReply& reply) {
  std::string out;
  for (const auto& field : reply.fields) out += (out.empty() ? "" : " ") + field.name;
  return out;
}

// The cell of a row by its column's name; "(null)" for NULL.
std::string cell(const ConsoleReply& reply, std::size_t row, std::string_view column) {
  for (std::size_t i = 0; i < reply.fields.size(); ++i)
    if (reply.fields[i].name == column) return reply.rows.at(row).at(i).value_or("(null)");
  return "no such column";
}

ConsoleFacts facts() {
  ConsoleFacts f;
  f.now = 1'700'000'000;
  gateway::PostgresListener listener;
  listener.name = "postgres";
  listener.primary = *parse_dsn("postgres://db1:5433/app");
  listener.auth.users = {{"bot", "x"}};
  f.config.postgres = {listener};
  gateway::PoolView pool{.listener = "postgres", .database = "app", .user = "bot"};
  pool.stats.leased = 2;
  pool.stats.idle = 3;
  pool.stats.total = 6;
  pool.stats.connecting = 1;
  pool.stats.oldest_wait = std::chrono::microseconds(1'250'000);
  pool.clients_active = 2;
  pool.clients_idle = 5;
  pool.clients_waiting = 4;
  f.pools = {pool};
  gateway::ServerView server{.listener = "postgres", .database = "app", .user = "bot"};
  server.endpoint.host = "db1";
  server.endpoint.port = 5433;
  server.pid = 77;
  server.leased = true;
  server.age = std::chrono::seconds(60);
  f.servers = {server};
  gateway::ClientView client{.listener = "postgres", .snapshot = {}};
  client.snapshot.id = 9;
  client.snapshot.user = "bot";
  client.snapshot.database = "app";
  client.snapshot.application = "psql";
  client.snapshot.peer.host = "10.0.0.9";
  client.snapshot.peer.port = 4000;
  client.snapshot.local.path = "/run/x/.s.PGSQL.6432";
  client.snapshot.active = true;
  client.snapshot.server = "77@db1:5433";
  client.snapshot.connected_at = 1'699'999'999;
  client.snapshot.pins =
      query::bit(query::PinCause::listen) | query::bit(query::PinCause::temp_table);
  f.clients = {client};
  return f;
}

// ---- what is typed ------------------------------------------------------------------------------------

TEST(ConsoleCommandTest, words_are_read_in_any_case_with_blanks_and_semicolons) {
  for (const char* text : {"SHOW POOLS", "show pools;", "  Show\tPools ; ", "SHOW pools;;"}) {
    const auto command = parse_console_command(text);
    ASSERT_TRUE(command) << text;
    EXPECT_EQ(command->verb, "show");
    EXPECT_EQ(command->argument, "pools");
  }
}

TEST(ConsoleCommandTest, quoted_names_stay_as_they_are) {
  EXPECT_EQ(parse_console_command("PAUSE \"My App\"")->argument, "My App");
  EXPECT_EQ(parse_console_command("KILL \"say \"\"hi\"\"\";")->argument, "say \"hi\"");
  EXPECT_EQ(parse_console_command("PAUSE MyApp")->argument, "myapp");
}

TEST(ConsoleCommandTest, set_takes_equals_and_to) {
  for (const char* text :
       {"SET query_timeout = '7'", "set query_timeout=7;", "SET Query_Timeout TO 7"}) {
    const auto command = parse_console_command(text);
    ASSERT_TRUE(command) << text;
    EXPECT_EQ(command->verb, "set");
    EXPECT_EQ(command->argument, "query_timeout");
    EXPECT_EQ(command->value, "7");
  }
  EXPECT_EQ(parse_console_command("SET server_reset_query = ''")->value, "");
}

TEST(ConsoleCommandTest, nothing_is_a_command_too) {
  EXPECT_EQ(parse_console_command("")->verb, "");
  EXPECT_EQ(parse_console_command(" ; ")->verb, "");
}

TEST(ConsoleCommandTest, what_isnt_a_command_is_answered_in_pgbouncers_words) {
  for (const char* text : {"SELECT 1, 2", "SHOW POOLS app", "SET x", "SET x =", "SET x 7",
                           "PAUSE \"app", "=", "SHOW POOLS; SHOW POOLS"}) {
    const auto command = parse_console_command(text);
    ASSERT_FALSE(command) << text;
    EXPECT_EQ(command.error().detail,
              "invalid command '" + std::string(text) + "', use SHOW HELP;");
    EXPECT_EQ(command.error().state, "42601");
  }
}

// ---- columns ------------------------------------------------------------------------------------------

TEST(ConsoleTablesTest, columns_are_pgbouncers) {
  const std::string socket =
      "type user database state addr port local_addr local_port connect_time request_time wait "
      "wait_us "
      "close_needed ptr link remote_pid tls application_name";
  const ConsoleFacts f = facts();
  EXPECT_EQ(columns(clients_table(f)), socket);
  EXPECT_EQ(columns(servers_table(f)), socket);
  EXPECT_EQ(columns(sockets_table(f, true)),
            socket + " recv_pos pkt_pos pkt_remain send_pos send_remain pkt_avail send_avail");
  EXPECT_EQ(
      columns(pools_table(f)),
      "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req sv_active "
      "sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login maxwait maxwait_us "
      "pool_mode");
  EXPECT_EQ(columns(databases_table(f)),
            "name host port database force_user pool_size min_pool_size reserve_pool pool_mode "
            "max_connections current_connections paused disabled");
  EXPECT_EQ(columns(users_table(f)), "name pool_mode");
  EXPECT_EQ(columns(lists_table(f)), "list items");
  EXPECT_EQ(columns(memory_table(f)), "name size used free memtotal");
  EXPECT_EQ(columns(config_table(f.config)), "key value default changeable");
  EXPECT_EQ(columns(version_table()), "version");
  EXPECT_EQ(columns(dns_hosts_table()), "hostname ttl addrs");
  EXPECT_EQ(columns(dns_zones_table()), "zonename serial count");
  EXPECT_EQ(columns(stats_table({})),
            "database total_xact_count total_query_count total_received total_sent total_xact_time "
            "total_query_time total_wait_time avg_xact_count avg_query_count avg_recv avg_sent "
            "avg_xact_time "
            "avg_query_time avg_wait_time");
  const char* plain =
      "database xact_count query_count bytes_received bytes_sent xact_time query_time wait_time";
  EXPECT_EQ(columns(stats_totals_table({})), plain);
  EXPECT_EQ(columns(stats_averages_table({})), plain);
  EXPECT_EQ(columns(totals_table({})), "name value");
}

TEST(ConsoleTablesTest, every_row_has_a_cell_for_each_column) {
  const ConsoleFacts f = facts();
  const std::vector<DatabaseRates> rates = {{"app", {}, {}}};
  for (const ConsoleReply& reply :
       {clients_table(f), servers_table(f), sockets_table(f, true), pools_table(f),
        databases_table(f), users_table(f), lists_table(f), memory_table(f), state_table(f),
        pins_table(f), config_table(f.config), stats_table(rates), stats_totals_table(rates),
        stats_averages_table(rates), totals_table(rates), version_table()}) {
    ASSERT_FALSE(reply.rows.empty()) << columns(reply);
    for (const auto& row : reply.rows) EXPECT_EQ(row.size(), reply.fields.size()) << columns(reply);
  }
}

// ---- rows ---------------------------------------------------------------------------------------------

TEST(ConsoleTablesTest, pools_count_clients_and_servers) {
  const ConsoleReply pools = pools_table(facts());
  ASSERT_EQ(pools.rows.size(), 1u);
  EXPECT_EQ(cell(pools, 0, "database"), "app");
  EXPECT_EQ(cell(pools, 0, "cl_active"), "7");  // PgBouncer counts idle clients as active
  EXPECT_EQ(cell(pools, 0, "cl_waiting"), "4");
  EXPECT_EQ(cell(pools, 0, "sv_active"), "2");
  EXPECT_EQ(cell(pools, 0, "sv_idle"), "3");
  EXPECT_EQ(cell(pools, 0, "sv_login"), "1");
  EXPECT_EQ(cell(pools, 0, "maxwait"), "1");
  EXPECT_EQ(cell(pools, 0, "maxwait_us"), "250000");
  EXPECT_EQ(cell(pools, 0, "pool_mode"), "transaction");
}

TEST(ConsoleTablesTest, clients_and_servers_name_each_other) {
  const ConsoleFacts f = facts();
  const ConsoleReply clients = clients_table(f), servers = servers_table(f);
  EXPECT_EQ(cell(clients, 0, "link"), cell(servers, 0, "ptr"));
  EXPECT_EQ(cell(servers, 0, "link"), cell(clients, 0, "ptr"));
  EXPECT_EQ(cell(clients, 0, "addr"), "10.0.0.9");
  EXPECT_EQ(cell(clients, 0, "local_addr"), "unix");
  EXPECT_EQ(cell(clients, 0, "local_port"), "6432");
  EXPECT_EQ(cell(clients, 0, "connect_time"), "2023-11-14 22:13:19 UTC");
  EXPECT_EQ(cell(servers, 0, "connect_time"), "2023-11-14 22:12:20 UTC");
  EXPECT_EQ(cell(servers, 0, "state"), "active");
}

TEST(ConsoleTablesTest, active_sockets_leave_idle_ones_out) {
  ConsoleFacts f = facts();
  EXPECT_EQ(sockets_table(f, false).rows.size(), 2u);
  f.clients[0].snapshot.active = false;
  f.servers[0].leased = false;
  EXPECT_EQ(sockets_table(f, false).rows.size(), 0u);
  EXPECT_EQ(sockets_table(f, true).rows.size(), 2u);
}

TEST(ConsoleTablesTest, databases_come_from_the_configuration_and_from_clients) {
  ConsoleFacts f = facts();
  f.config.postgres[0].databases["other"].dsn = *parse_dsn("postgres://force@db2/real");
  f.config.postgres[0].databases["other"].mode = gateway::PoolMode::session;
  f.config.postgres[0].databases["*"].dsn = *parse_dsn("postgres://db3");
  const ConsoleReply databases = databases_table(f);
  ASSERT_EQ(databases.rows.size(), 2u);
  EXPECT_EQ(cell(databases, 0, "name"), "app");
  EXPECT_EQ(cell(databases, 0, "host"), "db3");
  EXPECT_EQ(cell(databases, 0, "current_connections"), "6");
  EXPECT_EQ(cell(databases, 0, "pool_mode"), "(null)");
  EXPECT_EQ(cell(databases, 1, "database"), "real");
  EXPECT_EQ(cell(databases, 1, "force_user"), "force");
  EXPECT_EQ(cell(databases, 1, "pool_mode"), "session");
}

TEST(ConsoleTablesTest, pins_are_counted_by_cause) {
  const ConsoleReply pins = pins_table(facts());
  ASSERT_EQ(pins.rows.size(), 2u);
  EXPECT_EQ(cell(pins, 0, "clients"), "1");
  EXPECT_THAT((std::vector{cell(pins, 0, "cause"), cell(pins, 1, "cause")}),
              testing::UnorderedElementsAre(std::string(name_of(query::PinCause::listen)),
                                            std::string(name_of(query::PinCause::temp_table))));
}

// ---- settings -----------------------------------------------------------------------------------------

std::string setting(const gateway::Config& config, std::string_view name) {
  const ConsoleReply reply = config_table(config);
  for (std::size_t i = 0; i < reply.rows.size(); ++i)
    if (cell(reply, i, "key") == name) return cell(reply, i, "value");
  return "not there";
}

TEST(ConsoleSettingsTest, a_change_applies_to_every_listener_and_is_shown) {
  gateway::Config config = facts().config;
  config.postgres.push_back(config.postgres.front());
  ASSERT_TRUE(change_setting(config, "query_timeout", "7"));
  EXPECT_EQ(config.postgres[0].timeouts.query, std::chrono::seconds(7));
  EXPECT_EQ(config.postgres[1].timeouts.query, std::chrono::seconds(7));
  EXPECT_EQ(setting(config, "query_timeout"), "7");
  ASSERT_TRUE(change_setting(config, "query_timeout", "1500ms"));
  EXPECT_EQ(setting(config, "query_timeout"), "1.5");
  ASSERT_TRUE(change_setting(config, "default_pool_size", "33"));
  EXPECT_EQ(config.postgres[1].pool.max, 33u);
  ASSERT_TRUE(change_setting(config, "pool_mode", "SESSION"));
  EXPECT_EQ(setting(config, "pool_mode"), "session");
}

TEST(ConsoleSettingsTest, what_cant_be_set_says_so_and_changes_nothing) {
  const gateway::Config before = facts().config;
  gateway::Config config = before;
  EXPECT_THAT(change_setting(config, "listen_addr", "x").error().detail, HasSubstr("RELOAD"));
  EXPECT_THAT(change_setting(config, "nonsense", "x").error().detail, HasSubstr("query_timeout"));
  EXPECT_FALSE(change_setting(config, "query_timeout", "soon"));
  EXPECT_FALSE(change_setting(config, "default_pool_size", "0"));
  EXPECT_FALSE(change_setting(config, "pool_mode", "statement"));
  EXPECT_EQ(config, before);
}

TEST(ConsoleSettingsTest, no_secret_is_shown) {
  gateway::Config config = facts().config;
  config.admin.token = "hush-hush";
  config.postgres[0].auth.users["bot"] = "hush-hush";
  for (const auto& row : config_table(config).rows)
    for (const auto& value : row)
      EXPECT_THAT(value.value_or(""), testing::Not(HasSubstr("hush-hush")));
}

// ---- averages -----------------------------------------------------------------------------------------

gateway::Totals total(std::uint64_t requests, Duration time) {
  return {.listener = "l",
          .database = "app",
          .requests = requests,
          .transactions = requests,
          .received = 10 * requests,
          .sent = 0,
          .request_time = time,
          .wait_time = {}};
}

TEST(RatesTest, averages_are_since_the_start_at_first_then_over_a_recent_window) {
  Rates rates(std::chrono::seconds(60));
  const Time start{std::chrono::hours(1)};
  auto read = [&](std::uint64_t requests, int second) {
    return rates.read({total(requests, std::chrono::milliseconds(requests))}, start,
                      start + std::chrono::seconds(second))[0];
  };
  EXPECT_EQ(read(100, 10).average.requests, 10u);
  EXPECT_EQ(read(100, 10).average.request_us, 1000u);
  EXPECT_EQ(read(6000, 60).average.requests, 100u);  // since the start
  EXPECT_EQ(read(6000, 120).average.requests, 0u);   // since second 60
  EXPECT_EQ(read(6600, 180).average.requests, 10u);  // since second 120
  EXPECT_EQ(read(6600, 180).total.requests, 6600u);
}

TEST(RatesTest, users_and_listeners_of_a_database_count_together) {
  Rates rates;
  const auto rows = rates.read({total(3, {}), total(4, {})}, Time{}, Time{std::chrono::seconds(1)});
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].total.requests, 7u);
  EXPECT_EQ(rows[0].average.received, 70u);
}

TEST(RatesTest, a_counter_that_began_again_gives_no_nonsense) {
  Rates rates(std::chrono::seconds(1));
  (void)rates.read({total(1000, {})}, Time{}, Time{std::chrono::seconds(10)});
  (void)rates.read({total(1000, {})}, Time{}, Time{std::chrono::seconds(20)});
  EXPECT_EQ(rates.read({total(10, {})}, Time{}, Time{std::chrono::seconds(30)})[0].average.requests,
            1u);
}

// ---- the console itself, on a gateway without listeners -------------------------------------------------

class ConsoleTest : public testing::Test {
 protected:
  Log log_{{.level = LogLevel::error}};
  monitor::Registry registry_;
  gateway::Gateway gateway_{facts().config, log_, registry_};
  std::vector<gateway::Config> changes_;
  PostgresConsole console_{gateway_, [this](gateway::Config config) -> Result<void> {
                             changes_.push_back(std::move(config));
                             return {};
                           }};
};

TEST_F(ConsoleTest, every_show_of_the_help_is_answered) {
  const auto help = console_.run("SHOW HELP", false);
  ASSERT_TRUE(help);
  ASSERT_EQ(help->notices.size(), 1u);
  EXPECT_THAT(help->fields, IsEmpty());
  for (const char* what :
       {"config", "databases", "pools", "clients", "servers", "users", "version", "state",
        "sockets", "active_sockets", "lists", "mem", "pins", "dns_hosts", "dns_zones", "stats",
        "stats_totals", "stats_averages", "totals"}) {
    const auto reply = console_.run("SHOW " + std::string(what), false);
    ASSERT_TRUE(reply) << what;
    EXPECT_FALSE(reply->fields.empty()) << what;
    EXPECT_EQ(reply->tag, "SHOW");
    std::string upper = what;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_THAT(help->notices[0], HasSubstr(upper));
  }
}

TEST_F(ConsoleTest, only_administrators_steer) {
  for (const char* text : {"PAUSE", "RELOAD", "SHUTDOWN", "SET query_timeout = 1", "KILL app"})
    EXPECT_EQ(console_.run(text, false).error().state, "42501") << text;
  EXPECT_TRUE(changes_.empty());
}

TEST_F(ConsoleTest, what_isnt_supported_says_what_to_do_instead) {
  for (const char* text : {"SUSPEND", "DISABLE app", "ENABLE app", "WAIT_CLOSE", "SHOW FDS"}) {
    const auto reply = console_.run(text, true);
    ASSERT_FALSE(reply) << text;
    EXPECT_EQ(reply.error().state, "0A000");
    EXPECT_THAT(reply.error().detail, HasSubstr("not supported"));
  }
}

TEST_F(ConsoleTest, unknown_commands_and_tables_are_invalid) {
  for (const char* text : {"SELECT 1", "SHOW nonsense", "SHOW", "RELOAD app", "SHUTDOWN now"})
    EXPECT_EQ(console_.run(text, true).error().detail,
              "invalid command '" + std::string(text) + "', use SHOW HELP;");
  EXPECT_EQ(console_.run("KILL", true).error().detail, "a database is required");
}

TEST_F(ConsoleTest, set_hands_a_checked_configuration_over) {
  EXPECT_TRUE(console_.run("SET query_timeout = 7", true));
  ASSERT_EQ(changes_.size(), 1u);
  EXPECT_EQ(changes_[0].postgres[0].timeouts.query, std::chrono::seconds(7));
  EXPECT_FALSE(console_.run("SET query_timeout = soon", true));
  EXPECT_EQ(changes_.size(), 1u);
}

TEST_F(ConsoleTest, reload_and_shutdown_ask_whoever_runs_the_gateway) {
  EXPECT_EQ(console_.run("RELOAD", true).error().state, "0A000");
  bool at_once = false;
  gateway_.on_reload = []() -> Result<void> {
    return fail(Code::invalid_argument, "line 3 is wrong");
  };
  gateway_.on_shutdown = [&](bool now) { at_once = now; };
  EXPECT_EQ(console_.run("RELOAD", true).error().detail, "line 3 is wrong");
  gateway_.on_reload = []() -> Result<void> { return {}; };
  EXPECT_EQ(console_.run("RELOAD", true)->tag, "RELOAD");
  EXPECT_EQ(console_.run("SHUTDOWN;", true)->tag, "SHUTDOWN");
  EXPECT_TRUE(at_once);
}

}  // namespace
}  // namespace sluice::admin
