// A lease of a connection that looks to its client like its own.
#pragma once

#include "session/session.h"
#include "sluice/pool.h"

namespace sluice::flow {

// From the pool, on the calling fiber. One that dies of old age on the way is replaced.
Result<PoolLease> lease_for(session::Client& client, PoolCore& pool, const AcquireOptions& options);

// Gives it back; a connection that isn't `intact` is closed. May wait.
void let_go(session::Client& client, PoolLease& lease, bool intact);

}  // namespace sluice::flow
