#include "admin/health.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/endpoint.h"

namespace sluice::admin {
namespace {

constexpr Duration kPatience = std::chrono::milliseconds(500);
constexpr Duration kFresh = std::chrono::seconds(2);

// A connection under way. `fd` < 0: settled.
struct Attempt {
  gateway::Component component;
  int fd = -1;
};

void settle(Attempt& attempt, int error) {
  attempt.component.ready = error == 0;
  attempt.component.detail = error == 0 ? "accepts connections" : std::strerror(error);
  if (attempt.fd >= 0) ::close(attempt.fd);
  attempt.fd = -1;
}

// Begins with the first address of the name: good enough to know whether anybody is there.
Attempt begin(const net::Endpoint& to, Deadline deadline) {
  Attempt attempt{{.name = "upstream " + to.text()}};
  const auto addresses = net::resolve(to, deadline);
  if (!addresses || addresses->empty()) {
    attempt.component.detail = addresses ? "no address" : addresses.error().text();
    return attempt;
  }
  const auto& first = addresses->front();
  attempt.fd = ::socket(first.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (attempt.fd < 0) {
    settle(attempt, errno);
    return attempt;
  }
  const auto* address = reinterpret_cast<const sockaddr*>(first.sockaddr.data());
  if (::connect(attempt.fd, address, static_cast<socklen_t>(first.sockaddr.size())) == 0)
    settle(attempt, 0);
  else if (errno != EINPROGRESS)
    settle(attempt, errno);
  return attempt;
}

void finish(Attempt& attempt) {
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(attempt.fd, SOL_SOCKET, SO_ERROR, &error, &length);
  settle(attempt, error);
}

// All at once, until the deadline.
void wait_for(std::vector<Attempt>& attempts, Deadline deadline) {
  while (true) {
    std::vector<pollfd> fds;
    for (const Attempt& attempt : attempts) fds.push_back({attempt.fd, POLLOUT, 0});
    if (std::none_of(fds.begin(), fds.end(), [](const pollfd& p) { return p.fd >= 0; })) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now()).count();
    if (left <= 0 || ::poll(fds.data(), fds.size(), static_cast<int>(left)) <= 0) break;
    for (std::size_t i = 0; i < attempts.size(); ++i)
      if (fds[i].fd >= 0 && fds[i].revents != 0) finish(attempts[i]);
  }
  for (Attempt& attempt : attempts)
    if (attempt.fd >= 0) settle(attempt, ETIMEDOUT);
}

void add_hosts(std::vector<net::Endpoint>& out, const Dsn& dsn) {
  for (const HostPort& at : dsn.hosts) {
    net::Endpoint endpoint;
    if (at.is_unix()) {
      endpoint.path = postgres_socket_path(at);
    } else {
      endpoint.host = at.host;
      endpoint.port = at.port;
    }
    if (std::find(out.begin(), out.end(), endpoint) == out.end())
      out.push_back(std::move(endpoint));
  }
}

bool is_upstream(const gateway::Component& component) {
  return component.name.starts_with("upstream ");
}

}  // namespace

std::string_view name_of(Health health) {
  switch (health) {
    case Health::ok: return "ok";
    case Health::degraded: return "degraded";
    case Health::draining: return "draining";
    case Health::unavailable: return "unavailable";
  }
  return "unavailable";
}

Health health_of(std::span<const gateway::Component> components, bool draining) {
  if (draining) return Health::draining;
  bool any_upstream = false, any_reachable = false, all_ready = true;
  for (const auto& component : components) {
    all_ready = all_ready && component.ready;
    if (!is_upstream(component)) continue;
    any_upstream = true;
    any_reachable = any_reachable || component.ready;
  }
  if (any_upstream && !any_reachable) return Health::unavailable;
  return all_ready ? Health::ok : Health::degraded;
}

std::vector<net::Endpoint> upstreams_of(const gateway::Config& config) {
  std::vector<net::Endpoint> out;
  for (const auto& listener : config.postgres) {
    add_hosts(out, listener.primary);
    for (const Dsn& replica : listener.replicas) add_hosts(out, replica);
    for (const auto& [name, database] : listener.databases) add_hosts(out, database.dsn);
  }
  return out;
}

std::vector<gateway::Component> UpstreamProbe::look(const gateway::Config& config, Time now) {
  std::vector<net::Endpoint> wanted = upstreams_of(config);
  if (wanted == asked_ && seen_at_ != Time{} && now - seen_at_ < kFresh) return seen_;
  asked_ = std::move(wanted);
  std::vector<Attempt> attempts;
  const Deadline deadline = now + kPatience;
  for (const net::Endpoint& endpoint : asked_) attempts.push_back(begin(endpoint, deadline));
  wait_for(attempts, deadline);
  seen_.clear();
  for (Attempt& attempt : attempts) seen_.push_back(std::move(attempt.component));
  seen_at_ = now;
  return seen_;
}

}  // namespace sluice::admin
