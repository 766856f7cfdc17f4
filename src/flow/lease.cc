#include "flow/lease.h"

namespace sluice::flow {
namespace {

constexpr int kTries = 3;  // connections that turn out dead before anything was sent

session::UpstreamConn& connection(PoolLease& lease) {
  return static_cast<session::UpstreamConn&>(lease.get());
}

}  // namespace

Result<PoolLease> lease_for(session::Client& client, PoolCore& pool,
                            const AcquireOptions& options) {
  for (int tries = 1;; ++tries) {
    auto lease = pool.acquire(options);
    if (!lease) return lease;
    const bool fresh = lease->fresh();
    auto adopted = connection(*lease).adopt(client);
    if (adopted) return lease;
    const bool alive = connection(*lease).usable();
    let_go(client, *lease, alive);  // even if the client would keep it: it isn't the client's yet
    if (alive || fresh || tries == kTries) return std::unexpected(adopted.error());
  }
}

void let_go(session::Client& client, PoolLease& lease, bool intact) {
  client.last_connection = lease.id();
  client.last_uses = lease.uses();
  if (!connection(lease).settle(client) || !intact) lease.discard();
  lease.give_back();
}

}  // namespace sluice::flow
