// Logging in to a PostgreSQL server: connect, TLS, startup, authentication, first parameters.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "session/postgres_server.h"
#include "wire/postgres/scram.h"

namespace sluice::postgres {

enum class SslMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };

struct ServerLogin {
  net::Endpoint endpoint;
  std::string user, database;
  std::string password;           // empty: none
  std::optional<ScramKeys> keys;  // instead of a password: what the client's own login left us
  SslMode ssl = SslMode::prefer;
  std::shared_ptr<net::TlsClient> tls;  // REQUIRES: set unless ssl is disable
  Parameters parameters;                // more startup parameters (replication)
  ServerOptions options;
};

// On the calling fiber. The server's refusal is an Error with its SQLSTATE; unauthenticated also when
// it asks for a method that we have no secret for.
Result<std::unique_ptr<ServerConn>> log_in(net::Loop& loop, const ServerLogin& login,
                                           const std::shared_ptr<Baselines>& baselines,
                                           const ServerConn::Loops& loops, Deadline deadline);

// The same, but gives the bare stream after ReadyForQuery, for a tunnel that speaks for itself. All that
// the server said since the authentication is in `greeting`.
Result<std::unique_ptr<net::Stream>> log_in_tunnel(net::Loop& loop, const ServerLogin& login,
                                                   Buffer& greeting, Deadline deadline);

}  // namespace sluice::postgres
