#include "admin/console_settings.h"

#include <functional>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/parse.h"
#include "gateway/config_load.h"

namespace sluice::admin {
namespace {

using gateway::Config;
using gateway::PostgresListener;

// Null `set`: shown only.
struct Setting {
  std::string name;
  std::function<std::string(const Config&)> get;
  std::function<Result<void>(Config&, std::string_view)> set;
};

// ---- kinds of settings: a member of the listener, read from the first, written to all ---------------

template <class T>
using Member = std::function<T&(PostgresListener&)>;

template <class T>
T value_of(const Config& config, const Member<T>& member) {
  if (config.postgres.empty()) return {};
  PostgresListener copy = config.postgres.front();
  return member(copy);
}

template <class T>
void set_all(Config& config, const Member<T>& member, const T& value) {
  for (PostgresListener& listener : config.postgres) member(listener) = value;
}

// PgBouncer's unit is the second, with decimals where it isn't whole.
std::string seconds_text(Duration d) {
  return fmt::format("{:g}", std::chrono::duration<double>(d).count());
}

Result<Duration> parse_seconds(std::string_view text) {
  if (auto whole = parse_u64(text, 0, 1'000'000'000)) return std::chrono::seconds(*whole);
  return parse_duration(text);
}

Setting seconds(std::string name, Member<Duration> member) {
  return {std::move(name), [member](const Config& c) { return seconds_text(value_of(c, member)); },
          [member](Config& c, std::string_view text) -> Result<void> {
            auto value = parse_seconds(text);
            if (!value) return std::unexpected(value.error());
            set_all(c, member, *value);
            return {};
          }};
}

Setting count(std::string name, Member<unsigned> member, unsigned min) {
  return {std::move(name),
          [member](const Config& c) { return std::to_string(value_of(c, member)); },
          [member, min](Config& c, std::string_view text) -> Result<void> {
            auto value = parse_u64(text, min, 1'000'000);
            if (!value) return std::unexpected(value.error());
            set_all(c, member, static_cast<unsigned>(*value));
            return {};
          }};
}

Setting text(std::string name, Member<std::string> member, bool changeable) {
  Setting setting{std::move(name), [member](const Config& c) { return value_of(c, member); }, {}};
  if (changeable)
    setting.set = [member](Config& c, std::string_view value) -> Result<void> {
      set_all(c, member, std::string(value));
      return {};
    };
  return setting;
}

template <class T>
Setting named(std::string name, Member<T> member) {
  return {std::move(name),
          [member](const Config& c) { return std::string(name_of(value_of(c, member))); },
          {}};
}

Setting list(std::string name, Member<std::vector<std::string>> member) {
  return {
      std::move(name),
      [member](const Config& c) { return fmt::format("{}", fmt::join(value_of(c, member), ", ")); },
      {}};
}

// ---- the settings that aren't one of those -----------------------------------------------------------

Setting pool_mode() {
  Setting setting = named<gateway::PoolMode>(
      "pool_mode", [](PostgresListener& l) -> gateway::PoolMode& { return l.pool.mode; });
  setting.set = [](Config& c, std::string_view text) -> Result<void> {
    for (const auto mode : {gateway::PoolMode::session, gateway::PoolMode::transaction})
      if (iequals(text, name_of(mode))) {
        for (PostgresListener& listener : c.postgres) listener.pool.mode = mode;
        return {};
      }
    return fail(Code::invalid_argument, "pool_mode is session or transaction");
  };
  return setting;
}

Setting verbose() {
  return {"verbose", [](const Config& c) { return c.logging.level == LogLevel::debug ? "1" : "0"; },
          [](Config& c, std::string_view text) -> Result<void> {
            auto value = parse_u64(text, 0, 3);
            if (!value) return std::unexpected(value.error());
            c.logging.level = *value > 0 ? LogLevel::debug : LogLevel::info;
            return {};
          }};
}

Setting listen_backlog() {
  return {"listen_backlog", [](const Config& c) { return std::to_string(c.net.backlog); }, {}};
}

#define SLUICE_MEMBER(path) [](PostgresListener& l) -> decltype((l.path)) { return l.path; }

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = {
      list("admin_users", SLUICE_MEMBER(auth.admin_users)),
      text("auth_file", SLUICE_MEMBER(auth.userlist), false),
      text("auth_query", SLUICE_MEMBER(auth.query), false),
      named<gateway::AuthMethod>("auth_type", SLUICE_MEMBER(auth.method)),
      text("auth_user", SLUICE_MEMBER(auth.user), false),
      seconds("client_idle_timeout", SLUICE_MEMBER(timeouts.client_idle)),
      seconds("client_login_timeout", SLUICE_MEMBER(timeouts.login)),
      text("client_tls_ca_file", SLUICE_MEMBER(tls.ca), false),
      text("client_tls_cert_file", SLUICE_MEMBER(tls.cert), false),
      text("client_tls_key_file", SLUICE_MEMBER(tls.key), false),
      named<gateway::TlsMode>("client_tls_sslmode", SLUICE_MEMBER(tls.mode)),
      count("default_pool_size", SLUICE_MEMBER(pool.max), 1),
      seconds("idle_transaction_timeout", SLUICE_MEMBER(timeouts.idle_in_transaction)),
      list("ignore_startup_parameters", SLUICE_MEMBER(ignore_startup_parameters)),
      list("listen_addr", SLUICE_MEMBER(listen)),
      listen_backlog(),
      count("max_client_conn", SLUICE_MEMBER(max_clients), 1),
      count("max_prepared_statements", SLUICE_MEMBER(pool.max_prepared), 0),
      count("min_pool_size", SLUICE_MEMBER(pool.min), 0),
      pool_mode(),
      seconds("query_timeout", SLUICE_MEMBER(timeouts.query)),
      seconds("query_wait_timeout", SLUICE_MEMBER(pool.wait)),
      seconds("server_check_delay", SLUICE_MEMBER(pool.validate_after)),
      seconds("server_connect_timeout", SLUICE_MEMBER(pool.connect_timeout)),
      seconds("server_idle_timeout", SLUICE_MEMBER(pool.idle)),
      seconds("server_lifetime", SLUICE_MEMBER(pool.lifetime)),
      text("server_reset_query", SLUICE_MEMBER(pool.reset), true),
      text("server_tls_ca_file", SLUICE_MEMBER(server_tls.ca), false),
      text("server_tls_cert_file", SLUICE_MEMBER(server_tls.cert), false),
      text("server_tls_key_file", SLUICE_MEMBER(server_tls.key), false),
      named<gateway::TlsMode>("server_tls_sslmode", SLUICE_MEMBER(server_tls.mode)),
      list("stats_users", SLUICE_MEMBER(auth.stats_users)),
      seconds("tcp_keepidle", SLUICE_MEMBER(timeouts.tcp_keepalive)),
      seconds("tcp_user_timeout", SLUICE_MEMBER(timeouts.tcp_user_timeout)),
      text("unix_socket_dir", SLUICE_MEMBER(unix_socket_dir), false),
      verbose(),
  };
  return all;
}

#undef SLUICE_MEMBER

std::string changeable_names() {
  std::string names;
  for (const Setting& setting : settings())
    if (setting.set) names += (names.empty() ? "" : ", ") + setting.name;
  return names;
}

// Our own keys, one line each: "postgres[0].pool.max = 20".
void append_own_keys(postgres::ConsoleReply& reply, const Config& config) {
  const std::string all = gateway::explain(config);
  for (const std::string_view line : split(all, '\n')) {
    const auto equals = line.find(" = ");
    if (equals == line.npos) continue;
    reply.rows.push_back({std::string(line.substr(0, equals)), std::string(line.substr(equals + 3)),
                          std::nullopt, "no"});
  }
}

}  // namespace

postgres::ConsoleReply config_table(const Config& config) {
  Config defaults;
  defaults.postgres.emplace_back();
  postgres::ConsoleReply reply;
  for (const char* name : {"key", "value", "default", "changeable"}) reply.fields.push_back({name});
  for (const Setting& setting : settings())
    reply.rows.push_back(
        {setting.name, setting.get(config), setting.get(defaults), setting.set ? "yes" : "no"});
  append_own_keys(reply, config);
  return reply;
}

Result<void> change_setting(Config& config, std::string_view name, std::string_view value) {
  for (const Setting& setting : settings()) {
    if (setting.name != name) continue;
    if (!setting.set)
      return fail(Code::invalid_argument,
                  fmt::format("{} can't be changed here: change the configuration "
                              "and RELOAD, or restart",
                              name));
    return setting.set(config, value);
  }
  return fail(Code::invalid_argument, fmt::format("unknown setting {}; what can be set: {}",
                                                  sluice::quoted(name), changeable_names()));
}

}  // namespace sluice::admin
