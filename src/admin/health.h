// What /health says: from components to a status that a load balancer understands.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/gateway.h"

namespace sluice::admin {

enum class Health : unsigned char {
  ok,           // everything works
  degraded,     // something doesn't, requests are served
  draining,     // shutting down: send nobody here any more
  unavailable,  // no upstream can be reached
};
std::string_view name_of(Health health);

// Components whose name begins with "upstream " are servers.
Health health_of(std::span<const gateway::Component> components, bool draining);
inline bool is_ready(Health health) { return health == Health::ok || health == Health::degraded; }

// UpstreamProbe: whether each server accepts connections, found out when somebody asks, at most every
// two seconds: an idle gateway disturbs nobody. One thread.
class UpstreamProbe {
 public:
  // Waits at most half a second. "upstream db1:5432", in the configuration's order.
  std::vector<gateway::Component> look(const gateway::Config& config, Time now);

 private:
  std::vector<net::Endpoint> asked_;
  std::vector<gateway::Component> seen_;
  Time seen_at_{};
};

// Every server that a configuration names, each once.
std::vector<net::Endpoint> upstreams_of(const gateway::Config& config);

}  // namespace sluice::admin
