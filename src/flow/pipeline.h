// Pipeline: the walk of every request of every protocol through the six stages, in their one order:
//
//   limit -> query -> cache -> batch -> balance -> pool -> upstream
//
// It is the only place that knows all stages. docs/life-of-a-request.md mirrors it.
#pragma once

#include "flow/upstream.h"
#include "session/session.h"
#include "sluice/balance.h"
#include "sluice/batch.h"
#include "sluice/cache.h"
#include "sluice/limit.h"
#include "sluice/query.h"

namespace sluice::flow {

struct Stages {
  Limiter& limiter;
  const query::Analyzer& analyzer;
  Cache& cache;
  Flights& flights;
  const Balancer& balancer;
};

// Thread-safe, as its stages are.
class Pipeline final : public session::Walk {
 public:
  explicit Pipeline(Stages stages) : stages_(stages) {}

  Result<void> ask(session::Client& client, session::Request& q) override;
  Result<query::Analysis> follow(session::Client& client, std::string_view statement) override;
  void cancel_wait(session::Client& client) override;

 private:
  query::Analysis examine(const session::Client& client, std::string_view statement) const;
  Result<void> fetch(session::Client& client, session::Request& q);
  Result<void> find_connection(session::Client& client, const session::Request& q);
  static void settle(session::Client& client, bool answered);
  static void let_go(session::Client& client, bool intact);

  Stages stages_;
};

}  // namespace sluice::flow
