#include "admin/api.h"

#include "admin/page.h"
#include "admin/query_metrics.h"
#include "gateway/query_watch.h"
#include "monitor/prometheus.h"

namespace sluice::admin {

std::vector<Route> Api::routes() {
  using enum Access;
  return {
      {"GET", "/", open, [](const Request&) { return page(); }, "live numbers for a browser"},
      {"GET", "/page.css", open, [](const Request&) { return page_style(); }, "the page's looks"},
      {"GET", "/page.js", open, [](const Request&) { return page_script(); }, "the page's script"},
      {"GET", "/health", open, [this](const Request& r) { return health(r, false); },
       "status of every component; 503 if no request can be served"},
      {"GET", "/health/live", open, [this](const Request&) { return live(); },
       "200 while the process runs"},
      {"GET", "/health/ready", open, [this](const Request& r) { return health(r, true); },
       "200 if new clients are welcome, else 503"},
      {"GET", "/metrics", token, [this](const Request&) { return metrics(); },
       "Prometheus' text format"},
      {"GET", "/performance/pools", token, [this](const Request&) { return pools(); },
       "pools, their clients and connections, pins by cause"},
      {"GET", "/performance/queries", token, [this](const Request& r) { return queries_.list(r); },
       "statements and what they cost; sort, order, limit, offset, verb, table, database, user, "
       "search, min_calls"},
      {"GET", "/performance/queries/slow", token,
       [this](const Request& r) { return queries_.slow(r); },
       "single slow executions with their values, newest first"},
      {"POST", "/performance/queries/reset", token,
       [this](const Request& r) { return queries_.reset(r); }, "forgets all statistics"},
      {"GET", "/performance/queries/*", token, [this](const Request& r) { return queries_.one(r); },
       "one statement by its fingerprint: callers, samples, histogram, loops"},
      {"GET", "/performance/n1", token, [this](const Request& r) { return queries_.loops(r); },
       "loops of queries that should have been one; kind, limit, offset"},
      {"GET", "/performance/recommendations", token,
       [this](const Request& r) { return queries_.recommendations(r); },
       "what to do, in plain words, with evidence"},
  };
}

// Who doesn't know the token learns the status, not why.
Answer Api::health(const Request& request, bool only_ready) {
  std::vector<gateway::Component> components = gateway_.components();
  {
    const std::lock_guard lock(probing_);
    for (auto& upstream : probe_.look(*gateway_.config(), now()))
      components.push_back(std::move(upstream));
  }
  const Health health = health_of(components, gateway_.draining());
  if (only_ready) components.clear();
  Answer answer;
  answer.status = is_ready(health) ? 200 : 503;
  answer.body = health_json(health, components, now() - gateway_.started(), request.authorised);
  return answer;
}

Answer Api::live() const { return {.body = "{\"status\":\"ok\"}\n"}; }

Answer Api::metrics() const {
  auto families = gateway_.registry().collect();
  auto& watch = gateway_.queries();
  const auto top = watch.workload().snapshot(gateway_.config()->query.metrics_top);
  for (auto& family : query_families(top, watch.workload().totals(), watch.templates().counts()))
    families.push_back(std::move(family));
  return {.content_type = std::string(monitor::kPrometheusContentType),
          .body = monitor::prometheus_text(families)};
}

Answer Api::pools() const {
  return {.body = pools_json(gateway_.pools(), gateway_.clients(), gateway_.totals(),
                             gateway_.servers())};
}

}  // namespace sluice::admin
