#include "session/postgres_portal_runs.h"

#include <algorithm>
#include <utility>

namespace sluice::postgres {

void PortalRuns::put(std::string_view portal, query::RunRef run, bool suspended) {
  auto at = std::ranges::find(runs_, portal, &Bound::portal);
  if (at == runs_.end()) {
    if (!run) return;
    if (runs_.size() >= kMost) runs_.erase(runs_.begin());
    at = runs_.emplace(runs_.end());
    at->portal = portal;
  }
  at->run = std::move(run);
  at->suspended = suspended;
}

query::RunRef PortalRuns::take(std::string_view portal) {
  const auto at = std::ranges::find(runs_, portal, &Bound::portal);
  if (at == runs_.end()) return nullptr;
  at->suspended = false;
  return std::move(at->run);
}

void PortalRuns::close_suspended() {
  for (Bound& bound : runs_) {
    if (!bound.suspended || !bound.run) continue;
    bound.run->finish({.at = now()});
    bound.run.reset();
    bound.suspended = false;
  }
}

}  // namespace sluice::postgres
