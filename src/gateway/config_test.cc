// What a configuration may hold, where its values come from, and what each mistake is answered with.
// Long because every kind of mistake has a row, and every key a line in the file that sets them all.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/parse.h"
#include "gateway/config_draft.h"
#include "gateway/config_files.h"
#include "gateway/config_load.h"

namespace sluice::gateway {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

// A folder of its own for each test, gone afterwards.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-config-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& name, std::string_view content, mode_t mode = 0600) {
    const auto path = path_ + "/" + name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using Environment = std::map<std::string, std::string>;

LoadOptions options_of(std::string text, Environment environment = {}) {
  LoadOptions options;
  options.path = "sluice.toml";
  options.text = std::move(text);
  for (const auto& [name, value] : environment) options.environment_names.push_back(name);
  options.environment = [environment](std::string_view name) -> std::optional<std::string> {
    const auto found = environment.find(std::string(name));
    if (found == environment.end()) return std::nullopt;
    return found->second;
  };
  return options;
}

LoadedConfig loaded(const LoadOptions& options) {
  auto result = load_config(options);
  if (result) return std::move(*result);
  ADD_FAILURE() << text_of(result.error());
  LoadedConfig empty;
  empty.config.postgres.emplace_back();
  return empty;
}

LoadedConfig loaded(std::string text, Environment environment = {}) {
  return loaded(options_of(std::move(text), std::move(environment)));
}

std::string problems(const LoadOptions& options) {
  auto result = load_config(options);
  return result ? std::string() : text_of(result.error());
}

std::string problems(std::string text, Environment environment = {}) {
  return problems(options_of(std::move(text), std::move(environment)));
}

const std::string kThreeLines = R"([[postgres]]
listen = "127.0.0.1:6432"
primary = "postgres://db1:5432/app"
)";

TEST(ConfigTest, three_lines_are_enough) {
  const auto config = loaded(kThreeLines).config;
  ASSERT_EQ(config.postgres.size(), 1u);
  const auto& listener = config.postgres[0];
  EXPECT_EQ(listener.name, "postgres");
  EXPECT_EQ(listener.listen, std::vector<std::string>{"127.0.0.1:6432"});
  EXPECT_EQ(listener.primary.hosts, (std::vector<HostPort>{{"db1", 5432}}));
  EXPECT_EQ(listener.primary.database, "app");
  EXPECT_EQ(listener.pool, PoolSettings());
  EXPECT_EQ(effective_method(listener), AuthMethod::passthrough);
}

TEST(ConfigTest, the_command_line_alone_is_enough) {
  LoadOptions options;
  options.postgres = "postgres://app@db:5432/app";
  const auto config = loaded(options).config;
  EXPECT_EQ(config.postgres[0].primary.user, "app");
  EXPECT_EQ(config.postgres[0].listen, std::vector<std::string>{"127.0.0.1:6432"});
}

TEST(ConfigTest, the_inline_tables_of_the_manual_work) {
  const auto config = loaded(R"([[postgres]]
listen  = "127.0.0.1:6432"
primary = "postgres://db1:5432/app"
replicas = ["postgres://db2:5432/app"]
pool    = { mode = "session", min = 2, max = 30, wait = "250ms", lifetime = "2h" }
balance = { strategy = "primary" }
cache   = { mode = "off" }
)");
  const auto& listener = config.config.postgres[0];
  EXPECT_EQ(listener.pool.mode, PoolMode::session);
  EXPECT_EQ(listener.pool.min, 2u);
  EXPECT_EQ(listener.pool.max, 30u);
  EXPECT_EQ(listener.pool.wait, milliseconds(250));
  EXPECT_EQ(listener.pool.lifetime, hours(2));
  ASSERT_EQ(listener.replicas.size(), 1u);
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_EQ(config.warnings[0].text(),
            "sluice.toml:4:12: postgres[0].replicas: known, but this version sends every statement "
            "to the primary");
}

// Every key of the lists, away from its default. New keys fail the test below until they are here.
std::string every_key(const Folder& folder) {
  std::string text = R"--(
drain_timeout = "7s"
[net]
workers = 3
backlog = 77
[admin]
enabled = false
listen = "127.0.0.1:9001"
token = "slu_t"
[logging]
level = "debug"
format = "json"
[query]
enabled = false
memory = "8MB"
slow = "250ms"
slow_samples = 20
explain_slow = true
explain_per_minute = 2
redact = "all"
secret_columns = ["pin"]
metrics_top = 5
[store]
directory = "FOLDER"
[[postgres]]
name = "main"
listen = ["127.0.0.1:7432", "[::1]:7432"]
unix_socket_dir = "FOLDER"
unix_mode = "0770"
primary = "postgres://app:p%40ss@db1:5433/app?sslmode=require"
replicas = ["postgres://db2:5432/app", "postgres://db3:5432/app"]
server_socket = "off"
max_clients = 123
prepared_memory_per_client = "1MB"
prepared_memory = "64MB"
ignore_startup_parameters = ["extra_float_digits"]
replication = "passthrough"
[postgres.pool]
mode = "session"
min = 1
max = 9
max_total = 50
max_connecting = 2
wait = "6s"
lifetime = "90m"
idle = "11m"
connect_timeout = "4s"
validate_after = "31s"
reset = "DEALLOCATE ALL"
max_prepared = 7
multiplex = "all"
multiplex_below = "3ms"
auto_prepare = "off"
[postgres.auth]
method = "md5"
userlist = "FOLDER/userlist.txt"
query = "select usename, passwd from lookup($1)"
user = "looker"
database = "postgres"
admin_users = ["root"]
stats_users = ["stats", "grafana"]
[postgres.auth.users]
app = "secret"
"o'brien \"x\"" = "md5abcdef012342345abcdef0123423450a"
[postgres.tls]
mode = "verify-ca"
cert = "FOLDER/cert.pem"
key = "FOLDER/key.pem"
ca = "FOLDER/ca.pem"
[postgres.server_tls]
mode = "verify-full"
ca = "FOLDER/ca.pem"
cert = "FOLDER/cert.pem"
key = "FOLDER/key.pem"
[postgres.timeouts]
login = "61s"
query = "10s"
idle_in_transaction = "20s"
client_idle = "30s"
cancel = "5s"
tcp_keepalive = "50s"
tcp_user_timeout = "40s"
[postgres.balance]
strategy = "primary"
[postgres.cache]
mode = "off"
[postgres.databases.app]
[postgres.databases."*"]
dsn = "postgres://other@db9:5432"
auth_user = "looker2"
pool = { mode = "transaction", min = 3, max = 4, max_total = 5, multiplex = "reads" }
)--";
  constexpr std::string_view kPlace = "FOLDER";
  for (auto at = text.find(kPlace); at != text.npos; at = text.find(kPlace))
    text.replace(at, kPlace.size(), folder.path());
  return text;
}

void write_files(Folder& folder) {
  for (auto name : {"cert.pem", "key.pem", "ca.pem"}) folder.write(name, "pem");
  folder.write("userlist.txt", "\"listed\" \"x\"\n");
}

TEST(ConfigTest, every_key_can_be_set) {
  Folder folder;
  write_files(folder);
  auto config = loaded(every_key(folder)).config;
  Config defaults;
  PostgresListener plain;
  Database empty;
  // These have one value so far.
  const std::set<std::string_view> single = {"balance.strategy", "cache.mode"};
  const auto all_differ = [&](const std::vector<Key>& keys, const std::vector<Key>& others) {
    for (std::size_t i = 0; i < keys.size(); ++i)
      EXPECT_NE(same_value(keys[i], others[i]), !single.contains(keys[i].name)) << keys[i].name;
  };
  all_differ(keys_of(config), keys_of(defaults));
  all_differ(keys_of(config.postgres[0]), keys_of(plain));
  all_differ(keys_of(config.postgres[0].databases["*"]), keys_of(empty));
  EXPECT_EQ(config.postgres[0].primary.password, "p@ss");
  EXPECT_EQ(config.postgres[0].unix_mode, 0770u);
  EXPECT_EQ(config.postgres[0].prepared_memory_per_client, 1u << 20);
  EXPECT_EQ(config.postgres[0].prepared_memory, 64u << 20);
  EXPECT_EQ(config.postgres[0].auth.users.at("app"), "secret");
}

TEST(ConfigTest, what_is_written_reads_back_the_same) {
  Folder folder;
  write_files(folder);
  const auto config = loaded(every_key(folder)).config;
  const auto again = loaded(to_toml(config)).config;
  EXPECT_EQ(again, config) << to_toml(config);
  const auto small = loaded(kThreeLines).config;
  EXPECT_EQ(loaded(to_toml(small)).config, small);
}

TEST(ConfigTest, every_key_is_an_environment_variable_of_its_own) {
  Draft draft;
  draft.add_listener();
  std::set<std::string> names;
  for (const auto& key : draft.top_keys())
    EXPECT_TRUE(names.insert(variable_of("", key.name)).second) << key.name;
  for (const auto& key : draft.listener_keys(0))
    EXPECT_TRUE(names.insert(variable_of("postgres", key.name)).second) << key.name;
  EXPECT_TRUE(names.contains("SLUICE_ADMIN_LISTEN"));
  EXPECT_TRUE(names.contains("SLUICE_POSTGRES_POOL_MAX"));
}

TEST(ConfigTest, the_environment_alone_can_configure) {
  LoadOptions options =
      options_of("", {{"SLUICE_POSTGRES_PRIMARY", "postgres://db1:5432/app"},
                      {"SLUICE_POSTGRES_LISTEN", "127.0.0.1:7000, 127.0.0.2:7000"},
                      {"SLUICE_POSTGRES_AUTH_USERS", "app=one,ro=t=wo"},
                      {"SLUICE_POSTGRES_UNIX_MODE", "0700"},
                      {"SLUICE_POSTGRES_REPLICAS", "postgres://a:1/x postgres://b:2,c:3/x"},
                      {"SLUICE_ADMIN_ENABLED", "off"},
                      {"SLUICE_POSTGRES_PREPARED_MEMORY_PER_CLIENT", "2MB"}});
  options.path.clear();
  options.text.reset();
  const auto config = loaded(options).config;
  const auto& listener = config.postgres[0];
  EXPECT_EQ(listener.listen, (std::vector<std::string>{"127.0.0.1:7000", "127.0.0.2:7000"}));
  EXPECT_EQ(listener.auth.users,
            (std::map<std::string, std::string>{{"app", "one"}, {"ro", "t=wo"}}));
  EXPECT_EQ(listener.unix_mode, 0700u);
  EXPECT_EQ(listener.replicas.size(), 2u);
  EXPECT_EQ(listener.replicas[1].hosts.size(), 2u);
  EXPECT_FALSE(config.admin.enabled);
  EXPECT_EQ(listener.prepared_memory_per_client, 2u << 20);
}

TEST(ConfigTest, command_line_beats_environment_beats_file) {
  auto options = options_of(
      "[admin]\nlisten = \"127.0.0.1:1\"\n" + kThreeLines + "pool = { max = 7, min = 3 }\n",
      {{"SLUICE_POSTGRES_LISTEN", "127.0.0.1:2"},
       {"SLUICE_POSTGRES_POOL_MAX", "8"},
       {"SLUICE_ADMIN_LISTEN", "127.0.0.1:4"},
       {"SLUICE_POSTGRES_PRIMARY", "postgres://env:5432/app"}});
  options.listen = {"127.0.0.1:3"};
  const auto config = loaded(options).config;
  EXPECT_EQ(config.postgres[0].listen, std::vector<std::string>{"127.0.0.1:3"});
  EXPECT_EQ(config.postgres[0].pool.max, 8u);
  EXPECT_EQ(config.postgres[0].pool.min, 3u);
  EXPECT_EQ(config.admin.listen, "127.0.0.1:4");
  EXPECT_EQ(config.postgres[0].primary.hosts[0].host, "env");
}

TEST(ConfigTest, the_familiar_pool_names_set_every_listener) {
  const auto text =
      kThreeLines +
      "[[postgres]]\nlisten = \"127.0.0.1:6433\"\nprimary = \"postgres://db2:5432\"\n";
  const auto config =
      loaded(text, {{"POOL_MIN_SIZE", "1"}, {"POOL_MAX_SIZE", "30"}, {"POSTGRES_MAX_SIZE", "40"}})
          .config;
  for (const auto& listener : config.postgres) {
    EXPECT_EQ(listener.pool.min, 1u);
    EXPECT_EQ(listener.pool.max, 40u);
  }
  EXPECT_EQ(loaded(text, {{"POSTGRES_MAX_SIZE", "40"}, {"SLUICE_POSTGRES_POOL_MAX", "50"}})
                .config.postgres[0]
                .pool.max,
            50u);
}

TEST(ConfigTest, component_switches_work_or_say_that_they_do_not) {
  const auto off = loaded(kThreeLines, {{"ENABLE_CONNECTION_POOLING", "false"},
                                        {"ENABLE_PERFORMANCE_MONITORING", "0"}});
  EXPECT_EQ(off.config.postgres[0].pool.mode, PoolMode::session);
  EXPECT_EQ(off.config.postgres[0].pool.min, 0u);
  EXPECT_FALSE(off.config.admin.enabled);
  EXPECT_TRUE(off.warnings.empty());
  const auto later =
      loaded(kThreeLines, {{"ENABLE_CACHE_MANAGER", "true"}, {"ENABLE_RATE_LIMITER", "false"}});
  ASSERT_EQ(later.warnings.size(), 1u);
  EXPECT_EQ(later.warnings[0].text(),
            "environment: ENABLE_CACHE_MANAGER: not in this version, skipped");
}

TEST(ConfigTest, a_misspelt_variable_is_pointed_out) {
  const auto config = loaded(
      kThreeLines, {{"SLUICE_POSTGRES_POOL_MAXX", "3"}, {"SLUICE_POSTGRES_SERVICE_HOST", "x"}});
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_EQ(
      config.warnings[0].text(),
      "environment: SLUICE_POSTGRES_POOL_MAXX: unknown, did you mean SLUICE_POSTGRES_POOL_MAX?");
}

// Kinds of mistakes: the lines after the three good ones start at line 4.
struct Mistake {
  std::string text;
  std::string expected;  // the whole report, or its beginning
};

class MistakeTest : public testing::TestWithParam<Mistake> {};

TEST_P(MistakeTest, is_reported_with_place_and_mend) {
  const auto report = problems(kThreeLines + GetParam().text);
  EXPECT_TRUE(report.starts_with(GetParam().expected)) << report;
  EXPECT_EQ(std::count(report.begin(), report.end(), '\n'), 1) << report;
}

INSTANTIATE_TEST_SUITE_P(
    All, MistakeTest,
    testing::Values(
        Mistake{
            "max_client = 5",
            "sluice.toml:4:1: postgres[0].max_client: unknown key, did you mean \"max_clients\"?"},
        Mistake{"pool = { mod = \"session\" }",
                "sluice.toml:4:10: postgres[0].pool.mod: unknown key, did you mean \"mode\"?"},
        Mistake{"pool.mxa = 3",
                "sluice.toml:4:6: postgres[0].pool.mxa: unknown key, did you mean \"max\"?"},
        Mistake{
            "lifetime = \"1h\"",
            "sluice.toml:4:1: postgres[0].lifetime: unknown key, did you mean \"pool.lifetime\"?"},
        Mistake{"zebra = 1",
                "sluice.toml:4:1: postgres[0].zebra: unknown key; known are name, listen, "},
        Mistake{"pool = { mode = \"transactions\" }",
                "sluice.toml:4:17: postgres[0].pool.mode: \"transactions\" is not known, did you "
                "mean \"transaction\"?; "
                "allowed: \"session\", \"transaction\""},
        Mistake{"pool = { mode = 1 }",
                "sluice.toml:4:17: postgres[0].pool.mode: found the number 1, but it takes one of "
                "\"session\", "
                "\"transaction\""},
        Mistake{"pool = { wait = 5 }",
                "sluice.toml:4:17: postgres[0].pool.wait: 5 has no unit: write \"5s\" or \"5ms\""},
        Mistake{"pool = { wait = \"5 parsecs\" }", "sluice.toml:4:17: postgres[0].pool.wait: "},
        Mistake{"pool = { wait = true }",
                "sluice.toml:4:17: postgres[0].pool.wait: found true, but it takes a duration with "
                "its unit, as \"5s\""},
        Mistake{"pool = { max = 0, min = 0 }",
                "sluice.toml:4:16: postgres[0].pool.max: 0 is too small: 1 or more"},
        Mistake{"pool = { min = -1 }",
                "sluice.toml:4:16: postgres[0].pool.min: -1 is too small: 0 or more"},
        Mistake{
            "pool = { max = \"20\" }",
            "sluice.toml:4:16: postgres[0].pool.max: found \"20\", but it takes a whole number"},
        Mistake{"pool = { max = 2.5 }",
                "sluice.toml:4:16: postgres[0].pool.max: found the number 2.5, but it takes a "
                "whole number"},
        Mistake{"pool = { max = 99999999999 }",
                "sluice.toml:4:16: postgres[0].pool.max: 99999999999 is too large: 1 or more"},
        Mistake{"pool = { min = 21 }",
                "sluice.toml:4:16: postgres[0].pool.min: pool.min = 21 is more than pool.max = 20: "
                "lower the one or raise"},
        Mistake{"pool = { min = 5, max = 3 }",
                "sluice.toml:4:16: postgres[0].pool.min: pool.min = 5 is more than pool.max = 3"},
        Mistake{"pool = { min = 5, max_total = 3 }",
                "sluice.toml:4:31: postgres[0].pool.max_total: 3 is less than pool.min = 5"},
        Mistake{"pool = { multiplex = \"read\" }",
                "sluice.toml:4:22: postgres[0].pool.multiplex: \"read\" is not known, did you mean "
                "\"reads\"?; allowed: \"auto\", \"reads\", \"all\", \"off\""},
        Mistake{"databases = { app = { pool = { multiplex = \"al\" } } }",
                "sluice.toml:4:44: postgres[0].databases.\"app\".pool.multiplex: \"al\" is not "
                "known, did you mean \"all\"?"},
        Mistake{"pool = { multiplex_below = \"0s\" }",
                "sluice.toml:4:28: postgres[0].pool.multiplex_below: has to be above 0: statements "
                "that are shorter share connections, as \"2ms\"; set pool.multiplex = \"off\""},
        Mistake{
            "pool = \"big\"",
            "sluice.toml:4:1: postgres[0].pool: found \"big\", but it is a table: pool = { ... }"},
        Mistake{"prepared_memory_per_client = \"8 apples\"",
                "sluice.toml:4:30: postgres[0].prepared_memory_per_client: "},
        Mistake{"prepared_memory = \"1MB\"\nprepared_memory_per_client = \"2MB\"",
                "sluice.toml:4:19: postgres[0].prepared_memory: is less than "
                "prepared_memory_per_client: lower that one or raise this"},
        Mistake{"unix_mode = \"888\"",
                "sluice.toml:4:13: postgres[0].unix_mode: \"888\" is no file mode: write octal "
                "digits, as \"0770\""},
        Mistake{"unix_mode = 777",
                "sluice.toml:4:13: postgres[0].unix_mode: 777 is no file mode: write \"0770\" or "
                "0o770"},
        Mistake{
            "replicas = \"postgres:///app?host=/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
            "sluice.toml:4:12: postgres[0].replicas: "
            "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
            "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/.s.PGSQL.5432 is too long for a "
            "Unix socket (107 bytes)"},
        Mistake{"unix_socket_dir = \"/nowhere/at/all\"",
                "sluice.toml:4:19: postgres[0].unix_socket_dir: /nowhere/at/all: No such file or "
                "directory; create the "
                "directory"},
        Mistake{"replicas = [\"mysql://db2/app\"]",
                "sluice.toml:4:12: postgres[0].replicas: item 1: "},
        Mistake{
            "replicas = [3]",
            "sluice.toml:4:12: postgres[0].replicas: item 1 is the number 3, but it takes texts"},
        Mistake{
            "cache = { mode = \"bounded\" }",
            "sluice.toml:4:18: postgres[0].cache.mode: \"bounded\": only \"off\" in this version"},
        Mistake{"cache = { ttl = \"10m\" }",
                "sluice.toml:4:11: postgres[0].cache.ttl: not in this version: remove it"},
        Mistake{"limit = { tier = \"default\" }",
                "sluice.toml:4:1: postgres[0].limit: not in this version: remove it"},
        Mistake{"balance = { strategy = \"least_connections\" }",
                "sluice.toml:4:24: postgres[0].balance.strategy: \"least_connections\": only "
                "\"primary\" in this version"},
        Mistake{"[cache]\nmemory = \"200MB\"",
                "sluice.toml:4:2: cache: not in this version: remove it"},
        Mistake{"[[redis]]", "sluice.toml:4:3: redis: not in this version: remove it"},
        Mistake{"[pool]\nmax = 3",
                "sluice.toml:4:2: pool: unknown key here, it belongs under [[postgres]]"},
        Mistake{"[admni]", "sluice.toml:4:2: admni: unknown key, did you mean \"admin\"?"},
        Mistake{"[admin]\nlisten = \"0.0.0.0:8001\"",
                "sluice.toml:5:10: admin.listen: 0.0.0.0:8001 is reachable from elsewhere and "
                "needs a token"},
        Mistake{"[admin]\nlisten = \"127.0.0.1\"",
                "sluice.toml:5:10: admin.listen: \"127.0.0.1\" has no port"},
        Mistake{"[admin]\nlisten = \"127.0.0.1:99999\"",
                "sluice.toml:5:10: admin.listen: \"127.0.0.1:99999\" has no port"},
        Mistake{"[admin]\nenabled = \"yes\"",
                "sluice.toml:5:11: admin.enabled: found \"yes\", but it takes true or false"},
        Mistake{"[admin]\ntoken_file = \"/nowhere/token\"",
                "sluice.toml:5:14: admin.token_file: /nowhere/token can't be read: No such file or "
                "directory"},
        Mistake{"[admin]\ntoken = 5",
                "sluice.toml:5:9: admin.token: found a number, but it takes a text in quotes"},
        Mistake{"[logging]\nlevel = \"warning\"",
                "sluice.toml:5:9: logging.level: \"warning\" is not known, did you mean \"warn\"?; "
                "allowed: "},
        Mistake{"[net]\nworkers = 5000",
                "sluice.toml:5:11: net.workers: 5000 is out of range: 0 to 1024"},
        Mistake{"[[postgres]]\nlisten = \"127.0.0.1:6433\"",
                "sluice.toml:4:1: postgres[1].primary: is missing: say where PostgreSQL is"},
        Mistake{
            "[[postgres]]\nprimary = \"postgres://db2\"",
            "sluice.toml:4:1: postgres[1].listen: 127.0.0.1:6432 is taken by postgres[0].listen"},
        Mistake{"[[postgres]]\nprimary = \"postgres://db2\"\nlisten = \"0.0.0.0:8001\"",
                "sluice.toml:6:10: postgres[1].listen: 0.0.0.0:8001 is taken by admin.listen "
                "(127.0.0.1:8001)"},
        Mistake{
            "[[postgres]]\nprimary = \"postgres://db2\"\nlisten = \":6433\"\nname = \"postgres\"",
            "sluice.toml:7:8: postgres[1].name: \"postgres\" is the name of another listener too"},
        Mistake{"[[postgres]]\nprimary = \"postgres://db2\"\nlisten = []",
                "sluice.toml:6:10: postgres[1].listen: is empty and there is no unix_socket_dir"},
        Mistake{"tls = { mode = \"require\" }",
                "sluice.toml:4:16: postgres[0].tls.mode: \"require\" needs a certificate: set "
                "tls.cert and tls.key"},
        Mistake{"server_tls = { ca = \"/nowhere/ca.pem\" }",
                "sluice.toml:4:21: postgres[0].server_tls.ca: /nowhere/ca.pem can't be read: No "
                "such file"},
        Mistake{"server_tls = { mode = \"verify_full\" }",
                "sluice.toml:4:23: postgres[0].server_tls.mode: \"verify_full\" is not known, did "
                "you mean "
                "\"verify-full\"?"},
        Mistake{"auth = { method = \"scram\" }",
                "sluice.toml:4:19: postgres[0].auth.method: \"scram\" is not known"},
        Mistake{"auth = { method = \"md5\" }",
                "sluice.toml:4:19: postgres[0].auth.method: \"md5\" knows no user: add auth.users, "
                "auth.userlist or "
                "auth.query"},
        Mistake{"auth = { method = \"cert\" }",
                "sluice.toml:4:19: postgres[0].auth.method: \"cert\" needs tls.cert"},
        Mistake{"auth = { userlist = \"/nowhere/users\" }",
                "sluice.toml:4:21: postgres[0].auth.userlist: /nowhere/users can't be read: No "
                "such file or directory"},
        Mistake{
            "auth = { query = \"select 1\", user = \"x\" }",
            "sluice.toml:4:18: postgres[0].auth.query: has no $1, the place of the user's name"},
        Mistake{"auth = { query = \"select $1\" }",
                "sluice.toml:4:18: postgres[0].auth.query: needs auth.user, who runs it"},
        Mistake{"auth = { users = { app = 5 } }",
                "sluice.toml:4:18: postgres[0].auth.users: user \"app\": the secret has to be a "
                "text in quotes"},
        Mistake{"auth = { method = \"scram-sha-256\", users = { a = "
                "\"md5abcdef012342345abcdef0123423450a\" } }",
                "sluice.toml:4:19: postgres[0].auth.method: \"scram-sha-256\" can't use the md5 "
                "secret of user \"a\""},
        Mistake{"password = \"x\"",
                "sluice.toml:4:12: postgres[0].password: belongs to no user: name one in primary"},
        Mistake{"databases = { pgbouncer = \"postgres://db2\" }",
                "sluice.toml:4:27: postgres[0].databases.\"pgbouncer\": is the name of the admin "
                "console"},
        Mistake{"[postgres.databases.a]\nprot = 5",
                "sluice.toml:5:1: postgres[0].databases.\"a\".prot: unknown key, did you mean "
                "\"port\"?"},
        Mistake{
            "[postgres.databases.a]\nport = 70000",
            "sluice.toml:5:8: postgres[0].databases.\"a\".port: 70000 is out of range: 1 to 65535"},
        Mistake{"[postgres.databases.a]\npool = { min = 30 }",
                "sluice.toml:5:16: postgres[0].databases.\"a\".pool.min: 30 is more than pool.max "
                "= 20"},
        Mistake{"x = [1,", "sluice.toml:4:"}));

TEST(ConfigTest, all_problems_come_at_once_in_order_of_the_file) {
  const auto report = problems("[[postgres]]\nlisten = 5\npool = { max = 0 }\nzebra = 1\n");
  EXPECT_TRUE(report.starts_with("sluice.toml:1:1: postgres[0].primary: is missing")) << report;
  EXPECT_NE(report.find("sluice.toml:2:10: postgres[0].listen: found the number 5"), report.npos);
  EXPECT_NE(report.find("sluice.toml:3:16: postgres[0].pool.max: 0 is too small"), report.npos);
  EXPECT_NE(report.find("sluice.toml:4:1: postgres[0].zebra: unknown key"), report.npos);
}

TEST(ConfigTest, mistakes_outside_of_the_file_name_their_place) {
  EXPECT_EQ(problems(kThreeLines, {{"SLUICE_POSTGRES_POOL_MAX", "many"}}),
            "environment: SLUICE_POSTGRES_POOL_MAX: \"many\" is no whole number\n");
  EXPECT_EQ(problems(kThreeLines, {{"POSTGRES_MAX_SIZE", "3"}}), "") << "the default min yields";
  EXPECT_EQ(problems(kThreeLines, {{"POSTGRES_MIN_SIZE", "50"}}),
            "environment: POSTGRES_MIN_SIZE: pool.min = 50 is more than pool.max = 20: lower the "
            "one or raise the other\n");
  EXPECT_EQ(problems(kThreeLines, {{"ENABLE_CONNECTION_POOLING", "maybe"}}),
            "environment: ENABLE_CONNECTION_POOLING: \"maybe\" is neither true nor false\n");
  auto options = options_of(kThreeLines);
  options.listen = {"127.0.0.1"};
  EXPECT_TRUE(problems(options).starts_with("command line: --listen: \"127.0.0.1\" has no port"))
      << problems(options);
  options = options_of("");
  options.postgres = "ftp://x";
  EXPECT_TRUE(problems(options).starts_with("command line: --postgres: ")) << problems(options);
}

TEST(ConfigTest, nothing_at_all_is_told_what_to_do) {
  EXPECT_EQ(
      problems(LoadOptions()),
      "postgres: nothing to serve: add [[postgres]] with primary = \"postgres://db1:5432/app\"\n");
  LoadOptions options;
  options.path = "/nowhere/sluice.toml";
  EXPECT_EQ(
      problems(options),
      "/nowhere/sluice.toml: /nowhere/sluice.toml can't be read: No such file or directory\n");
  EXPECT_TRUE(problems("[postgres]\nprimary = \"postgres://db1\"\n")
                  .starts_with("sluice.toml:1:2: postgres: write [[postgres]] with two brackets"));
}

TEST(ConfigTest, files_are_relative_to_the_configuration) {
  Folder folder;
  folder.write("token", "slu_secret\n");
  folder.write("pw", "s3cret");
  LoadOptions options;
  options.path =
      folder.write("sluice.toml",
                   "[admin]\nlisten = \"0.0.0.0:8001\"\ntoken_file = \"token\"\n[[postgres]]\n"
                   "primary = \"postgres://app@db1\"\npassword_file = \"pw\"\n");
  const auto config = loaded(options);
  EXPECT_EQ(config.config.admin.token, "slu_secret");
  EXPECT_EQ(config.config.postgres[0].primary.password, "s3cret");
  EXPECT_TRUE(config.warnings.empty()) << text_of(config.warnings);
}

TEST(ConfigTest, secrets_that_everybody_may_read_are_warned_of) {
  Folder folder;
  folder.write("token", "slu_secret\n", 0644);
  folder.write("users", "\"a\" \"b\"\n", 0644);
  LoadOptions options;
  options.path = folder.write("sluice.toml",
                              "[admin]\ntoken_file = \"token\"\n[[postgres]]\n"
                              "primary = \"postgres://app:x@db1\"\nauth.userlist = \"users\"\n",
                              0644);
  const auto warnings = text_of(loaded(options).warnings);
  EXPECT_NE(warnings.find("holds secrets and everybody may read it: chmod 600"), warnings.npos)
      << warnings;
  EXPECT_NE(warnings.find(":2:14: admin.token_file: everybody may read "), warnings.npos)
      << warnings;
  EXPECT_NE(warnings.find("postgres[0].auth.userlist: everybody may read "), warnings.npos)
      << warnings;
}

TEST(ConfigTest, a_secret_has_one_source_in_each_layer) {
  Folder folder;
  const auto token = folder.write("token", "from-file");
  const auto text = "[admin]\ntoken_file = \"" + token + "\"\ntoken = \"x\"\n" + kThreeLines;
  EXPECT_TRUE(problems(text).starts_with(
      "sluice.toml:2:14: admin.token_file: admin.token and admin.token_file are both"))
      << problems(text);
  const auto by_file = "[admin]\ntoken_file = \"" + token + "\"\n" + kThreeLines;
  EXPECT_EQ(loaded(by_file, {{"SLUICE_ADMIN_TOKEN", "from-environment"}}).config.admin.token,
            "from-environment");
  const auto by_text = "[admin]\ntoken = \"x\"\n" + kThreeLines;
  EXPECT_EQ(loaded(by_text, {{"SLUICE_ADMIN_TOKEN_FILE", token}}).config.admin.token, "from-file");
}

TEST(ConfigTest, databases_inherit_what_they_do_not_name) {
  const auto config = loaded(R"([[postgres]]
primary = "postgres://app:pw@db1:5433/app?sslmode=require"
[postgres.databases]
short = "postgres://db7:5555/inside"
[postgres.databases.same]
[postgres.databases.moved]
host = "db2"
dbname = "other"
[postgres.databases.forced]
port = 6000
user = "boss"
password = "bosspw"
pool = { mode = "session", max = 3 }
)")
                          .config;
  const auto& listener = config.postgres[0];
  const auto same = find_database(listener, "same");
  ASSERT_TRUE(same);
  EXPECT_EQ(same->dsn.database, "same");
  EXPECT_EQ(same->dsn.password, "pw");
  EXPECT_EQ(same->dsn.hosts, (std::vector<HostPort>{{"db1", 5433}}));
  const auto moved = find_database(listener, "moved");
  EXPECT_EQ(moved->dsn.hosts, (std::vector<HostPort>{{"db2", 5433}}));
  EXPECT_EQ(moved->dsn.database, "other");
  EXPECT_EQ(server_tls_for(listener, moved->dsn).mode, TlsMode::require);
  const auto forced = find_database(listener, "forced");
  EXPECT_EQ(forced->dsn.hosts, (std::vector<HostPort>{{"db1", 6000}}));
  EXPECT_EQ(forced->dsn.user, "boss");
  EXPECT_EQ(forced->dsn.password, "bosspw");
  EXPECT_EQ(forced->pool.mode, PoolMode::session);
  EXPECT_EQ(forced->pool.max, 3u);
  EXPECT_EQ(forced->pool.min, 3u);  // the inherited minimum is capped
  EXPECT_EQ(find_database(listener, "short")->dsn.database, "inside");
  EXPECT_FALSE(find_database(listener, "unknown"));
}

TEST(ConfigTest, the_star_serves_every_other_name) {
  auto listener =
      loaded("[[postgres]]\ndatabases = { \"*\" = \"postgres://db7:5555\" }\n").config.postgres[0];
  EXPECT_EQ(find_database(listener, "any")->dsn.database, "any");
  EXPECT_EQ(find_database(listener, "any")->dsn.hosts[0].host, "db7");
  listener = loaded(kThreeLines).config.postgres[0];
  EXPECT_EQ(find_database(listener, "any")->dsn.database, "any");
}

TEST(ConfigTest, a_database_without_any_server_is_a_problem) {
  EXPECT_EQ(problems("[[postgres]]\n[postgres.databases.a]\ndbname = \"x\"\n"),
            "sluice.toml:2:21: postgres[0].databases.\"a\": has no server: add host, or dsn, or "
            "the listener's primary\n");
}

TEST(ConfigTest, trust_is_never_a_default_and_warns_when_exposed) {
  EXPECT_EQ(effective_method(
                loaded("[[postgres]]\nprimary = \"postgres://app:pw@db1\"\n").config.postgres[0]),
            AuthMethod::passthrough);
  EXPECT_EQ(effective_method(loaded(kThreeLines + "auth.users = { a = \"b\" }").config.postgres[0]),
            AuthMethod::automatic);
  EXPECT_TRUE(loaded(kThreeLines + "auth.method = \"trust\"").warnings.empty());
  const auto open = loaded(
      "[[postgres]]\nlisten = \":6432\"\nprimary = \"postgres://db1\"\nauth.method = \"trust\"\n");
  ASSERT_EQ(open.warnings.size(), 1u);
  EXPECT_TRUE(open.warnings[0].text().starts_with(
      "sluice.toml:4:15: postgres[0].auth.method: \"trust\" lets in"));
}

TEST(ConfigTest, explaining_shows_every_key_and_no_secret) {
  Folder folder;
  write_files(folder);
  auto config = loaded(every_key(folder)).config;
  const auto text = explain(config);
  for (const auto& key : keys_of(config))
    EXPECT_NE(text.find(std::string(key.name) + " = "), text.npos) << key.name;
  for (const auto& key : keys_of(config.postgres[0]))
    EXPECT_NE(text.find("postgres[0]." + std::string(key.name) + " = "), text.npos) << key.name;
  for (auto secret : {"slu_t", "p%40ss", "p@ss", "\"secret\"", "md5abc"})
    EXPECT_EQ(text.find(secret), text.npos) << secret;
  EXPECT_NE(text.find("admin.token = \"***\""), text.npos);
  EXPECT_NE(text.find("\"app\" = \"***\""), text.npos);
}

TEST(ConfigTest, no_problem_tells_a_secret) {
  for (auto text :
       {"primary = \"postgres://app:hunter2@db1:port/x\"", "primary = \"app:hunter2@db1\"",
        "auth = { users = [\"hunter2\"] }", "admin = { token = [\"hunter2\"] }"}) {
    const auto report = problems(std::string("[[postgres]]\n") + text);
    EXPECT_FALSE(report.empty()) << text;
    EXPECT_EQ(report.find("hunter2"), report.npos) << report;
  }
}

std::string repository_file(const char* path) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  return read_small_file((root / path).string()).value_or("");
}

TEST(ConfigTest, the_documentation_has_every_key_with_default_and_variable) {
  const auto text = repository_file("docs/configuration.md");
  const auto expect_rows = [&](std::vector<Key> keys, const char* section) {
    for (const auto& key : keys) {
      const auto variable = section ? "`" + variable_of(section, key.name) + "`" : "-";
      const auto row = text.find("\n| `" + std::string(key.name) + "` | ");
      ASSERT_NE(row, text.npos) << key.name;
      EXPECT_NE(text.find(" | " + variable + " | "), text.npos) << variable;
      if (!section || key.name == "password" || key.name.ends_with("_file")) continue;
      EXPECT_NE(text.find("`" + toml_of(key).value_or("-") + "` | " + variable), text.npos)
          << variable;
    }
  };
  Draft draft;
  draft.add_listener();
  expect_rows(draft.top_keys(), "");
  expect_rows(draft.listener_keys(0), "postgres");
  expect_rows(draft.database_keys(0, "x"), nullptr);
}

TEST(ConfigTest, the_example_loads_also_with_its_comments_taken_off) {
  const auto example = repository_file("deploy/sluice.toml");
  auto config = loaded(example);
  EXPECT_TRUE(config.warnings.empty()) << text_of(config.warnings);
  std::string all;
  for (auto line : split(example, '\n')) {
    // Lines that are a key behind a comment sign; those that name files would need them.
    const bool key = line.starts_with("# ") && line.find(" = ") != line.npos &&
                     line.find("file") == line.npos && line.find("userlist") == line.npos &&
                     line.find("tls") == line.npos;
    all += std::string(key ? line.substr(2) : line) + "\n";
  }
  config = loaded(all);
  EXPECT_EQ(config.config.postgres[0].timeouts.query, seconds(30));
  EXPECT_TRUE(find_database(config.config.postgres[0], "reports"));
}

// Whoever asks for sharing where there is none is told; who leaves it to us isn't.
TEST(ConfigTest, sharing_that_can_not_be_is_told_to_who_asked_for_it) {
  const auto warnings = [](const std::string& pool, const std::string& top = {}) {
    return text_of(loaded(top + kThreeLines + pool + "\n").warnings);
  };
  const std::string no_query = "[query]\nenabled = false\n";
  EXPECT_EQ(warnings("pool = { mode = \"session\" }", no_query), "");
  EXPECT_EQ(warnings("pool = { mode = \"session\", multiplex = \"off\", auto_prepare = \"off\" }"),
            "");
  EXPECT_EQ(warnings("pool = { multiplex = \"all\", auto_prepare = \"auto\" }"), "");
  EXPECT_NE(
      warnings("pool = { mode = \"session\", multiplex = \"reads\" }")
          .find("postgres[0].pool.multiplex: nothing is shared while pool.mode = \"session\""),
      std::string::npos);
  EXPECT_NE(warnings("pool = { mode = \"session\", auto_prepare = \"auto\" }")
                .find("postgres[0].pool.auto_prepare: nothing is prepared by itself while "
                      "pool.mode = \"session\""),
            std::string::npos);
  EXPECT_NE(warnings("pool = { multiplex = \"all\" }", no_query)
                .find("postgres[0].pool.multiplex: nothing is shared while query.enabled = false"),
            std::string::npos);
  EXPECT_NE(warnings("databases.app.pool = { mode = \"session\", multiplex = \"reads\" }")
                .find("pool.multiplex: nothing is shared while pool.mode = \"session\""),
            std::string::npos);
  EXPECT_EQ(warnings("pool = { mode = \"session\" }\ndatabases.app.pool = { mode = "
                     "\"transaction\", multiplex = \"reads\" }"),
            "");
}

TEST(ConfigTest, a_database_shares_as_it_says_itself) {
  const auto listener = loaded(kThreeLines +
                               "pool = { multiplex = \"all\" }\n"
                               "databases.own.pool = { multiplex = \"off\" }\n"
                               "databases.other = {}\n")
                            .config.postgres[0];
  EXPECT_EQ(find_database(listener, "own")->pool.multiplex, Multiplex::off);
  EXPECT_EQ(find_database(listener, "other")->pool.multiplex, Multiplex::all);
}

TEST(ConfigTest, users_of_the_table_win_over_the_userlist) {
  Folder folder;
  AuthSettings auth;
  auth.userlist = folder.write("users", "\"a\" \"one\"\n\"b\" \"two\"\n");
  auth.users["a"] = "mine";
  const auto users = read_users(auth);
  ASSERT_TRUE(users);
  EXPECT_EQ(*users, (std::map<std::string, std::string>{{"a", "mine"}, {"b", "two"}}));
}

TEST(ConfigTest, a_dsn_of_any_content_reads_back) {
  for (auto text : {"postgres://u:p%2F%40@h:1,[::1]:2/d%20b?application_name=x%26y&sslmode=require",
                    "host=/run/postgresql port=5433 dbname=app user=x", "postgres:///app",
                    "postgres://:pw@h/", "host=fe80::1%eth0 port=1", "host=x?y/z"}) {
    const auto dsn = parse_dsn(text);
    ASSERT_TRUE(dsn) << text;
    const auto again = parse_dsn(text_of(*dsn));
    ASSERT_TRUE(again) << text_of(*dsn);
    EXPECT_EQ(*again, *dsn) << text_of(*dsn);
  }
}

}  // namespace
}  // namespace sluice::gateway
