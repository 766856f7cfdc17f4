// Pipeline: the walk of every request of every protocol through the six stages, in their one order:
//
//   limit -> query -> cache -> batch -> balance -> pool -> upstream
//
// It is the only place that knows all stages. docs/life-of-a-request.md mirrors it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "flow/upstream.h"
#include "session/session.h"
#include "sluice/balance.h"
#include "sluice/batch.h"
#include "sluice/cache.h"
#include "sluice/limit.h"
#include "sluice/query/examiner.h"

namespace sluice::flow {

// Something heavy, done where no worker has to wait for it. Thread-safe.
class Elsewhere {
 public:
  virtual ~Elsewhere() = default;
  // Runs it on another thread; returns when it is done. Parks the calling fiber meanwhile.
  virtual void run(const std::function<void()>& work) = 0;
};

struct Stages {
  Limiter& limiter;
  std::vector<std::unique_ptr<query::Examiner>>& examiners;  // by home
  Elsewhere& elsewhere;
  Cache& cache;
  Flights& flights;
  const Balancer& balancer;
};

// Thread-safe, as its stages are.
class Pipeline final : public session::Walk {
 public:
  explicit Pipeline(Stages stages) : stages_(stages) {}

  Result<void> ask(session::Client& client, session::Request& q) override;
  Result<query::Seen> follow(session::Client& client, std::string_view statement) override;
  void cancel_wait(session::Client& client) override;

 private:
  query::Seen examine(const session::Client& client, std::string_view statement) const;
  query::Seen examine_veiled(const session::Client& client, std::string_view statement) const;
  query::Seen examine_long(const session::Client& client, std::string_view statement) const;
  Result<void> fetch(session::Client& client, session::Request& q);
  Result<void> fetch_alone(session::Client& client, session::Request& q, const Replica& replica,
                           const Lanes::Sign& sign);
  static std::optional<Result<void>> fetch_shared(session::Client& client, session::Request& q,
                                                  Lanes& lanes, const Lanes::Sign& sign);
  static Result<void> find_connection(session::Client& client, const session::Request& q,
                                      const Replica& replica);
  static void vouch(Lanes& lanes, const Lanes::Sign& sign, session::Client& client,
                    session::Request& q);
  static void settle(session::Client& client, bool answered);

  Stages stages_;
};

}  // namespace sluice::flow
