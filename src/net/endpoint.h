// Endpoint: where a server listens or a peer is: host and port, or the path of a Unix socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "sluice/time.h"

namespace sluice::net {

struct Endpoint {
  std::string host;         // name or address; empty for a Unix socket
  std::uint16_t port = 0;
  std::string path;         // Unix socket, absolute

  bool is_unix() const { return !path.empty(); }
  std::string text() const;  // "10.0.0.1:5432", "[::1]:5432", "/run/postgresql/.s.PGSQL.5432"
  bool operator==(const Endpoint&) const = default;

  // "127.0.0.1:6432", "[::1]:6432", ":6432" (every address), "6432", "/run/x/.s.PGSQL.6432".
  static Result<Endpoint> parse(std::string_view text, std::uint16_t default_port);
};

// One resolved address.
struct Address {
  std::vector<char> sockaddr;  // as connect(2) takes it
  std::string text;
};

// All addresses of an endpoint, in the system's order of preference. A name is looked up on a helper
// thread while the calling fiber is parked (or the calling thread blocks); numeric addresses and
// paths return at once. Errors: not_found, unavailable (try again), timed_out.
Result<std::vector<Address>> resolve(const Endpoint& endpoint, Deadline deadline);

}  // namespace sluice::net
