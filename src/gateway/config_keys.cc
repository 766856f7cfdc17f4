#include "gateway/config_keys.h"

#include "gateway/config_words.h"

namespace sluice::gateway {
namespace {

template <class Enum>
WordRef words(Enum& value, std::span<const std::string_view> names) {
  static_assert(sizeof(Enum) == 1);
  return {reinterpret_cast<std::uint8_t*>(&value), names};
}

template <class Enum>
OptionalWordRef words(std::optional<Enum>& value, std::span<const std::string_view> names) {
  using Value = std::optional<Enum>;
  return {&value, names,
          [](const void* v) {
            return static_cast<const Value*>(v)->transform(
                [](Enum e) { return static_cast<std::uint8_t>(e); });
          },
          [](void* v, std::uint8_t word) { *static_cast<Value*>(v) = static_cast<Enum>(word); }};
}

TextRef file(std::string& path) { return {&path, false, true}; }
TextRef secret(std::string& text) { return {&text, true, false}; }
TextRef text(std::string& value) { return {&value}; }

}  // namespace

std::vector<Key> keys_of(Config& c) {
  return {
      {"drain_timeout", &c.drain_timeout},
      {"net.workers", CountRef{&c.net.workers, 0, 1024}},
      {"net.backlog", CountRef{&c.net.backlog, 1, 65535}},
      {"admin.enabled", &c.admin.enabled},
      {"admin.listen", text(c.admin.listen)},
      {"admin.token", secret(c.admin.token)},
      {"logging.level", words(c.logging.level, kLogLevels)},
      {"logging.format", words(c.logging.format, kLogFormats)},
      {"query.enabled", &c.query.enabled},
      {"query.memory", BytesRef{&c.query.memory}},
      {"query.slow", &c.query.slow},
      {"query.slow_samples", CountRef{&c.query.slow_samples, 1, 10000}},
      {"query.explain_slow", &c.query.explain_slow},
      {"query.explain_per_minute", CountRef{&c.query.explain_per_minute, 1, 600}},
      {"query.redact", words(c.query.redact, kRedacts)},
      {"query.secret_columns", &c.query.secret_columns},
      {"query.metrics_top", CountRef{&c.query.metrics_top, 0, 1000}},
      {"store.directory", file(c.store.directory)},
  };
}

std::vector<Key> keys_of(PostgresListener& l) {
  return {
      {"name", text(l.name)},
      {"listen", &l.listen},
      {"unix_socket_dir", file(l.unix_socket_dir)},
      {"unix_mode", FileModeRef{&l.unix_mode}},
      {"primary", &l.primary},
      {"replicas", &l.replicas},
      {"server_socket", words(l.server_socket, kServerSockets)},
      {"max_clients", CountRef{&l.max_clients, 1}},
      {"prepared_memory_per_client", BytesRef{&l.prepared_memory_per_client}},
      {"prepared_memory", BytesRef{&l.prepared_memory}},
      {"ignore_startup_parameters", &l.ignore_startup_parameters},
      {"replication", words(l.replication, kReplications)},
      {"pool.mode", words(l.pool.mode, kPoolModes)},
      {"pool.min", CountRef{&l.pool.min}},
      {"pool.max", CountRef{&l.pool.max, 1}},
      {"pool.max_total", CountRef{&l.pool.max_total}},
      {"pool.max_connecting", CountRef{&l.pool.max_connecting, 1}},
      {"pool.wait", &l.pool.wait},
      {"pool.lifetime", &l.pool.lifetime},
      {"pool.idle", &l.pool.idle},
      {"pool.connect_timeout", &l.pool.connect_timeout},
      {"pool.validate_after", &l.pool.validate_after},
      {"pool.reset", text(l.pool.reset)},
      {"pool.max_prepared", CountRef{&l.pool.max_prepared}},
      {"pool.multiplex", words(l.pool.multiplex, kMultiplexes)},
      {"pool.multiplex_below", &l.pool.multiplex_below},
      {"pool.auto_prepare", words(l.pool.auto_prepare, kAutoPrepares)},
      {"auth.method", words(l.auth.method, kAuthMethods)},
      {"auth.users", &l.auth.users},
      {"auth.userlist", file(l.auth.userlist)},
      {"auth.query", text(l.auth.query)},
      {"auth.user", text(l.auth.user)},
      {"auth.database", text(l.auth.database)},
      {"auth.admin_users", &l.auth.admin_users},
      {"auth.stats_users", &l.auth.stats_users},
      {"tls.mode", words(l.tls.mode, kTlsModes)},
      {"tls.cert", file(l.tls.cert)},
      {"tls.key", file(l.tls.key)},
      {"tls.ca", file(l.tls.ca)},
      {"server_tls.mode", words(l.server_tls.mode, kTlsModes)},
      {"server_tls.ca", file(l.server_tls.ca)},
      {"server_tls.cert", file(l.server_tls.cert)},
      {"server_tls.key", file(l.server_tls.key)},
      {"timeouts.login", &l.timeouts.login},
      {"timeouts.query", &l.timeouts.query},
      {"timeouts.idle_in_transaction", &l.timeouts.idle_in_transaction},
      {"timeouts.client_idle", &l.timeouts.client_idle},
      {"timeouts.cancel", &l.timeouts.cancel},
      {"timeouts.tcp_keepalive", &l.timeouts.tcp_keepalive},
      {"timeouts.tcp_user_timeout", &l.timeouts.tcp_user_timeout},
      {"balance.strategy", words(l.balance, kBalanceStrategies)},
      {"cache.mode", words(l.cache, kCacheModes)},
  };
}

std::vector<Key> keys_of(Database& d) {
  return {
      {"dsn", &d.dsn},
      {"auth_user", text(d.auth_user)},
      {"pool.mode", words(d.mode, kPoolModes)},
      {"pool.min", OptionalCountRef{&d.min}},
      {"pool.max", OptionalCountRef{&d.max, 1}},
      {"pool.max_total", OptionalCountRef{&d.max_total}},
      {"pool.multiplex", words(d.multiplex, kMultiplexes)},
  };
}

bool Key::secret() const {
  if (const auto* t = std::get_if<TextRef>(&ref)) return t->secret;
  return std::holds_alternative<UsersRef>(ref);
}

}  // namespace sluice::gateway
