// Endpoint: where a server listens or a peer is: host and port, or the path of a Unix socket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "sluice/time.h"

struct sockaddr;

namespace sluice::net {

struct Endpoint {
  std::string host;  // name or address; empty for a Unix socket, and for every address
  std::uint16_t port = 0;
  std::string path;  // Unix socket, absolute

  bool is_unix() const { return !path.empty(); }
  std::string text() const;  // "10.0.0.1:5432", "[::1]:5432", "/run/postgresql/.s.PGSQL.5432"
  bool operator==(const Endpoint&) const = default;

  // "127.0.0.1:6432", "[::1]:6432", ":6432" (every address), "6432" (the same), "db1" (with the
  // default port), "/run/x/.s.PGSQL.6432".
  static Result<Endpoint> parse(std::string_view text, std::uint16_t default_port);
  // Of a socket's address; an unnamed Unix socket has an empty path. IPv4 that came through an IPv6
  // socket is written as IPv4.
  static Endpoint of(const sockaddr& address, std::size_t length);
};

// One resolved address.
struct Address {
  std::vector<char> sockaddr;  // as connect(2) takes it
  std::string text;

  int family() const;  // AF_INET, AF_INET6, AF_UNIX
};

// All addresses of an endpoint, in the system's order of preference. A name is looked up on a
// thread of its own while the calling fiber is parked (or the calling thread blocks); numeric
// addresses and paths return at once, an empty host is this machine. Errors: not_found, unavailable
// (try again), timed_out, invalid_argument (a path too long for a Unix socket).
Result<std::vector<Address>> resolve(const Endpoint& endpoint, Deadline deadline);

}  // namespace sluice::net
