// A short queue under a lock: slow statements are rare, or nothing else matters.
#include "query/slow_log.h"

#include <algorithm>
#include <utility>

namespace sluice::query {

void SlowLog::add(SlowQuery slow, std::size_t most) {
  {
    const std::lock_guard lock(mutex_);
    slow.id = ++last_id_;
    while (!kept_.empty() && kept_.size() >= most) kept_.pop_front();
    if (most > 0) kept_.push_back(slow);
  }
  if (hook_) hook_(slow);
}

std::vector<SlowQuery> SlowLog::newest_first() const {
  const std::lock_guard lock(mutex_);
  return {kept_.rbegin(), kept_.rend()};
}

void SlowLog::explained(std::uint64_t id, std::string plan) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(kept_, id, &SlowQuery::id);
  if (found != kept_.end()) found->plan = std::move(plan);
}

void SlowLog::restore(std::vector<SlowQuery> slow, std::size_t most) {
  const std::lock_guard lock(mutex_);
  if (slow.size() > most) slow.resize(most);
  for (SlowQuery& one : slow) {
    last_id_ = std::max(last_id_, one.id);
    kept_.push_front(std::move(one));
  }
}

void SlowLog::clear() {
  const std::lock_guard lock(mutex_);
  kept_.clear();
}

}  // namespace sluice::query
