// Upstream: the replicas that a client's requests may go to, as one identity: database and role.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "flow/lanes.h"
#include "session/session.h"
#include "sluice/balance.h"
#include "sluice/pool.h"

namespace sluice::flow {

struct Replica {
  std::string name;                // "db1:5432"
  std::shared_ptr<PoolCore> pool;  // of session::UpstreamConn
  std::vector<std::shared_ptr<Lanes>> lanes = {};  // by home; empty: nothing is shared
};

// Immutable after it is built; the pools are thread-safe.
class Upstream final : public session::Destination {
 public:
  Upstream(std::vector<Replica> replicas, std::vector<Target> targets)
      : replicas_(std::move(replicas)), targets_(std::move(targets)) {}

  const std::vector<Replica>& replicas() const { return replicas_; }
  const std::vector<Target>& targets() const { return targets_; }  // parallel to replicas()

 private:
  std::vector<Replica> replicas_;
  std::vector<Target> targets_;
};

}  // namespace sluice::flow
