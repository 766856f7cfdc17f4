#include "net/endpoint.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace sluice::net {
namespace {

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

std::unexpected<Error> bad_port(std::string_view text, std::string_view port) {
  return fail(Code::invalid_argument,
              fmt::format("\"{}\": \"{}\" is not a port (0 to 65535)", text, port));
}

std::string ip_text(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family, address, text, sizeof text);
  return text;
}

Endpoint of_ipv6(const sockaddr_in6& in6) {
  const std::uint16_t port = ntohs(in6.sin6_port);
  if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
    return {ip_text(AF_INET, in6.sin6_addr.s6_addr + 12), port, {}};
  return {ip_text(AF_INET6, &in6.sin6_addr), port, {}};
}

// An abstract socket's name begins with NUL and is written with @, as ss(8) does.
Endpoint of_unix(const sockaddr_un& un, std::size_t length) {
  const std::size_t offset = offsetof(sockaddr_un, sun_path);
  if (length <= offset) return {};
  std::string path(un.sun_path, std::min(length - offset, sizeof un.sun_path));
  if (path[0] == '\0') {
    path[0] = '@';
  } else {
    path.resize(::strnlen(path.data(), path.size()));
  }
  return {{}, 0, path};
}

}  // namespace

std::string Endpoint::text() const {
  if (is_unix()) return path;
  if (host.find(':') != std::string::npos) return fmt::format("[{}]:{}", host, port);
  return fmt::format("{}:{}", host, port);
}

Result<Endpoint> Endpoint::parse(std::string_view text, std::uint16_t default_port) {
  if (text.empty()) return fail(Code::invalid_argument, "an address is missing");
  if (text.front() == '/') return Endpoint{{}, 0, std::string(text)};

  Endpoint endpoint{{}, default_port, {}};
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::ranges::all_of(text, is_digit)) {
    if (!parse_port(text, endpoint.port)) return bad_port(text, text);
    return endpoint;
  }

  std::string_view rest;
  if (text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos)
      return fail(Code::invalid_argument, fmt::format("\"{}\": the \"]\" is missing", text));
    endpoint.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
    in6_addr ignored;
    if (::inet_pton(AF_INET6, endpoint.host.c_str(), &ignored) != 1)
      return fail(Code::invalid_argument,
                  fmt::format("\"{}\": \"{}\" is not an IPv6 address", text, endpoint.host));
  } else if (std::ranges::count(text, ':') > 1) {
    return fail(Code::invalid_argument,
                fmt::format("\"{}\": write an IPv6 address in brackets, as in [::1]:5432", text));
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    endpoint.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (rest.empty()) return endpoint;
  if (rest.front() != ':')
    return fail(Code::invalid_argument, fmt::format("\"{}\" is not host:port", text));
  if (!parse_port(rest.substr(1), endpoint.port)) return bad_port(text, rest.substr(1));
  return endpoint;
}

Endpoint Endpoint::of(const sockaddr& address, std::size_t length) {
  switch (address.sa_family) {
    case AF_INET: {
      const auto& in = reinterpret_cast<const sockaddr_in&>(address);
      return {ip_text(AF_INET, &in.sin_addr), ntohs(in.sin_port), {}};
    }
    case AF_INET6: return of_ipv6(reinterpret_cast<const sockaddr_in6&>(address));
    case AF_UNIX: return of_unix(reinterpret_cast<const sockaddr_un&>(address), length);
    default: return {};
  }
}

int Address::family() const {
  sa_family_t family = AF_UNSPEC;
  if (sockaddr.size() >= sizeof family)
    std::memcpy(&family, sockaddr.data() + offsetof(struct sockaddr, sa_family), sizeof family);
  return family;
}

}  // namespace sluice::net
