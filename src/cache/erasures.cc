// Patterns of erasures: the latest are kept, older ones count as if they had hit every key.
#include "cache/erasures.h"

#include <algorithm>

namespace sluice::cache {

void Erasures::stamp(NamespaceId space, const Glob& glob) {
  std::lock_guard lock(mutex_);
  const std::uint64_t at = tick();
  if (patterns_.size() == kPatterns) {
    forgotten_ = patterns_.front().at;
    patterns_.pop_front();
  }
  patterns_.push_back({.at = at, .space = space, .glob = glob});
  raise(last_pattern_, at);
}

bool Erasures::pattern_younger(NamespaceId space, std::string_view key, std::uint64_t at) const {
  std::lock_guard lock(mutex_);
  if (forgotten_ > at) return true;
  return std::ranges::any_of(patterns_, [&](const Pattern& pattern) {
    return pattern.at > at && pattern.space == space && pattern.glob.matches(key);
  });
}

}  // namespace sluice::cache
