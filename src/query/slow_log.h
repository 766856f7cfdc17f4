// Slow log: the newest slow statements of all workers, and who wants to hear of them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "sluice/query/workload.h"

namespace sluice::query {

// Thread-safe but for hook(), which is set before traffic.
class SlowLog {
 public:
  // Keeps it, at most `most` in all, gives it its id and calls the hook, outside of locks.
  void add(SlowQuery slow, std::size_t most);
  std::vector<SlowQuery> newest_first() const;
  void explained(std::uint64_t id, std::string plan);
  void hook(std::function<void(const SlowQuery&)> hook) { hook_ = std::move(hook); }
  // Of an earlier process: newest first, with their ids.
  void restore(std::vector<SlowQuery> slow, std::size_t most);
  void clear();

 private:
  mutable std::mutex mutex_;
  std::deque<SlowQuery> kept_;  // oldest first
  std::uint64_t last_id_ = 0;
  std::function<void(const SlowQuery&)> hook_;
};

}  // namespace sluice::query
