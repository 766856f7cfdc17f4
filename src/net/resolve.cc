// resolve(): addresses of an endpoint.
//
// getaddrinfo blocks, can't be cancelled, and is the only way that honours the system's own
// configuration (hosts file, nsswitch). So a name gets a thread of its own, detached, and the
// caller waits on an Event no longer than its deadline; a lookup that hangs ends without anybody
// listening. Upstreams are looked up when a connection is made, so threads are few.
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "net/endpoint.h"
#include "sluice/event.h"

namespace sluice::net {
namespace {

template <class Sockaddr>
Address address_of(const Sockaddr& of, std::size_t length, std::string text) {
  const char* bytes = reinterpret_cast<const char*>(&of);
  return {{bytes, bytes + length}, std::move(text)};
}

Result<std::vector<Address>> unix_address(const Endpoint& endpoint) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  if (endpoint.path.size() >= sizeof un.sun_path)
    return fail(Code::invalid_argument, fmt::format("{}: a Unix socket's path has at most {} bytes",
                                                    endpoint.path, sizeof un.sun_path - 1));
  std::memcpy(un.sun_path, endpoint.path.data(), endpoint.path.size());
  const std::size_t length = offsetof(sockaddr_un, sun_path) + endpoint.path.size() + 1;
  return std::vector{address_of(un, length, endpoint.path)};
}

// Empty if the host is a name.
std::vector<Address> numeric_address(const std::string& host, const Endpoint& endpoint) {
  sockaddr_in in{};
  if (::inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1) {
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    return {address_of(in, sizeof in, Endpoint{host, endpoint.port, {}}.text())};
  }
  sockaddr_in6 in6{};
  if (::inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(endpoint.port);
    return {address_of(in6, sizeof in6, Endpoint{host, endpoint.port, {}}.text())};
  }
  return {};
}

std::unexpected<Error> lookup_failed(const std::string& host, int error, int os) {
  const Code code =
      error == EAI_NONAME || error == EAI_NODATA ? Code::not_found : Code::unavailable;
  return fail(code, fmt::format("looking up \"{}\": {}", host, ::gai_strerror(error)),
              error == EAI_SYSTEM ? os : 0);
}

Result<std::vector<Address>> look_up(const Endpoint& endpoint) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  const std::string port = fmt::format("{}", endpoint.port);
  if (const int error = ::getaddrinfo(endpoint.host.c_str(), port.c_str(), &hints, &list))
    return lookup_failed(endpoint.host, error, errno);
  std::vector<Address> addresses;
  for (const addrinfo* one = list; one; one = one->ai_next)
    addresses.push_back(address_of(*one->ai_addr, one->ai_addrlen,
                                   Endpoint::of(*one->ai_addr, one->ai_addrlen).text()));
  ::freeaddrinfo(list);
  if (addresses.empty()) return lookup_failed(endpoint.host, EAI_NONAME, 0);
  return addresses;
}

// Shared by the caller and the thread that looks up: whoever leaves last destroys it.
struct Lookup {
  Endpoint endpoint;
  Result<std::vector<Address>> answer;
  Event done;
};

}  // namespace

Result<std::vector<Address>> resolve(const Endpoint& endpoint, Deadline deadline) {
  if (endpoint.is_unix()) return unix_address(endpoint);
  auto numeric = numeric_address(endpoint.host.empty() ? "127.0.0.1" : endpoint.host, endpoint);
  if (!numeric.empty()) return numeric;
  if (now() >= deadline)
    return fail(Code::timed_out, fmt::format("looking up \"{}\"", endpoint.host));

  auto lookup = std::make_shared<Lookup>(endpoint, std::vector<Address>());
  try {
    std::thread([lookup] {
      lookup->answer = look_up(lookup->endpoint);
      lookup->done.signal();
    }).detach();
  } catch (const std::system_error& error) {
    return fail(Code::exhausted, fmt::format("looking up \"{}\": no thread for it", endpoint.host),
                error.code().value());
  }
  if (!lookup->done.wait(deadline))
    return fail(Code::timed_out, fmt::format("looking up \"{}\"", endpoint.host));
  return std::move(lookup->answer);
}

}  // namespace sluice::net
