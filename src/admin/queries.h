// What the API tells of statements: /performance/queries and its neighbours.
#pragma once

#include <span>
#include <string>

#include "admin/http.h"
#include "gateway/gateway.h"
#include "sluice/query/loops.h"
#include "sluice/query/recommend.h"
#include "sluice/query/workload.h"

namespace sluice::admin {

// Thread-safe.
class QueryApi {
 public:
  explicit QueryApi(gateway::Gateway& gateway) : gateway_(gateway) {}

  Answer list(const Request& request) const;
  Answer one(const Request& request) const;  // rest: the fingerprint
  Answer slow(const Request& request) const;
  Answer loops(const Request& request) const;
  Answer recommendations(const Request& request) const;
  Answer reset(const Request& request) const;

 private:
  gateway::Gateway& gateway_;
};

// How a list is cut.
struct Page {
  std::size_t limit = 50, offset = 0;
};

// The bodies, from values: tested without a gateway.
std::string queries_json(std::span<const query::QueryStats> stats, Page page,
                         const query::Workload::Totals& totals,
                         const query::Templates::Counts& counts);
std::string query_json(const query::QueryStats& stats, std::span<const query::Loop> loops,
                       std::span<const query::SlowQuery> slow,
                       std::span<const gateway::SharingView> sharing);
std::string slow_json(std::span<const query::SlowQuery> slow, Page page, Duration threshold);
// What a loop says needs its statements' texts.
using FindTemplate = std::function<query::TemplateRef(const query::Fingerprint&)>;
std::string loops_json(std::span<const query::Loop> loops, Page page, const FindTemplate& find);
std::string recommendations_json(std::span<const query::Recommendation> all, Page page);

}  // namespace sluice::admin
