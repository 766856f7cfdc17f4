#include "gateway/config_address.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/parse.h"

namespace sluice::gateway {
namespace {

bool every(std::string_view host) { return host.empty() || host == "0.0.0.0" || host == "::"; }

}  // namespace

bool ListenAddress::loopback() const {
  return !path.empty() || host.starts_with("127.") || host == "::1" || host == "localhost";
}

bool ListenAddress::clashes(const ListenAddress& other) const {
  if (!path.empty() || !other.path.empty()) return path == other.path;
  if (port == 0 || port != other.port) return false;
  return host == other.host || every(host) || every(other.host);
}

std::expected<ListenAddress, std::string> parse_listen(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return std::unexpected(
        fmt::format("{} {}; write host:port, as \"127.0.0.1:6432\"", sluice::quoted(text), why));
  };
  ListenAddress at;
  if (text.starts_with('/')) {
    // sun_path has 108 bytes, the last one is a NUL.
    if (text.size() > 107) return wrong("is too long for a Unix socket (107 bytes)");
    at.path = text;
    return at;
  }
  std::string_view port = text;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == text.npos || !text.substr(end).starts_with("]:")) return wrong("lacks \"]:port\"");
    at.host = text.substr(1, end - 1);
    port = text.substr(end + 2);
  } else if (const auto colon = text.rfind(':'); colon != text.npos) {
    if (text.find(':') != colon) return wrong("is an IPv6 address without brackets");
    at.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (at.host == "*") at.host.clear();
  }
  const auto number = parse_u64(port, 0, 65535);
  if (!number) return wrong("has no port between 0 and 65535");
  at.port = static_cast<std::uint16_t>(*number);
  return at;
}

bool possible_host(std::string_view host) {
  if (host.starts_with('/')) return true;
  constexpr std::string_view kMarks = "._-:%";
  // Bytes beyond ASCII: names in the user's own script.
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) || kMarks.find(c) != kMarks.npos;
  });
}

}  // namespace sluice::gateway
