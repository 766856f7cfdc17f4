#include "gateway/config.h"

#include <algorithm>
#include <iterator>

#include "gateway/config_words.h"

namespace sluice::gateway {

std::string_view name_of(PoolMode v) { return kPoolModes[static_cast<int>(v)]; }
std::string_view name_of(Multiplex v) { return kMultiplexes[static_cast<int>(v)]; }
std::string_view name_of(AutoPrepare v) { return kAutoPrepares[static_cast<int>(v)]; }
std::string_view name_of(TlsMode v) { return kTlsModes[static_cast<int>(v)]; }
std::string_view name_of(AuthMethod v) { return kAuthMethods[static_cast<int>(v)]; }
std::string_view name_of(Replication v) { return kReplications[static_cast<int>(v)]; }
std::string_view name_of(BalanceStrategy v) { return kBalanceStrategies[static_cast<int>(v)]; }
std::string_view name_of(Redact v) { return kRedacts[static_cast<int>(v)]; }
std::string_view name_of(CacheMode v) { return kCacheModes[static_cast<int>(v)]; }

std::optional<Target> find_database(const PostgresListener& listener, std::string_view name) {
  Target target{listener.primary, listener.pool, 0, listener.auth.user};
  if (listener.databases.empty()) {
    target.dsn.database = name;
    return target;
  }
  auto found = listener.databases.find(std::string(name));
  if (found == listener.databases.end()) found = listener.databases.find("*");
  if (found == listener.databases.end()) return std::nullopt;

  const Database& database = found->second;
  target.dsn = database.dsn;
  if (target.dsn.database.empty()) target.dsn.database = name;
  target.pool.mode = database.mode.value_or(target.pool.mode);
  target.pool.multiplex = database.multiplex.value_or(target.pool.multiplex);
  target.pool.max = database.max.value_or(target.pool.max);
  // A smaller maximum of its own caps an inherited minimum.
  target.pool.min = database.min.value_or(std::min(target.pool.min, target.pool.max));
  target.max_database = database.max_total.value_or(0);
  if (!database.auth_user.empty()) target.auth_user = database.auth_user;
  return target;
}

AuthMethod effective_method(const PostgresListener& listener) {
  const auto& auth = listener.auth;
  const bool nobody = auth.users.empty() && auth.userlist.empty() && auth.query.empty();
  if (auth.method == AuthMethod::automatic && nobody) return AuthMethod::passthrough;
  return auth.method;
}

ServerTls server_tls_for(const PostgresListener& listener, const Dsn& dsn) {
  ServerTls tls = listener.server_tls;
  const auto mode = std::find(std::begin(kTlsModes), std::end(kTlsModes), dsn.option("sslmode"));
  if (mode != std::end(kTlsModes)) tls.mode = static_cast<TlsMode>(mode - std::begin(kTlsModes));
  if (auto ca = dsn.option("sslrootcert"); !ca.empty()) tls.ca = ca;
  if (auto cert = dsn.option("sslcert"); !cert.empty()) tls.cert = cert;
  if (auto key = dsn.option("sslkey"); !key.empty()) tls.key = key;
  return tls;
}

}  // namespace sluice::gateway
