// Api: the resources of the admin listener, in one table (api.cc). Issues that add a resource add a line
// there and a handler.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "admin/health.h"
#include "admin/queries.h"
#include "admin/router.h"
#include "gateway/gateway.h"

namespace sluice::admin {

// Thread-safe; handlers wait for the gateway's workers, so they don't run on one.
class Api {
 public:
  explicit Api(gateway::Gateway& gateway)
      : gateway_(gateway), queries_(gateway), router_(routes()) {}
  const Router& router() const { return router_; }

 private:
  std::vector<Route> routes();
  Answer health(const Request& request, bool only_ready);
  Answer live() const;
  Answer metrics() const;
  Answer pools() const;

  gateway::Gateway& gateway_;
  const QueryApi queries_;
  std::mutex probing_;  // probe_
  UpstreamProbe probe_;
  const Router router_;
};

// The bodies, from values: tested without a gateway.
std::string health_json(Health health, const std::vector<gateway::Component>& components,
                        Duration uptime, bool with_details);
std::string pools_json(const std::vector<gateway::PoolView>& pools,
                       const std::vector<gateway::ClientView>& clients,
                       const std::vector<gateway::Totals>& totals,
                       const std::vector<gateway::ServerView>& servers);

}  // namespace sluice::admin
