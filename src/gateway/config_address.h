// Addresses that we listen on, read only as far as a configuration has to know them.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace sluice::gateway {

struct ListenAddress {
  std::string host;  // empty: every address
  std::uint16_t port = 0;
  std::string path;  // a Unix socket instead

  bool loopback() const;
  // Whether both can't be bound at once. Port 0, the kernel's choice, never clashes.
  bool clashes(const ListenAddress& other) const;
};

// "127.0.0.1:6432", "[::1]:6432", ":6432", "*:6432", "6432", "/run/x/.s.PGSQL.6432".
std::expected<ListenAddress, std::string> parse_listen(std::string_view text);

// A name, an address (with a zone: fe80::1%eth0) or a socket's folder, as far as its letters tell.
bool possible_host(std::string_view host);

}  // namespace sluice::gateway
